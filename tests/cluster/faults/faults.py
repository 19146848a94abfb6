"""What is done to a running experiment, and to the cluster that it runs on."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.cluster.faults.claims import damage_log, full, half_record, read_only
from tests.cluster.faults.daemons import Daemon, kill_processes, processes
from tests.cluster.faults.proxy import ADDRESS, PORT, Harm, Proxy
from tests.cluster.kubectl import Kubectl, eventually
from tests.cluster.quick import PROGRAM, of

OPERATOR = ("bin/paretonas-operator",)
"""Words of the command that the operator's process was started with."""

DEPLOYMENT = "deployment/paretonas-operator"
BY_PROXY = {"KUBERNETES_SERVICE_HOST": ADDRESS, "KUBERNETES_SERVICE_PORT": str(PORT)}

Deed = Callable[[Kubectl, str, Proxy], None]
"""Does its harm to the experiment of a name, and mends what nobody else would mend."""


@dataclass(frozen=True)
class Fault:
    """One row of docs/reliability.md."""

    name: str
    do: Deed
    quick: bool = False
    """Whether it is done for every change; the others by ``make chaos`` only."""
    operator: Mapping[str, str] = field(default_factory=dict)
    """Environment that the operator is started with."""
    spec: Mapping[str, Any] = field(default_factory=dict)
    """What the experiment has beside the usual."""
    seconds: float = 2.0
    """Of a trial."""
    fails: int = 0
    """Trials that it makes fail, with a reason: it has destroyed their results."""


