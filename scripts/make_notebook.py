"""Run the cells of docs/python.ipynb again, in a new folder, and store their outputs."""

import base64
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

NOTEBOOK = Path("docs/python.ipynb")
_SHOWN = ("text/plain", "text/html", "image/png")


def execute(cells: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run the cells in one shell, as a notebook does, in the current folder. Raises what a cell raises."""
    from IPython.core.interactiveshell import InteractiveShell  # noqa: PLC0415 # it changes this process
    from IPython.utils.capture import capture_output  # noqa: PLC0415 # as above
    from traitlets.config import Config  # noqa: PLC0415 # as above

    config = Config()
    config.HistoryManager.enabled = False  # nothing is left in the user's folder
    shell = InteractiveShell.instance(config=config)
    shown = list[Any]()
    shell.display_trap.hook = lambda value: None if value is None else shown.append(value)
    done, number = list[dict[str, Any]](), 0
    for cell in cells:
        if cell["cell_type"] != "code":
            done.append(cell)
            continue
        number += 1
        shown.clear()
        with capture_output() as captured:
            shell.run_cell("".join(cell["source"]), store_history=True).raise_error()
        outputs: list[dict[str, Any]] = []
        if captured.stdout:
            outputs.append(
                {"output_type": "stream", "name": "stdout", "text": captured.stdout.splitlines(keepends=True)}
            )
        for value in shown:
            found, _ = shell.display_formatter.format(value)
            data = {kind: _stored(found[kind]) for kind in _SHOWN if kind in found}
            outputs.append({"output_type": "execute_result", "execution_count": number, "metadata": {}, "data": data})
        done.append({**cell, "execution_count": number, "outputs": outputs})
    return done


def _stored(form: str | bytes) -> str:
    """A form of an output as a notebook stores it: a picture in base64."""
    return base64.b64encode(form).decode() if isinstance(form, bytes) else form


def main() -> None:
    """Write the notebook anew."""
    path = NOTEBOOK.resolve()
    notebook = json.loads(path.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.chdir(folder)
        os.environ.setdefault("IPYTHONDIR", folder)
        notebook["cells"] = execute(notebook["cells"])
        os.chdir(path.parent)
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
