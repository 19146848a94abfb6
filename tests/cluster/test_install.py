"""The file of a release, as somebody installs it."""

from pathlib import Path

from tests.cluster.kubectl import BINARY, Kubectl
from tests.rendered import install_files


def test_the_api_server_takes_the_file_of_a_release(nas: Kubectl, tmp_path: Path) -> None:
    files = install_files(tmp_path / "copy", BINARY, "ghcr.io/paretonas")
    said = nas("apply", "--dry-run=server", "-f", str(files["install.yaml"]))
    assert "deployment.apps/paretonas-operator configured" in said  # another image than the one that runs
    Kubectl("")("apply", "--dry-run=client", "-f", str(files["install-all-namespaces.yaml"]))
