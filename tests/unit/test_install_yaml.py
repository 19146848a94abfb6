import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from tests.rendered import FOLDERS, documents, install_files

VERSION = tomllib.loads(Path("pyproject.toml").read_text())["project"]["version"]
KUBECTL = shutil.which("kubectl", path=os.pathsep.join([os.environ.get("BED_BIN", ""), os.environ["PATH"]]))


@pytest.mark.skipif(KUBECTL is None, reason="needs kubectl; the cluster tests have it (tests/cluster/test_install.py)")
@pytest.mark.parametrize(
    ("arguments", "image"),
    [
        (["ghcr.io/paretonas"], f"ghcr.io/paretonas/paretonas-operator:{VERSION}"),
        (["localhost:5000/a/b", "2.0"], "localhost:5000/a/b/paretonas-operator:2.0"),
    ],
)
def test_a_rendered_file_is_what_kustomize_applies_with_a_published_image(
    tmp_path: Path, arguments: list[str], image: str
) -> None:
    assert KUBECTL
    for name, file in install_files(tmp_path / "copy", KUBECTL, *arguments).items():
        applied = subprocess.run([KUBECTL, "kustomize", FOLDERS[name]], capture_output=True, text=True, check=True)
        rendered = documents(file.read_text())
        [operator] = [d for d in rendered if d["kind"] == "Deployment"]
        [container] = operator["spec"]["template"]["spec"]["containers"]
        assert container["image"] == image
        container["image"] = f"paretonas-operator:{VERSION}"
        assert rendered == documents(applied.stdout)
        assert sum(d["kind"] == "CustomResourceDefinition" for d in rendered) == 2


def test_every_image_of_ours_that_a_manifest_or_an_example_names_has_the_version_of_the_package() -> None:
    files = [*Path("deploy").rglob("*.yaml"), *Path("examples").glob("*.yaml"), Path("Dockerfile")]
    named = {tag for file in files for tag in re.findall(r"paretonas-(?:operator|trainer):([\w.]+)", file.read_text())}
    assert named == {VERSION}