def operator_killed(_kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
    kill_processes(*OPERATOR)


def operator_frozen(_kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
    with _frozen():
        time.sleep(12)


class _frozen:  # noqa: N801 # read as a verb: with _frozen()
    """The operator's processes stopped, then let go on."""

    def __enter__(self) -> None:
        self._pids = processes(*OPERATOR)
        for pid in self._pids:
            os.kill(pid, signal.SIGSTOP)

    def __exit__(self, *_: object) -> None:
        for pid in self._pids:
            os.kill(pid, signal.SIGCONT)


def operator_pod_deleted(kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
    kubectl("delete", "pod", "-l", "app.kubernetes.io/component=operator", "--grace-period=0", "--force")


def two_operators(kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
    kubectl("scale", DEPLOYMENT, "--replicas=2")
    time.sleep(15)
    kubectl("scale", DEPLOYMENT, "--replicas=1")


def failpoint_met(kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
    """The operator has ended at its failpoint."""

    def restarted() -> bool:
        pods = kubectl.list("pods", "app.kubernetes.io/component=operator")
        statuses = [s for pod in pods for s in pod["status"].get("containerStatuses", ())]
        return any(s["restartCount"] > 0 for s in statuses)

    eventually(restarted, "the operator ends at its failpoint", seconds=90)


def search_killed(_kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
    kill_processes("paretonas.search.worker")


def trial_pod_deleted(kubectl: Kubectl, name: str, _proxy: Proxy) -> None:
    kubectl("delete", "pod", one_pod(kubectl, name))


def trial_process_killed(kubectl: Kubectl, name: str, _proxy: Proxy) -> None:
    kill_processes("python -c", f"/{name}/{one_pod(kubectl, name).split('-a')[0]}/")


def trial_job_deleted(kubectl: Kubectl, name: str, _proxy: Proxy) -> None:
    kubectl("delete", "vcjob", one_pod(kubectl, name).split("-trial-")[0])


def trial_job_aborted(kubectl: Kubectl, name: str, _proxy: Proxy) -> None:
    abort(kubectl, one_pod(kubectl, name).split("-trial-")[0])


def abort(kubectl: Kubectl, job: str) -> None:
    """What ``vcctl job suspend`` does."""
    owner = kubectl.get("vcjob", job)
    assert owner is not None
    target = {"apiVersion": owner["apiVersion"], "kind": "Job", "name": job, "uid": owner["metadata"]["uid"]}
    kubectl.apply(
        {
            "apiVersion": "bus.volcano.sh/v1alpha1",
            "kind": "Command",
            "metadata": {"name": f"{job}-abort", "ownerReferences": [{**target, "controller": True}]},
            "action": "AbortJob",
            "target": {**target, "controller": True},
        }
    )


def logs_damaged(how: Callable[[Kubectl, str, str], None]) -> Deed:
    """The logs of trials that end while the operator does not look."""

    def deed(kubectl: Kubectl, name: str, _proxy: Proxy) -> None:
        pod = one_pod(kubectl, name)
        with _frozen():
            kubectl("wait", f"pod/{pod}", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
            how(kubectl, name, pod.split("-trial-")[0])

    return deed


def daemon_down(daemon: str, seconds: float) -> Deed:
    def deed(_kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
        with Daemon(daemon).down():
            time.sleep(seconds)

    return deed


def daemon_frozen(daemon: str, seconds: float) -> Deed:
    def deed(_kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
        with Daemon(daemon).frozen():
            time.sleep(seconds)

    return deed


def harmed(seconds: float, methods: str, share: float, status: int | None = None, *, arrives: bool = False) -> Deed:
    """The proxy answers a share of the operator's requests itself."""

    def deed(_kubectl: Kubectl, _name: str, proxy: Proxy) -> None:
        before = proxy.done.total()
        with proxy.harming(Harm(frozenset(methods.split()), share, status, arrives)):
            time.sleep(seconds)
        assert proxy.done.total() > before, "no request was harmed"

    return deed


def watches_cut(_kubectl: Kubectl, _name: str, proxy: Proxy) -> None:
    cut = 0
    for _ in range(6):
        cut += proxy.cut_watches()
        time.sleep(2)
    assert cut, "no watch was open"


def claim_spoiled(how: Callable[[Kubectl], Any], seconds: float) -> Deed:
    def deed(kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
        with how(kubectl):
            time.sleep(seconds)

    return deed


def nothing(_kubectl: Kubectl, _name: str, _proxy: Proxy) -> None:
    """What is wrong is in the experiment."""


def one_pod(kubectl: Kubectl, name: str) -> str:
    """The pod of the experiment that began last of those that run now."""

    def running() -> list[tuple[str, str]]:
        pods = kubectl.list("pods", of(name))
        return sorted(
            (p["status"]["startTime"], p["metadata"]["name"])
            for p in pods
            if _runs(p) and not p["metadata"].get("deletionTimestamp")
        )

    return str(eventually(running, "a pod that runs")[-1][1])


def _runs(pod: dict[str, Any]) -> bool:
    """Whether its program runs; the pod's phase says so for another second."""
    return any("running" in status["state"] for status in pod["status"].get("containerStatuses", ()))


def _at(point: str, *, quick: bool = False) -> Fault:
    return Fault(f"operator: killed {point}", failpoint_met, quick, {"PARETONAS_FAILPOINT": point})


def _proxied(name: str, do: Deed, *, quick: bool = False) -> Fault:
    return Fault(name, do, quick, BY_PROXY)


_LEAVES_A_LOST_NODE = {
    "tolerations": [
        {
            "key": f"node.kubernetes.io/{taint}",
            "operator": "Exists",
            "effect": "NoExecute",
            "tolerationSeconds": 2,
        }
        for taint in ("not-ready", "unreachable")
    ]
}
_SKEWED = """import os, time
_now, _ahead = time.time, len(os.environ["PARETONAS_TRIAL"]) % 2
time.time = lambda: _now() + (3600 if _ahead else -3600)
"""
"""What a pod would see whose node's clock is an hour ahead, or behind."""
_PATIENT = {"failurePolicy": {"retries": 20}}
"""A trial that cannot write its logs crashes, and again at once: whose fault it is nothing tells."""

FAULTS: tuple[Fault, ...] = (
    Fault("operator: SIGKILL", operator_killed, quick=True),
    Fault("operator: pod deleted", operator_pod_deleted),
    Fault("operator: stopped for 12 s", operator_frozen),
    Fault("operator: two at once for 15 s", two_operators, quick=True),
    Fault("search process: SIGKILL", search_killed, quick=True),
    Fault("trial: pod deleted", trial_pod_deleted, quick=True),
    Fault("trial: process SIGKILL", trial_process_killed, quick=True),
    Fault("trial: job deleted", trial_job_deleted, quick=True),
    Fault("trial: job aborted by an administrator", trial_job_aborted),
    Fault(
        "trial: clock an hour wrong",
        nothing,
        spec={"trial": {"command": ["python", "-c", _SKEWED + PROGRAM]}},
    ),
    Fault("logs: last record half written", logs_damaged(half_record), seconds=4),
    Fault("logs: a record damaged", logs_damaged(damage_log), quick=True, seconds=4, fails=1),
    Fault("logs: claim full for 8 s", claim_spoiled(full, 8), spec=_PATIENT),
    Fault("logs: claim read-only for 8 s", claim_spoiled(read_only, 8), quick=True, spec=_PATIENT),
    Fault("API server: killed, back after 30 s", daemon_down("apiserver", 30)),
    Fault("API server: stopped for 15 s", daemon_frozen("apiserver", 15)),
    Fault("etcd: killed, back after 5 s", daemon_down("etcd", 5), quick=True),
    Fault("etcd: stopped for 10 s", daemon_frozen("etcd", 10)),
    Fault("Volcano's controller: down for 15 s", daemon_down("vc-controller", 15)),
    Fault("Volcano's scheduler: down for 15 s", daemon_down("vc-scheduler", 15)),
    Fault("Volcano's webhook: down for 15 s", daemon_down("vc-webhook", 15), quick=True),
    Fault("controller manager: down for 15 s", daemon_down("kcm", 15)),
    Fault("kubelet: down for 20 s", daemon_down("kubelet", 20)),
    Fault(
        "node: lost for 80 s",
        daemon_down("kubelet", 80),
        operator={"PARETONAS_OVERLAY_FIELDS": "default spec.tolerations"},
        spec={"trial": {"podOverlay": {"spec": _LEAVES_A_LOST_NODE}}},
    ),
    _at("after create_trial 1"),
    _at("after create_trial 3", quick=True),
    _at("before suggest 2"),
    _at("after suggest 2"),
    _at("after save_trial 2"),
    _at("before submit 2"),
    _at("after submit 3", quick=True),
    _at("after read 2"),
    _at("before save_status 4"),
    _at("after save_status 4"),
    _proxied("API: half of all writes answered 409", harmed(12, "PUT POST DELETE", 0.5, 409), quick=True),
    _proxied("API: half of all requests answered 429", harmed(12, "GET PUT POST DELETE", 0.5, 429)),
    _proxied("API: half of all requests answered 500", harmed(12, "GET PUT POST DELETE", 0.5, 500)),
    _proxied(
        "API: half of all writes done, but answered 500",
        harmed(12, "PUT POST DELETE", 0.5, 500, arrives=True),
    ),
    _proxied("API: a fifth of all writes lost, no answer", harmed(10, "PUT POST DELETE", 0.2)),
    _proxied("API: a fifth of all writes done, no answer", harmed(10, "PUT POST DELETE", 0.2, arrives=True)),
    _proxied("API: all watches cut six times", watches_cut, quick=True),
)
