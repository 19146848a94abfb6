"""Fresh environments with the project's wheel, as users create them."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
_SOURCES = ("pyproject.toml", "README.md", "LICENSE", "operator", "trainer", "examples")


def uv() -> str:
    """The installer, which is one of the development requirements."""
    folders = [str(Path(sys.executable).parent), os.environ["PATH"], str(REPOSITORY / ".venv-uv/bin")]
    found = shutil.which("uv", path=os.pathsep.join(folders))
    assert found, "uv is not installed; `make setup` installs it"
    return found


def build_wheel(folder: Path) -> Path:
    """The wheel that a release publishes, built from a copy, since the tree may hold results of other builds."""
    source = folder / "source"
    source.mkdir()
    for name in _SOURCES:
        if (REPOSITORY / name).is_dir():
            skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
            shutil.copytree(REPOSITORY / name, source / name, symlinks=True, ignore=skip)
        else:
            shutil.copy(REPOSITORY / name, source / name)
    _run(uv(), "build", "-q", "--out-dir", str(folder / "dist"), str(source))
    [wheel] = (folder / "dist").glob("*.whl")
    return wheel


def newest_python() -> Path:
    """The newest Python that is installed here and that the project supports."""
    return max(_pythons(), key=_version)


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and a folder to work in."""

    folder: Path
    constraints: Path
    """The versions to install: the pinned ones."""

    @classmethod
    def create(cls, folder: Path, python: Path, wheel: Path, extras: str = "") -> "Environment":
        """Install the wheel alone, or with extras, such as ``[local]``."""
        folder.mkdir()
        pins = folder / "pins.txt"
        locks = [REPOSITORY / "requirements" / name for name in ("torch.txt", "dev.txt")]
        lines = (line for lock in locks for line in lock.read_text().splitlines() if line[:1].isalnum())
        pins.write_text("\n".join(line.removesuffix(" \\") for line in lines))
        environment = cls(folder, pins)
        _run(uv(), "venv", "-q", "--python", str(python), str(folder / "venv"))
        wanted = f"paretonas{extras} @ {wheel.as_uri()}"
        environment.type(shlex.join([uv(), "pip", "install", "-q", "--python", str(folder / "venv"), wanted]))
        return environment

    def type(self, command: str, *, code: int = 0) -> str:
        """What a command line prints, which must exit with this code; the environment is first on its PATH."""
        path = os.pathsep.join([str(self.folder / "venv/bin"), str(Path(uv()).parent), os.environ["PATH"]])
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV", "VIRTUAL_"))}
        done = subprocess.run(
            shlex.split(command),
            cwd=self.folder,
            env={**kept, "PATH": path, "UV_CONSTRAINT": str(self.constraints), "COLUMNS": "300"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, f"{command} exited with {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout + done.stderr


def _pythons() -> Iterator[Path]:
    """Every Python that starts and is new enough: on the PATH, of pyenv, or the one that runs this."""
    yield Path(sys.executable)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    on_path = (shutil.which(f"python3.{minor}") for minor in range(11, 20))
    for python in [*pyenv.glob("3.*/bin/python"), *(Path(found) for found in on_path if found)]:
        if _version(python) >= (3, 11):
            yield python


def _version(python: Path) -> tuple[int, ...]:
    """The minor version; (0,) if it does not start, as a pyenv shim of a version that is not active."""
    code = "import sys; print(*sys.version_info[:2])"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    return tuple(int(word) for word in done.stdout.split()) or (0,)


def _run(*words: str) -> None:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
