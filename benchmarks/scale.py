"""How the operator performs with a thousand trials: one experiment of 1,000, then 50 experiments of 20 at once.

    eval "$(tests/cluster/bed/cluster.sh env)"; $BED .venv/bin/python -m benchmarks.scale [--trials N] [--experiments N]

Needs the test cluster with the operator in the namespace `paretonas`. API server, operator and search are real;
Volcano's controller and scheduler are stopped, and a stand-in completes the jobs: a second after a job was created it
writes the trial's event file and sets the job's phase. There are no pods, whose number a machine would limit. Measured:

- passes: their durations, from the operator's own histogram, by hundreds of finished trials;
- requests: the operator's requests to the API server a trial, counted in the audit log;
- memory: the operator's processes, with the search, in proportional set size;
- status: bytes of the experiment's status as JSON.
"""

import argparse
import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.turnaround import NAMESPACE, VOLCANO, logs_folder, requests
from kubernetes import client, config, watch
from tests.cluster.faults.daemons import Daemon, processes
from tests.cluster.kubectl import Kubectl
from tests.cluster.quick import quick
from tests.local.quick_trial import write_scalars
from urllib3.exceptions import ProtocolError

LABEL = "paretonas.io/experiment"
JOB_SECONDS = 1.0
PROCESSES = ("paretonas-operator", "paretonas.search.worker", "paretonas.metrics.reader_process")
STANDING = ("vc-controller", "vc-scheduler")
"""Daemons that the stand-in replaces."""


class StandIn:
    """Completes Volcano Jobs: what Volcano's controller, scheduler and a kubelet do between them."""

    def __init__(self, logs: Path) -> None:
        self._logs, self._custom = logs, client.CustomObjectsApi(client.ApiClient())
        self._workers = ThreadPoolExecutor(16)
        self._seen, self._stream = set[str](), watch.Watch()
        self.completed = 0

    @contextmanager
    def working(self) -> Iterator["StandIn"]:
        """Complete jobs while the context is open."""
        with ExitStack() as stack:
            for daemon in STANDING:
                stack.enter_context(Daemon(daemon).down())
            thread = threading.Thread(target=self._follow, daemon=True)
            thread.start()
            try:
                yield self
            finally:
                self._stream.stop()
                self._workers.shutdown(cancel_futures=True)

    def _follow(self) -> None:
        listing = self._custom.list_namespaced_custom_object
        with suppress(ProtocolError):  # how the client ends a watch that is stopped
            for event in self._stream.stream(listing, *VOLCANO, label_selector=LABEL):
                job = event["object"]
                if event["type"] == "ADDED" and job["metadata"]["uid"] not in self._seen:
                    self._seen.add(job["metadata"]["uid"])
                    self._workers.submit(self._complete, job)

    def _complete(self, job: dict[str, Any]) -> None:
        time.sleep(JOB_SECONDS)
        name = job["metadata"]["name"]
        trial, _, attempt = name.rpartition("-a")
        [x, _, _] = job["spec"]["tasks"][0]["template"]["spec"]["containers"][0]["command"][-3:]
        folder = self._logs / job["metadata"]["labels"][LABEL] / trial / f"a{attempt}"
        folder.mkdir(parents=True)
        write_scalars(folder, {"accuracy": 1 - (float(x) - 0.3) ** 2, "size": 10 + 80 * float(x)})
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        state = {"state": {"phase": "Completed", "lastTransitionTime": now}}
        self._custom.patch_namespaced_custom_object_status(*VOLCANO, name, {"status": state})
        self.completed += 1


@dataclass(frozen=True)
class Passes:
    """The operator's histogram of passes at one moment."""

    count: int
    seconds: float
    within_a_second: int

    def since(self, before: "Passes") -> "Passes":
        """The difference to an earlier moment."""
        return Passes(
            self.count - before.count,
            self.seconds - before.seconds,
            self.within_a_second - before.within_a_second,
        )

    @property
    def mean(self) -> float:
        """Mean seconds of a pass."""
        return self.seconds / self.count if self.count else 0.0


@dataclass(frozen=True)
class Look:
    """One moment of a run."""

    finished: int
    at: float
    passes: Passes
    memory: float


def look(finished: int) -> Look:
    """The state of the operator now."""
    return Look(finished, time.monotonic(), passes(), memory())


