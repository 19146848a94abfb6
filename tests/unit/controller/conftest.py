"""An operator without kopf: the controller against an API server over HTTP, told by hand what a watch brings."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest
from kubernetes import client
from tests import builders
from tests.local.quick_trial import write_scalars
from tests.unit.api_server import ApiServer, Body
from tests.unit.engine.fakes import suggestion
from tests.waiting import eventually

from paretonas.api import ExperimentSpec
from paretonas.backends.cluster.log_queue import LogQueue
from paretonas.controller.controller import Controller
from paretonas.controller.settings import Settings
from paretonas.kube.client import PatientClient
from paretonas.kube.kinds import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS
from paretonas.kube.labels import EXPERIMENT_LABEL
from paretonas.metrics.reader_process import Question, ReaderAnswer
from paretonas.search import KnownTrial, Suggestion

T = TypeVar("T")

KINDS = {kind.plural: kind for kind in (EXPERIMENTS, TRIALS, VOLCANO_JOBS)}


class GridSearch:
    """Points of a grid; answers once the gate is open. Its process is only counted."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked = self.starts = self.refused_to_end = 0
        self.running = False
        self._lock, self._busy = threading.Lock(), threading.Lock()

    def suggest(self, spec: ExperimentSpec, known: Sequence[KnownTrial], count: int) -> Suggestion:
        with self._busy:
            self.warm_up()
            self.asked += 1
            assert self.gate.wait(30)
            return suggestion(spec, known, count, points=64)

    def warm_up(self) -> None:
        with self._lock:
            self.starts += not self.running
            self.running = True

    def end_if_idle(self) -> bool:
        if not self._busy.acquire(blocking=False):
            self.refused_to_end += 1
            return False
        with self._lock:
            self.running = False
        self._busy.release()
        return True


class ReadHere:
    """Reads logs in this process: another one takes a while to start."""

    def ask(self, question: Question) -> ReaderAnswer:
        return question.answer()

    def close(self) -> None:
        pass


class Cluster:
    """An API server and an operator in the namespace ``team``."""

    def __init__(self, logs: Path) -> None:
        self.server, self.search, self.logs = ApiServer(), GridSearch(), logs
        self._told = 0
        self._controllers: list[Controller] = []
        self.controller = self.operator()

    def operator(self, **settings: Any) -> Controller:
        """An operator process; a later one takes the place of the one before."""
        api = PatientClient(client.Configuration(host=self.server.url, retries=False))
        queue = settings.pop("queue", None) or LogQueue(ReadHere)
        usual = {"namespaces": ("team",), "logs_root": self.logs, "logs_claim": "nas-logs"}
        self.controller = Controller(api, Settings(**{**usual, **settings}), self.search, queue=queue)
        self._controllers.append(self.controller)
        return self.controller

    def close(self) -> None:
        self.search.gate.set()
        for controller in self._controllers:
            if controller.ready:
                controller.stop(5)
        self.server.close()

    # --- what users and Volcano do

    def apply(self, name: str = "nas", **spec: Any) -> None:
        self.server.put(builders.experiment(name, **{**builders.ON_CLUSTER, **spec}))

    def edit(self, name: str = "nas", **spec: Any) -> None:
        """Change fields of the spec, without a look at whether they are valid."""
        body = self.experiment(name)
        self.server.put({**body, "spec": {**body["spec"], **spec}})

    def end(self, job: str, phase: str = "Completed", **metrics: float) -> None:
        """A job ends, with these metrics in its logs."""
        self.log(job, **metrics)
        state = {"phase": phase, "lastTransitionTime": "2026-01-31T12:00:00Z"}
        self.server.set_status("jobs", job, {"state": state})

    def end_pod(self, job: str, **metrics: float) -> None:
        """A job's pod ends well, with these metrics in its logs; the job itself does not say so yet."""
        self.log(job, **metrics)
        metadata = self.server.stored["jobs", "team", job]["metadata"]
        ended = {"exitCode": 0, "startedAt": "2026-01-31T12:00:00Z", "finishedAt": "2026-01-31T12:01:00Z"}
        pod = {
            "metadata": {
                "name": f"{job}-trial-0-0",
                "namespace": "team",
                "resourceVersion": "1",
                "labels": metadata["labels"],
                "ownerReferences": [{"uid": metadata["uid"]}],
                "managedFields": [{"manager": "kubelet"}],
            },
            "spec": {"containers": []},
            "status": {"containerStatuses": [{"state": {"terminated": ended}}]},
        }
        self.controller.handle_change(PODS, "MODIFIED", pod)

    def log(self, job: str, **metrics: float) -> None:
        """Write the logs of a job's attempt."""
        if metrics:
            trial, _, number = job.rpartition("-a")
            folder = self.logs / trial.rpartition("-")[0] / trial / f"a{number}"
            folder.mkdir(parents=True)
            write_scalars(folder, metrics)

    # --- what is stored

    def experiment(self, name: str = "nas") -> Body:
        return self.server.stored["nasexperiments", "team", name]

    def condition(self, kind: str, name: str = "nas") -> tuple[str, str]:
        """Status and message of a condition of an experiment."""
        conditions = self.experiment(name).get("status", {}).get("conditions", ())
        return next(((c["status"], c.get("message", "")) for c in conditions if c["type"] == kind), ("", ""))

    def names(self, plural: str) -> list[str]:
        return sorted(name for of, _, name in self.server.stored.copy() if of == plural)

    def trial(self, name: str) -> Body:
        return self.server.stored["nastrials", "team", name]

    def state(self, trial: str) -> str:
        return str(self.trial(trial).get("status", {}).get("state", "Pending"))

    def events(self) -> list[tuple[str, str]]:
        """Reason and message of what was posted."""
        return [(event["reason"], event["message"]) for event in self.server.told]

    @property
    def exposed(self) -> str:
        """What Prometheus is told."""
        return self.controller.telemetry.exposition().decode()

    @property
    def passes(self) -> int:
        [line] = [line for line in self.exposed.splitlines() if line.startswith("paretonas_pass_seconds_count")]
        return int(float(line.split()[1]))

    # --- the watch

    def watch(self) -> None:
        """Tell the operator all that has happened since it was told last."""
        told, self._told = self._told, len(self.server.events)
        for change, (plural, _, _), body in self.server.events[told : self._told]:
            others = plural == "jobs" and EXPERIMENT_LABEL not in (body["metadata"].get("labels") or {})
            if plural in KINDS and not others:  # kopf watches only jobs with the label
                self.controller.handle_change(KINDS[plural], change, body)

    def deafen(self) -> None:
        """The watch forgets what has happened since."""
        self._told = len(self.server.events)

    def until(self, look: Callable[[], T], what: str) -> T:
        """Watch until the look brings something."""

        def watched() -> T:
            self.watch()
            return look()

        return eventually(watched, what)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path / "logs")
    yield cluster
    cluster.close()
