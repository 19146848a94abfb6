"""The notebook of the documentation is run as its reader would run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path("docs/python.ipynb")
RUN = """
import json, sys
from scripts.make_notebook import execute
print(json.dumps(execute(json.load(open(sys.argv[1]))["cells"])))
"""


@pytest.mark.timeout(300)  # Ax, and a process for each trial
def test_the_notebook_runs_and_shows_what_it_has_stored(tmp_path: Path):
    environment = {**os.environ, "PYTHONPATH": str(Path.cwd()), "IPYTHONDIR": str(tmp_path / "ipython")}
    command = [sys.executable, "-c", RUN, str(NOTEBOOK.resolve())]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    now, stored = json.loads(done.stdout), json.loads(NOTEBOOK.read_text())["cells"]
    for cell, before in zip(now, stored, strict=True):
        kinds = [[sorted(o.get("data", {})) for o in c.get("outputs", ())] for c in (cell, before)]
        assert kinds[0] == kinds[1], cell["source"]
    assert len(list((tmp_path / "runs" / "features" / "trials").glob("*.json"))) == 16


def test_the_stored_notebook_was_executed_in_order():
    cells = [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    assert any("image/png" in output.get("data", {}) for cell in cells for output in cell["outputs"])