def passes() -> Passes:
    """Read the operator's metrics."""
    nas = Kubectl(NAMESPACE)
    pod = json.loads(nas("get", "pods", "-l", "app.kubernetes.io/component=operator", "-o", "json"))["items"][0]
    path = f"/api/v1/namespaces/{NAMESPACE}/pods/{pod['metadata']['name']}:8080/proxy/metrics"
    text = nas("get", "--raw", path)

    def value(name: str) -> float:
        found = re.search(rf"^paretonas_pass_seconds{re.escape(name)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    return Passes(int(value("_count")), value("_sum"), int(value('_bucket{le="1.0"}')))


def memory() -> float:
    """Memory of the operator's processes in MB; shared pages count proportionally."""
    total = 0
    for pid in {pid for name in PROCESSES for pid in processes(name)}:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:  # it has just ended
            continue
        total += int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1])  # type: ignore[index] # it is always there
    return total / 1024


def finished(nas: Kubectl, names: Sequence[str]) -> int:
    """Ended trials of all these experiments."""
    items = json.loads(nas("get", "nasexperiments", "-o", "json"))["items"]
    statuses = [item.get("status", {}) for item in items if item["metadata"]["name"] in names]
    return sum(status.get("trials", {}).get("succeeded", 0) for status in statuses)


def ran(names: Sequence[str], documents: Sequence[dict[str, Any]], every: int, total: int) -> list[Look]:
    """Apply the experiments, and look at the operator each time that some more trials have ended."""
    nas = Kubectl(NAMESPACE)
    looks = [look(0)]
    nas.apply(*documents)
    while looks[-1].finished < total:
        time.sleep(1)
        done = finished(nas, names)
        if done >= looks[-1].finished + every or done >= total:
            looks.append(look(done))
            print(f"{done} of {total} trials, {looks[-1].memory:.0f} MB", flush=True)
    for name in names:
        nas.wait(f"nasexperiment/{name}", "Succeeded", 60)
    return looks


def document(name: str, trials: int, parallelism: int, initial: int) -> dict[str, Any]:
    """An experiment whose jobs the stand-in completes."""
    search = {"initialTrials": initial}
    return quick(name, maxTrials=trials, parallelism=parallelism, search=search)


def table(looks: Sequence[Look]) -> str:
    """What happened between the measurements, as Markdown."""
    titles = [
        "finished trials",
        "passes",
        "mean pass, ms",
        "longer than 1 s",
        "passes a trial, ms",
        "trials a second",
        "memory, MB",
    ]
    lines = [f"| {' | '.join(titles)} |", f"|{'---:|' * len(titles)}"]
    for before, after in pairwise(looks):
        part = after.passes.since(before.passes)
        ended = after.finished - before.finished
        cells = [
            f"{before.finished} to {after.finished}",
            part.count,
            f"{1000 * part.mean:.1f}",
            part.count - part.within_a_second,
            f"{1000 * part.seconds / ended:.0f}",
            f"{ended / (after.at - before.at):.1f}",
            f"{after.memory:.0f}",
        ]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


def main() -> None:
    """Both runs, and their tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000, help="of the one experiment")
    parser.add_argument("--by-model", type=int, default=10, help="of these by the model, at the end")
    parser.add_argument("--experiments", type=int, default=50)
    options = parser.parse_args()
    config.load_kube_config()
    stamp, logs, nas = f"{time.time():.0f}"[-5:], logs_folder(), Kubectl(NAMESPACE)
    nas("rollout", "restart", "deployment/paretonas-operator")
    nas("rollout", "status", "deployment/paretonas-operator", "--timeout=120s")
    one = f"scale-{stamp}"
    many = [f"scale-{stamp}-{number}" for number in range(options.experiments)]
    with StandIn(logs).working():
        initial = max(1, options.trials - options.by_model)
        before = requests()
        looks = ran([one], [document(one, options.trials, 20, initial)], options.trials // 10, options.trials)
        asked = _each(before, options.trials)
        status = json.loads(nas("get", "nasexperiment", one, "-o", "json"))["status"]
        size = len(json.dumps(status, separators=(",", ":")))
        print(f"\none experiment of {options.trials} trials, 20 at a time\n\n{table(looks)}")
        print(f"\nstatus {size / 1000:.1f} KB, {status['paretoSetSize']} in the Pareto set; {asked} requests a trial\n")
        if many:
            before, total = requests(), 20 * len(many)
            documents = [document(name, 20, 2, 5) for name in many]
            looks = ran(many, documents, total // 5, total)
            print(f"\n{len(many)} experiments of 20 trials at once, 2 at a time each\n\n{table(looks)}")
            print(f"\n{_each(before, total)} requests a trial")
    nas("delete", "nasexperiments", one, *many, "--wait=false")
    subprocess.run(["rm", "-rf", *(str(logs / name) for name in [one, *many])], check=True)  # of another user


def _each(before: int | None, trials: int) -> str:
    after = requests()
    return "-" if before is None or after is None else f"{(after - before) / trials:.1f}"


if __name__ == "__main__":
    main()
