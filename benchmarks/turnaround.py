"""How fast a free slot is filled on a real cluster, compared with bare Volcano Jobs from a small watch loop.

    eval "$(tests/cluster/bed/cluster.sh env)"; $BED python -m benchmarks.turnaround [--seconds 5] [--trials 40]

Needs the operator in the namespace `paretonas` (deploy/overlays/kind) with the logs on a folder of this machine, as the
test cluster has it. Every trial sleeps, writes its metrics and the times of its own start and end. Measured are

- turnaround: a job's end, as a watch brings it, until the next job is there, as the same watch brings it; negative
  where the next one is there before Volcano says that the last one has ended (docs/adr/0006);
- slot idle: the end of a trial's process until the start of the next in its slot;
- all: from the experiment's creation to the last process' end; use: the share of the slots' time that trials ran in;
- first: from the experiment's creation to its first job;
- requests: the operator's requests to the API server a trial, counted in the audit log.
"""

import argparse
import json
import os
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes import client, config, watch
from tests.cluster.kubectl import Kubectl
from tests.cluster.quick import IMAGE, PROGRAM, of, quick
from urllib3.exceptions import ProtocolError

NAMESPACE = "paretonas"
OPERATOR = f"system:serviceaccount:{NAMESPACE}:paretonas-operator"
VOLCANO = ("batch.volcano.sh", "v1alpha1", NAMESPACE, "jobs")
WRITE_TIMES = "(folder / 'times.json').write_text(json.dumps([begun, time.time()]))"
TIMED = "\n".join(["import json, time", "begun = time.time()", PROGRAM, WRITE_TIMES])
PARALLELISM = 4
WATCH_SECONDS = 3600
"""Longer than any run; the watch ends after that."""
REST_SECONDS = 10.0
"""How long the operator is left alone after its start, so that its first job shows how fast it starts from rest."""


@dataclass
class Seen:
    """Volcano Jobs as a watch reports them: when each appeared and when each ended, by name (Unix time)."""

    came: dict[str, float] = field(default_factory=dict)
    over: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Result:
    """The measurements of one run, in seconds, and its requests a trial."""

    name: str
    turnarounds: list[float]
    idle: list[float]
    total: float
    use: float
    first: float
    requests: float | None


@contextmanager
def watching(prefix: str) -> Iterator[Seen]:
    """Watch the jobs whose name has this prefix."""
    seen, stream = Seen(), watch.Watch()

    def follow() -> None:
        custom = client.CustomObjectsApi(client.ApiClient())
        lasting = stream.stream(custom.list_namespaced_custom_object, *VOLCANO, timeout_seconds=WATCH_SECONDS)
        with suppress(ProtocolError):  # how the client ends a watch that is stopped
            for event in lasting:
                name, now = event["object"]["metadata"]["name"], time.time()
                phase = event["object"].get("status", {}).get("state", {}).get("phase")
                if name.startswith(prefix):
                    seen.came.setdefault(name, now)
                    if phase in {"Completed", "Failed"}:
                        seen.over.setdefault(name, now)

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    time.sleep(1)  # the watch is open
    try:
        yield seen
    finally:
        stream.stop()


def run_experiment(name: str, seconds: float, trials: int, logs: Path) -> Result:
    """Run the experiment with the operator as it is configured now."""
    nas = Kubectl(NAMESPACE)
    trial = {"command": ["python", "-c", TIMED], "resources": {"memory": "64Mi"}}
    document = quick(
        name,
        seconds=seconds,
        maxTrials=trials,
        parallelism=PARALLELISM,
        search={"initialTrials": min(5, trials)},
        trial=trial,
    )
    before = requests()
    with watching(name) as seen:
        start = time.time()
        nas.apply(document)
        nas.wait(f"nasexperiment/{name}", "Succeeded", 100 + 2 * seconds * trials / PARALLELISM)
    after = requests()
    result = measured(
        name,
        seen,
        start,
        times(logs, name),
        None if before is None or after is None else (after - before) / trials,
    )
    nas("delete", "nasexperiment", name)
    nas("wait", "--for=delete", "pods", "-l", of(name), "--timeout=60s")
    return result


def run_bare(name: str, seconds: float, trials: int, logs: Path) -> Result:
    """The lower bound: the same jobs from a loop that only keeps the slots full."""
    custom = client.CustomObjectsApi(client.ApiClient())
    ended, stream = 0, watch.Watch()
    with watching(name) as seen:
        start = time.time()
        for index in range(PARALLELISM):
            custom.create_namespaced_custom_object(*VOLCANO, bare_job(name, index, seconds))
        created, over = PARALLELISM, set[str]()
        for event in stream.stream(custom.list_namespaced_custom_object, *VOLCANO, label_selector=f"bare={name}"):
            job = event["object"]
            if job.get("status", {}).get("state", {}).get("phase") != "Completed" or job["metadata"]["name"] in over:
                continue
            over.add(job["metadata"]["name"])
            ended += 1
            if created < trials:
                custom.create_namespaced_custom_object(*VOLCANO, bare_job(name, created, seconds))
                created += 1
            if ended == trials:
                break
        stream.stop()
        time.sleep(0.5)
    result = measured(name, seen, start, times(logs, name), None)
    Kubectl(NAMESPACE)("delete", "vcjob", "-l", f"bare={name}")
    return result


