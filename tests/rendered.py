"""The files of `make install-yaml`, rendered in a copy, so that nobody's dist/ is touched."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import yaml

FOLDERS = {"install.yaml": "deploy/base", "install-all-namespaces.yaml": "deploy/overlays/all-namespaces"}


def install_files(copy: Path, kubectl: str, *arguments: str) -> dict[str, Path]:
    """The rendered files by name."""
    for name in ("deploy", "crds", "scripts"):
        shutil.copytree(name, copy / name)
    shutil.copy("pyproject.toml", copy)
    path = os.pathsep.join([str(Path(kubectl).parent), os.environ["PATH"]])
    subprocess.run([copy / "scripts/install-yaml.sh", *arguments], env={**os.environ, "PATH": path}, check=True)
    return {name: copy / "dist" / name for name in FOLDERS}


def documents(text: str) -> list[dict[str, Any]]:
    """The resources of a file."""
    return list(yaml.safe_load_all(text))
