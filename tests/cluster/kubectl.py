"""kubectl, as a user types it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import waiting

from paretonas.api import dump_yaml

BINARY = os.path.join(os.environ.get("BED_BIN", ""), "kubectl")  # noqa: PTH118 # pathlib would make ./kubectl of it

PLUGINS = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
"""kubectl finds `kubectl-nas` there: in the environment that runs the tests."""

PATIENCE_SECONDS = 60.0
"""What a loaded machine may take for what an idle one does in a few seconds."""


class Refused(Exception):  # noqa: N818 # the API server's answer, which is often what a test is after
    """kubectl ended with an error; the text is what it printed."""


@dataclass(frozen=True)
class Kubectl:
    """kubectl in one namespace; an empty name is for what has namespaces of its own."""

    namespace: str

    def __call__(self, *arguments: str, stdin: str | None = None, timeout: float = 120) -> str:
        """What it printed. Raises Refused."""
        done = subprocess.run(
            [BINARY, *(["-n", self.namespace] if self.namespace else []), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )
        if done.returncode:
            raise Refused(done.stderr.strip())
        return done.stdout

    def plugin(self, *arguments: str) -> str:
        """What ``kubectl nas …`` prints."""
        done = subprocess.run(
            [BINARY, "nas", *arguments, "-n", self.namespace],
            env={**os.environ, "PATH": PLUGINS},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def apply(self, *documents: dict[str, Any]) -> None:
        """Apply some documents. Raises Refused."""
        self("apply", "-f", "-", stdin="---\n".join(map(dump_yaml, documents)))

    def list(self, kind: str, selector: str = "") -> list[dict[str, Any]]:
        """All resources of a kind, by name."""
        items: list[dict[str, Any]] = json.loads(self("get", kind, "-l", selector, "-o", "json"))["items"]
        return items

    def get(self, kind: str, name: str) -> dict[str, Any] | None:
        """A resource, or None."""
        text = self("get", kind, name, "--ignore-not-found", "-o", "json")
        found: dict[str, Any] | None = json.loads(text) if text else None
        return found

    def wait(self, what: str, condition: str, seconds: float = 120) -> None:
        """Wait for a condition, as ``Succeeded`` or ``Valid=False``. Raises Refused with what is known instead."""
        try:
            self(
                "wait",
                f"--for=condition={condition}",
                what,
                f"--timeout={seconds:.0f}s",
                timeout=seconds + 20,
            )
        except Refused as refused:
            known = self("get", what, "-o", "yaml")
            raise Refused(f"{refused}\n{known}\n{self('get', 'events,pods,vcjob,nastrials')}") from None


def condition(resource: dict[str, Any], kind: str) -> dict[str, str]:
    """A condition of a resource; one that is not set has status ''."""
    conditions = resource.get("status", {}).get("conditions", [])
    return next((c for c in conditions if c["type"] == kind), {"status": "", "reason": "", "message": ""})


def eventually(look: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """As `tests.waiting.eventually`, with a pause that lets an API server breathe."""
    return waiting.eventually(look, what, seconds, pause=0.2)


@contextmanager
def fresh_namespace(name: str) -> Iterator[Kubectl]:
    """A restricted namespace, with the claims that examples use, for as long as the test lasts."""
    kubectl = Kubectl(name)
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kubectl.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    kubectl.apply(*(claim(c) for c in ("nas-logs", "datasets")))
    try:
        yield kubectl
    finally:
        kubectl("delete", "namespace", name, "--wait=false", "--ignore-not-found")


def claim(name: str) -> dict[str, Any]:
    """A claim of the default class."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
