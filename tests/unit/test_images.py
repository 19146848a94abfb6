import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

VERSION = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
RECORDER = '#!/bin/sh\necho "$(basename "$0") $*" >>"$RECORD"\n'


def images(folder: Path, *arguments: str, installed: tuple[str, ...], **env: str) -> tuple[int, str, list[str]]:
    """The exit code of scripts/images.sh, what it said, and the commands that it gave to the installed builders."""
    programs, record = folder / "bin", folder / "record"
    programs.mkdir()
    for name in installed:
        (programs / name).write_text(RECORDER)
        (programs / name).chmod(0o755)
    for name in ("sh", "sed", "cat", "dirname", "basename"):  # and no builder of this machine
        (programs / name).symlink_to(shutil.which(name) or "")
    done = subprocess.run(
        [Path("scripts/images.sh").resolve(), *arguments],
        env={"PATH": str(programs), "RECORD": str(record), "HOME": os.environ["HOME"], **env},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stderr, record.read_text().splitlines() if record.exists() else []


def test_both_images_are_built_tagged_and_pushed(tmp_path: Path) -> None:
    code, said, commands = images(tmp_path, "registry.example.org/me", installed=("docker", "podman"), TORCH_INDEX="")
    assert code == 0, said
    assert commands == [
        line
        for target in ("operator", "trainer")
        for name in [f"registry.example.org/me/paretonas-{target}:{VERSION}"]
        for line in (f"docker build --target {target} --build-arg TORCH_INDEX= -t {name} .", f"docker push {name}")
    ]
    assert said.strip().endswith(f"name registry.example.org/me/paretonas-trainer:{VERSION} in spec.trial.image")


def test_the_tag_the_builder_the_torch_and_the_options_of_the_push_can_be_chosen(tmp_path: Path) -> None:
    chosen = {"BUILDER": "buildah", "PUSH_FLAGS": "--tls-verify=false --quiet", "TORCH_INDEX": "http://wheels/whl"}
    code, said, commands = images(tmp_path, "[::1]:5000", "2.1-rc", installed=("docker", "buildah"), **chosen)
    assert code == 0, said
    assert commands[0].startswith("buildah build --target operator --build-arg TORCH_INDEX=http://wheels/whl -t ")
    assert commands[1] == "buildah push --tls-verify=false --quiet [::1]:5000/paretonas-operator:2.1-rc"
    assert "make install-yaml REGISTRY=[::1]:5000 TAG=2.1-rc" in said


@pytest.mark.parametrize(
    ("arguments", "installed", "env", "said"),
    [
        ([], ("docker",), {}, "make images REGISTRY=registry.example.org/me"),
        ([""], ("docker",), {}, "make images REGISTRY=registry.example.org/me"),
        (["here:5000"], (), {}, "needs docker, podman or buildah; install it"),
        (["here:5000"], ("docker",), {"BUILDER": "podman"}, "needs podman; install it"),
    ],
)
def test_without_a_registry_or_a_builder_nothing_is_built(
    tmp_path: Path, arguments: list[str], installed: tuple[str, ...], env: dict[str, str], said: str
) -> None:
    code, words, commands = images(tmp_path, *arguments, installed=installed, TORCH_INDEX="", **env)
    assert (code, commands) == (2, [])
    assert said in words
