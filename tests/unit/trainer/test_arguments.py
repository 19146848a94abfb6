import subprocess
import sys
from pathlib import Path

import pytest

from paretonas_trainer.arguments import Prepare, Trial, parse
from paretonas_trainer.data import MD5, default_data_dir

WRONG = [
    (["--hidden-size-1", "0"], "--hidden-size-1: '0'", "at least 1"),
    (["--hidden-size-2", "12.5"], "--hidden-size-2: '12.5'", "whole number"),
    (["--hidden_size_1", "wide"], "--hidden-size-1: 'wide'", "whole number"),
    (["--learning-rate", "0"], "--learning-rate: '0'", "above 0"),
    (["--learning-rate", "nan"], "--learning-rate: 'nan'", "above 0"),
    (["--learning-rate", "inf"], "--learning-rate: 'inf'", "above 0"),
    (["--epochs", "-1"], "--epochs: '-1'", "at least 1"),
    (["--dropout", "1"], "--dropout: '1'", "from 0 up to, but without, 1"),
    (["--dropout", "-0.1"], "--dropout: '-0.1'", "from 0"),
    (["--batch-size", "0"], "--batch-size: '0'", "at least 1"),
    (["--optimizer", "adamw"], "--optimizer", "'adamw' (choose from"),
    (["--momentum", "1.5", "--optimizer", "sgd"], "--momentum: '1.5'", "from 0"),
    (["--momentum", "0.9"], "--momentum: 0.9", "give --optimizer sgd"),
    (["--momentum", "0.9", "--optimizer", "adam"], "--momentum: 0.9", "leave it out"),
    (["--seed", "-1"], "--seed: '-1'", "from 0 to 4294967295"),
    (["--seed", "4294967296"], "--seed: '4294967296'", "from 0 to 4294967295"),
    (["--accelerator", "tpu"], "--accelerator", "'tpu' (choose from"),
    (["--epochs"], "--epochs", "expected one argument"),
    (["--epoch", "3"], "--epoch", "did you mean --epochs?"),
    (["--hiden_size_1=3"], "--hiden-size-1", "did you mean --hidden-size-1?"),
    (["--colour", "red"], "--colour", "the arguments are --hidden-size-1, "),
    (["prepare", "--epochs", "3"], "--epochs", "the arguments are --data-dir"),
]


@pytest.mark.parametrize(("argv", "named", "remedy"), WRONG, ids=[" ".join(argv) for argv, *_ in WRONG])
def test_a_wrong_argument_is_one_line_with_its_name_its_value_and_the_remedy(
    argv: list[str], named: str, remedy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if argv[0] != "prepare":
        argv = [*argv, "--log-dir", str(tmp_path)]
    with pytest.raises(SystemExit) as ended:
        parse(argv)
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.startswith(f"paretonas_trainer: argument {named}"), said
    assert remedy in said
    assert said.count("\n") == 1, "one line, so that it is what a trial's record shows"


def test_without_a_log_folder_there_is_no_trial(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PARETONAS_LOG_DIR", raising=False)
    with pytest.raises(SystemExit):
        parse([])
    assert "argument --log-dir: is missing: give a folder" in capsys.readouterr().err


def test_a_wrong_argument_is_found_before_anything_slow_is_imported() -> None:
    script = """
import sys
from paretonas_trainer.__main__ import run
try:
    run(["--epochs", "0"])
finally:
    print([name for name in ("numpy", "torch", "pytorch_lightning") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == "[]\n"


def test_a_parameter_is_taken_by_its_own_name_and_by_the_command_lines() -> None:
    dashes = ["--hidden-size-1", "16", "--hidden-size-2=8", "--learning-rate", "1e-05", "--batch-size", "32"]
    underscores = [
        "--hidden_size_1",
        "16",
        "--hidden_size_2=8",
        "--learning_rate",
        "1e-05",
        "--batch_size",
        "32",
    ]
    rest = ["--log-dir", "a_folder", "--data-dir", "sets"]
    trial = parse([*dashes, *rest])
    assert trial == parse([*underscores, *rest])
    assert isinstance(trial, Trial)
    assert (trial.hidden_size_1, trial.hidden_size_2, trial.learning_rate, trial.batch_size) == (
        16,
        8,
        1e-5,
        32,
    )
    assert trial.log_dir == Path("a_folder"), "only names are respelt, not values"


def test_the_folders_come_from_the_environment_where_no_argument_names_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PARETONAS_LOG_DIR", "/logs/t1")
    monkeypatch.setenv("PARETONAS_DATA_DIR", "/sets")
    trial = parse([])
    assert isinstance(trial, Trial)
    assert (trial.log_dir, trial.data_dir) == (Path("/logs/t1"), Path("/sets"))
    assert parse(["prepare"]) == Prepare(Path("/sets"))
    assert parse(["prepare", "--data_dir", "/mine"]) == Prepare(Path("/mine"))


def test_data_is_looked_for_in_slash_data_if_it_is_there_and_else_in_the_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("PARETONAS_DATA_DIR", raising=False)
    monkeypatch.setattr("paretonas_trainer.data.SHARED_DATA_DIR", tmp_path / "shared")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert default_data_dir() == tmp_path / "cache" / "paretonas" / "mnist"
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")  # which the XDG specification says to ignore
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_data_dir() == tmp_path / ".cache" / "paretonas" / "mnist"
    raw = tmp_path / "shared" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in MD5:
        assert default_data_dir() != tmp_path / "shared", f"{name} is still missing there"
        (raw / name).touch()
    assert default_data_dir() == tmp_path / "shared"


def test_a_user_without_a_home_folder_is_asked_for_a_data_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("PARETONAS_DATA_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    with pytest.raises(SystemExit):
        parse(["prepare"])
    assert "argument --data-dir: is missing and has no default here" in capsys.readouterr().err
