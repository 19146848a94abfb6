import sys
from pathlib import Path

import pytest

from paretonas import extras
from paretonas.extras import Extra, MissingExtra, installer_command, require, requirement


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (None, ["paretonas[local]"]),
        (
            {"url": "file:///home/me/paretonas-0.1.0-py3-none-any.whl", "archive_info": {}},
            ["paretonas[local] @ file:///home/me/paretonas-0.1.0-py3-none-any.whl"],
        ),
        (
            {"url": "file:///home/me/my%20clone", "dir_info": {"editable": True}},
            ["--editable", "/home/me/my clone[local]"],
        ),
        ({"url": "file:///home/me/clone", "dir_info": {}}, ["paretonas[local] @ file:///home/me/clone"]),
        (
            {"url": "https://example.org/nas.git", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}},
            ["paretonas[local] @ git+https://example.org/nas.git@c0ffee"],
        ),
    ],
    ids=["index", "wheel", "editable", "folder", "git"],
)
def test_an_extra_is_installed_from_where_the_package_came_from(origin, expected):
    assert requirement([Extra.LOCAL], origin) == expected


@pytest.mark.parametrize(
    ("mark", "installer", "expected"),
    [
        ("uv-receipt.toml", "uv", "uv tool install"),
        ("pipx_metadata.json", "pip", "pipx install --force"),
        (None, "uv", f"uv pip install --python {sys.executable}"),
        (None, "pip", f"{sys.executable} -m pip install"),
        (None, "", f"{sys.executable} -m pip install"),
    ],
)
def test_an_extra_is_installed_by_the_tool_that_installed_the_package(tmp_path: Path, mark, installer, expected):
    if mark:
        (tmp_path / mark).touch()
    assert " ".join(installer_command(tmp_path, installer)) == expected


def test_one_command_installs_all_missing_extras_and_no_others(monkeypatch: pytest.MonkeyPatch):
    installed = {"torch", "aiohttp", "prometheus_client", "ax", "botorch"}
    monkeypatch.setattr(extras, "find_spec", lambda name: name if name in installed else None)
    with pytest.raises(MissingExtra, match=r"paretonas\[local,operator\] \(kopf, torchx are not installed\)") as caught:
        require(Extra.LOCAL, Extra.OPERATOR)
    assert str(caught.value).endswith("[local,operator]'")
    assert "\n" not in str(caught.value)
    installed.add("torchx")
    require(Extra.LOCAL)
    with pytest.raises(MissingExtra, match=r"paretonas\[operator\] \(kopf is not installed\)"):
        require(Extra.LOCAL, Extra.OPERATOR)
