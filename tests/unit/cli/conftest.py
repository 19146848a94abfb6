"""A command line to call, and an experiment whose trials take 30 ms."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from tests.builders import MINIMAL
from tests.unit.api_server import ApiServer
from tests.unit.cli.random_search import RandomSearch

from paretonas.cli import plan, run
from paretonas.cli.kubectl import nas
from paretonas.cli.main import main

HERE = Path(__file__).parent
TRIAL = [sys.executable, "-I", "-S", str(HERE / "quick_trial.py")]
ARGS = ["--x", "${parameters.x}", "--log-dir", "${trial.logDir}"]


class Project:
    """A folder with an experiment's file, in which commands are called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.runs = folder, folder / "runs"
        self.search = RandomSearch

    def write(self, *, options: tuple[str, ...] = (), name: str = "nas", **spec: Any) -> Path:
        """Write an experiment whose trials get the options of `quick_trial` too."""
        document = {
            "apiVersion": "paretonas.io/v1alpha1",
            "kind": "NASExperiment",
            "metadata": {"name": name},
            "spec": {**MINIMAL, "trial": {"command": [*TRIAL, *options], "args": ARGS}, **spec},
        }
        path = self.folder / f"{name}.yaml"
        path.write_text(yaml.safe_dump(document))
        return path

    def call(self, *arguments: str) -> Result:
        """Call a command in this process, with a random search."""
        given = [] if arguments[0] in {"validate", "plan"} else ["--runs-dir", str(self.runs)]
        with pytest.MonkeyPatch.context() as patch:
            for module in (run, plan):
                patch.setattr(module, "SearchWorker", self.search)
            return CliRunner().invoke(main, [*arguments, *given])

    def run(self, *options: str) -> Result:
        """Run the experiment of `write` to its end, in this process."""
        return self.call("run", str(self.folder / "nas.yaml"), *options)

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start the experiment of `write` in a process of its own, with a random search."""
        return subprocess.Popen(
            [sys.executable, str(HERE / "random_search.py"), "run", "nas.yaml", *arguments],
            cwd=self.folder,
            text=True,
            env={**os.environ, "COLUMNS": "80"},
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options},
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, Result]:
    """An experiment of six trials that was run to its end, and what the run said; tests only look at it."""
    project = Project(tmp_path_factory.mktemp("finished"))
    project.write(maxTrials=6)
    return project, project.run()


class Interruptible(subprocess.Popen[str]):
    """A process that Ctrl-C reaches, also where who runs the tests ignores it; a failing test does not wait for it.

    If it does not end in time, it prints where it is.
    """

    def __init__(self, command: list[str], env: dict[str, str]) -> None:
        def heed() -> None:
            signal.signal(signal.SIGINT, signal.default_int_handler)

        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        env = {**env, "PYTHONFAULTHANDLER": "1"}
        super().__init__(command, text=True, env=env, preexec_fn=heed, **pipes)  # one thread forks

    def __exit__(self, kind: Any, *rest: Any) -> None:
        if kind is subprocess.TimeoutExpired:
            self.send_signal(signal.SIGABRT)
            sys.stderr.write(self.communicate()[1])
        elif kind:
            self.kill()
        super().__exit__(kind, *rest)


class ClusterUser:
    """A person with a kubeconfig, in whose folder `kubectl nas` is called; the context's namespace is ``team``."""

    def __init__(self, folder: Path, server: ApiServer) -> None:
        self.folder, self.server = folder, server
        self.kubeconfig = self.write("kubeconfig", context="here")

    def write(self, name: str, context: str, *, server: str = "", namespace: str = "team") -> Path:
        """Write a kubeconfig."""
        document = {
            "current-context": context,
            "contexts": [{"name": context, "context": {"cluster": name, "user": "jane", "namespace": namespace}}],
            "clusters": [{"name": name, "cluster": {"server": server or self.server.url}}],
            "users": [{"name": "jane", "user": {"token": "secret"}}],
        }
        path = self.folder / name
        path.write_text(yaml.safe_dump(document))
        return path

    def call(self, *arguments: str) -> Result:
        """Call a command in this process."""
        result = CliRunner(env={"KUBECONFIG": str(self.kubeconfig)}).invoke(nas, arguments)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return Interruptible(
            [sys.executable, "-c", "from paretonas.cli.main import kubectl_main; kubectl_main()", *arguments],
            {**os.environ, "KUBECONFIG": str(self.kubeconfig)},
        )


@pytest.fixture
def user(tmp_path: Path, server: ApiServer) -> ClusterUser:
    return ClusterUser(tmp_path, server)
