import platform
import subprocess
import sys
from importlib import metadata

import pytest

CODE = """
import sys
from paretonas.cli.{module} import {group}
{group}(["--version"], prog_name="it", standalone_mode=False)
assert not {{"ax", "kopf", "torch", "torchx"}} & set(sys.modules)
"""


@pytest.mark.parametrize(("module", "group"), [("main", "main"), ("kubectl", "nas")])
def test_the_versions_that_matter_are_shown_and_nothing_slow_is_imported(module: str, group: str) -> None:
    code = CODE.format(module=module, group=group)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert dict(line.split() for line in done.stdout.splitlines()) == {
        "paretonas": metadata.version("paretonas"),
        "python": platform.python_version(),
        "ax": metadata.version("ax-platform"),
        "botorch": metadata.version("botorch"),
        "torch": metadata.version("torch"),
        "torchx": metadata.version("torchx-nightly"),
        "kopf": metadata.version("kopf"),
        "kubernetes": metadata.version("kubernetes"),
    }