def bare_job(name: str, index: int, seconds: float) -> dict[str, Any]:
    """A Volcano Job with one pod like a trial's."""
    container = {
        "name": "trial",
        "image": IMAGE,
        "command": ["python", "-c", TIMED, "0.5", str(seconds), f"/logs/{name}/{name}-{index}/a1"],
        "resources": {"limits": {"memory": "64Mi"}},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "logs", "mountPath": "/logs"}],
    }
    pod = {
        "restartPolicy": "Never",
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "logs", "persistentVolumeClaim": {"claimName": "nas-logs"}}],
    }
    return {
        "apiVersion": "batch.volcano.sh/v1alpha1",
        "kind": "Job",
        "metadata": {"name": f"{name}-{index}-a1", "labels": {"bare": name}},
        "spec": {
            "schedulerName": "volcano",
            "queue": "default",
            "minAvailable": 1,
            "tasks": [{"name": "trial", "replicas": 1, "template": {"spec": pod}}],
        },
    }


def measured(name: str, seen: Seen, start: float, spans: Sequence[tuple[float, float]], asked: float | None) -> Result:
    """The measurements of a run, from what the watch and the processes report."""
    came, over = sorted(seen.came.values()), sorted(seen.over.values())
    begun, ended = sorted(b for b, _ in spans), sorted(e for _, e in spans)
    # in the order of time, the n-th end frees the slot that the (n + parallelism)-th job takes
    turnarounds = [later - end for end, later in zip(over, came[PARALLELISM:], strict=False)]
    idle = [later - end for end, later in zip(ended, begun[PARALLELISM:], strict=False)]
    busy = sum(e - b for b, e in spans)
    whole = PARALLELISM * (ended[-1] - begun[0])
    return Result(name, turnarounds, idle, ended[-1] - start, busy / whole, came[0] - start, asked)


def times(logs: Path, name: str) -> list[tuple[float, float]]:
    """Start and end of every trial's process."""
    found = [json.loads(path.read_text()) for path in sorted((logs / name).glob("*/a*/times.json"))]
    return [(start, end) for start, end in found]


def requests() -> int | None:
    """The number of the operator's requests in the API server's audit log; None without an audit log."""
    logs = list(Path(os.environ.get("BED_STATE", "/nowhere"), "log").glob("audit*.log"))  # also those put aside
    return sum(log.read_text().count(f'"username":"{OPERATOR}"') for log in logs) if logs else None


def logs_folder() -> Path:
    """The folder of the logs claim on this machine."""
    nas = Kubectl(NAMESPACE)
    volume = json.loads(nas("get", "pvc", "nas-logs", "-o", "json"))["spec"]["volumeName"]
    return Path(json.loads(nas("get", "pv", volume, "-o", "json"))["spec"]["hostPath"]["path"])


def restart(ahead: int, settle: float) -> None:
    """Make the operator keep this many candidates ready, restart it, and give its search some seconds to warm up."""
    nas = Kubectl(NAMESPACE)
    nas("set", "env", "deployment/paretonas-operator", f"PARETONAS_ASK_AHEAD={ahead}")
    nas("rollout", "restart", "deployment/paretonas-operator")
    nas("rollout", "status", "deployment/paretonas-operator", "--timeout=120s")
    time.sleep(settle)


def table(results: Sequence[Result]) -> str:
    """The runs as Markdown."""

    def part(values: Sequence[float], share: float) -> str:
        return (
            f"{statistics.quantiles(values, n=100, method='inclusive')[round(100 * share) - 1]:.2f}"
            if len(values) > 1
            else "-"
        )

    lines = [
        "| | turnaround p50 | p95 | slot idle p50 | p95 | all | use | first job | requests a trial |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for r in results:
        counted = "-" if r.requests is None else f"{r.requests:.1f}"
        quantiles = [part(values, share) for values in (r.turnarounds, r.idle) for share in (0.5, 0.95)]
        cells = [r.name, *quantiles, f"{r.total:.1f}", f"{r.use:.3f}", f"{r.first:.2f}", counted]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Run each way once and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0, help="a trial's sleep")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--ahead", nargs="*", type=int, default=[1, 0], help="candidates kept ready, a run each")
    parser.add_argument("--cold", action="store_true", help="a short run right after the operator's start too")
    parser.add_argument("--bare", action=argparse.BooleanOptionalAction, default=True, help="the floor too")
    options = parser.parse_args()
    config.load_kube_config()
    logs, stamp, results = logs_folder(), f"{time.time():.0f}"[-5:], list[Result]()
    for ahead in options.ahead:
        restart(ahead, REST_SECONDS)
        print(f"{ahead} ahead ...", flush=True)
        results.append(run_experiment(f"ahead-{ahead}-{stamp}", options.seconds, options.trials, logs))
    if options.cold:
        restart(1, 0.0)
        print("just started ...", flush=True)
        results.append(run_experiment(f"just-started-{stamp}", options.seconds, PARALLELISM, logs))
    if options.bare:
        print("bare jobs ...", flush=True)
        results.append(run_bare(f"bare-{stamp}", options.seconds, options.trials, logs))
    subprocess.run(["rm", "-rf", *(str(logs / r.name) for r in results)], check=True)  # of another user
    print(table(results))


if __name__ == "__main__":
    main()
