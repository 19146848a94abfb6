"""Experiments whose trials take a second: the real trainer image, with a program that writes two scalars by hand."""

import inspect
from typing import Any

from tests.local import quick_trial


def of(name: str) -> str:
    """The selector of everything that belongs to an experiment."""
    return f"paretonas.io/experiment={name}"


IMAGE = "paretonas-trainer:0.1.0"

_PARTS = (
    quick_trial.crc32c,
    quick_trial.masked,
    quick_trial.record,
    quick_trial.field,
    quick_trial.scalar,
    quick_trial.write_scalars,
)

PROGRAM = "\n".join(
    [
        "import os, struct, sys, time",
        "from pathlib import Path",
        f"CRC32C = {quick_trial.CRC32C}",
        *map(inspect.getsource, _PARTS),
        "x, seconds, folder = float(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3])",
        "folder.mkdir(parents=True)",  # fails where another attempt has been
        "print('x is', x, flush=True)",
        "time.sleep(seconds)",
        "write_scalars(folder, {'accuracy': 1 - (x - 0.3) ** 2, 'size': 10 + 80 * x})",
    ]
)
"""``python -c PROGRAM X SECONDS LOG_DIR``; importing torch would take longer than all of it."""


def quick(name: str, *, seconds: float = 1.0, trial: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """An experiment over one parameter, with some fields of its spec and its trial changed."""
    return {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASExperiment",
        "metadata": {"name": name},
        "spec": {
            "objectives": [
                {"metric": "accuracy", "goal": "Maximize", "threshold": 0.0},
                {"metric": "size", "goal": "Minimize", "threshold": 100.0},
            ],
            "parameters": [{"name": "x", "float": {"min": 0.0, "max": 1.0}}],
            "maxTrials": 4,
            "parallelism": 2,
            "logs": {"persistentVolumeClaim": {"claimName": "nas-logs"}, "mountPath": "/logs"},
            **spec,
            "trial": {
                "image": IMAGE,
                "command": ["python", "-c", PROGRAM],
                "args": ["${parameters.x}", str(seconds), "${trial.logDir}"],
                "resources": {"memory": "64Mi"},  # a limit on the processor would make a second's trial last five
                **(trial or {}),
            },
        },
    }
