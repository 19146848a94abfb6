"""What is left out of the imports comes back when it is asked for, whichever way."""

import subprocess
import sys

import pytest

QUICK = """
import sys
from paretonas_trainer.quick_import import import_lightning
import_lightning()
slow = {"scipy", "matplotlib", "torchvision", "sympy", "torch._dynamo.utils"}
assert slow.isdisjoint(sys.modules), slow.intersection(sys.modules)
import torch
"""
ASKING_FOR_THE_COMPILER = {
    "by compiling": "assert torch.compile(lambda x: x + 1, backend='eager')(torch.zeros(1)).item() == 1",
    "by a submodule, as determinism on a GPU does": "torch.use_deterministic_algorithms(True)",
}
REAL = """
import scipy.stats  # no longer out of sight
import torch._dynamo.utils
assert torch._dynamo.utils is sys.modules["torch._dynamo.utils"]
assert torch._dynamo.__file__.endswith("__init__.py")
"""


def run(script: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=110)


@pytest.mark.parametrize("way", ASKING_FOR_THE_COMPILER)
def test_the_real_compiler_is_there_when_it_is_asked_for(way: str) -> None:
    done = run("\n".join((QUICK, ASKING_FOR_THE_COMPILER[way], REAL)))
    assert done.returncode == 0, done.stderr


def test_a_package_that_is_needed_after_all_is_imported() -> None:
    needing = """
from paretonas_trainer import quick_import
quick_import.UNUSED = ("torchmetrics",)  # as if another version needed what this one does not
quick_import.import_lightning()
import pytorch_lightning, torchmetrics
assert pytorch_lightning.Trainer and torchmetrics.Metric
"""
    done = run(needing)
    assert done.returncode == 0, done.stderr
