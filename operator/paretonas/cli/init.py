"""`paretonas init`: the files that a new experiment begins with."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from paretonas.api import InvalidDocument, Problem, load_experiment

OWN_SCRIPT: Final = "own-script"
"""The template with a training script of one's own; each of the others is an example."""

_SCRIPT: Final = "train.py"
_NAME: Final = re.compile(r"^( *name:) .*$", re.MULTILINE)
_COMMAND: Final = re.compile(r"(paretonas run|kubectl apply -f) \S+")
_MODELINE: Final = re.compile(r"^# yaml-language-server:.*\n", re.MULTILINE)
"""It leads to the schema from the place of the example."""


def templates() -> list[str]:
    """The names of all templates, the default first."""
    return [OWN_SCRIPT, *sorted(file.name.removesuffix(".yaml") for file in _folder("examples").iterdir())]


def create(name: str, template: str, folder: Path) -> list[Path]:
    """Create the files of a new experiment in a folder, and say which.

    Args:
        name: the experiment's name, and that of its file.
        template: one of `templates`.
        folder: where the files go; it exists.

    Raises:
        InvalidDocument: the name is not valid, or a file exists already; nothing was written.
    """
    file = f"{name}.yaml"
    source = "experiment.yaml" if template == OWN_SCRIPT else f"examples/{template}.yaml"
    text = _MODELINE.sub("", _folder(source).read_text(encoding="utf-8"))
    text = _COMMAND.sub(rf"\1 {file}", _NAME.sub(rf"\1 {name}", text, count=1))
    load_experiment(text)  # a name that is not valid
    texts = {file: text}
    if template == OWN_SCRIPT:
        texts[_SCRIPT] = _folder(_SCRIPT).read_text(encoding="utf-8")
    existing = [folder / path for path in texts if (folder / path).exists()]
    if existing:
        raise InvalidDocument([Problem(str(path), "exists", "move it, or choose another folder") for path in existing])
    for path, content in texts.items():
        with (folder / path).open("x", encoding="utf-8") as stream:
            stream.write(content)
    return [folder / path for path in texts]


def _folder(path: str) -> Traversable:
    return files("paretonas.templates").joinpath(path)
