import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

VERSION = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]


def test_every_make_target_that_a_workflow_calls_exists() -> None:
    targets = set(re.findall(r"^([\w-]+):", Path("Makefile").read_text(), re.MULTILINE))
    called = set()
    for file in Path(".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(file.read_text())["jobs"].values():
            matrix = job.get("strategy", {}).get("matrix", {})
            called |= set(matrix.get("target", ())) | {entry["target"] for entry in matrix.get("include", ())}
            for step in job.get("steps", ()):
                called |= set(re.findall(r"\bmake ([\w-]+)", step.get("run", "")))
    assert called
    assert called <= targets


def test_the_workflow_installs_the_kind_whose_kubernetes_is_pinned() -> None:
    told = re.search(r"kind (v[\d.]+)'s own default", Path("kind-config.yaml").read_text())
    assert told
    assert f"version: {told[1]}}}" in Path(".github/workflows/kind.yml").read_text()


@pytest.mark.parametrize(("tag", "said"), [(f"v{VERSION}.9", f"tag v{VERSION}"), (VERSION, f"tag v{VERSION}")])
def test_a_tag_that_is_not_the_version_is_not_released(tag: str, said: str) -> None:
    done = subprocess.run(["scripts/release-notes.sh", tag], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr


def test_the_notes_of_a_release_are_its_part_of_the_changelog(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    shutil.copy("scripts/release-notes.sh", tmp_path / "scripts")
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.10.0"\n')
    log = tmp_path / "CHANGELOG.md"
    log.write_text("# Changelog\n\n## 1.10.0 (2027-01-02)\n\n- ten\n\n### more\n\n## 1.1\n\n- one\n")
    command = [tmp_path / "scripts/release-notes.sh", "v1.10.0"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "## 1.10.0 (2027-01-02)\n\n- ten\n\n### more\n"
    log.write_text("# Changelog\n\n## Unreleased\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert 'no section "## 1.10.0"' in done.stderr
