"""What is done to a running experiment, and to the cluster that it runs on."""

import os
import signal
import time
from collections.abc import Callable

from tests.cluster.faults.daemons import Daemon, kill_processes, processes
from tests.cluster.kubectl import Kubectl, eventually
from tests.cluster.quick import of

OPERATOR = ("kopf", "paretonas.handlers")
"""Words of the command that the operator's process was started with."""

Fault = Callable[[Kubectl, str], None]
"""Does its harm to an experiment, and mends what nobody else would mend."""


def operator_killed(_kubectl: Kubectl, _name: str) -> None:
    kill_processes(*OPERATOR)


def operator_frozen(_kubectl: Kubectl, _name: str) -> None:
    pids = processes(*OPERATOR)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(12)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def operator_pod_deleted(kubectl: Kubectl, _name: str) -> None:
    kubectl("delete", "pod", "-l", "app.kubernetes.io/component=operator", "--grace-period=0", "--force")


def two_operators(kubectl: Kubectl, _name: str) -> None:
    kubectl("scale", "deployment/paretonas-operator", "--replicas=2")
    time.sleep(15)
    kubectl("scale", "deployment/paretonas-operator", "--replicas=1")


def search_killed(_kubectl: Kubectl, _name: str) -> None:
    kill_processes("paretonas.search.worker")


def trial_pod_deleted(kubectl: Kubectl, name: str) -> None:
    kubectl("delete", "pod", one_pod(kubectl, name))


def trial_process_killed(kubectl: Kubectl, name: str) -> None:
    kill_processes("python -c", f"/{name}/{one_pod(kubectl, name).split('-a')[0]}/")


def trial_job_deleted(kubectl: Kubectl, name: str) -> None:
    kubectl("delete", "vcjob", one_pod(kubectl, name).split("-trial-")[0])


def daemon_down(daemon: str, seconds: float) -> Fault:
    def fault(_kubectl: Kubectl, _name: str) -> None:
        with Daemon(daemon).down():
            time.sleep(seconds)

    return fault


def daemon_frozen(daemon: str, seconds: float) -> Fault:
    def fault(_kubectl: Kubectl, _name: str) -> None:
        with Daemon(daemon).frozen():
            time.sleep(seconds)

    return fault


def one_pod(kubectl: Kubectl, name: str) -> str:
    """A pod of the experiment that runs now."""

    def running() -> list[str]:
        pods = kubectl.list("pods", of(name))
        return [
            p["metadata"]["name"]
            for p in pods
            if p["status"].get("phase") == "Running" and not p["metadata"].get("deletionTimestamp")
        ]

    return str(eventually(running, "a pod that runs")[0])


FAULTS: dict[str, Fault] = {
    "operator: SIGKILL": operator_killed,
    "operator: pod deleted": operator_pod_deleted,
    "operator: stopped for 12 s": operator_frozen,
    "operator: two at once for 15 s": two_operators,
    "search process: SIGKILL": search_killed,
    "trial: pod deleted": trial_pod_deleted,
    "trial: process SIGKILL": trial_process_killed,
    "trial: job deleted": trial_job_deleted,
    "API server: killed, back after 10 s": daemon_down("apiserver", 10),
    "API server: stopped for 15 s": daemon_frozen("apiserver", 15),
    "etcd: killed, back after 5 s": daemon_down("etcd", 5),
    "etcd: stopped for 10 s": daemon_frozen("etcd", 10),
    "Volcano's controller: down for 15 s": daemon_down("vc-controller", 15),
    "Volcano's scheduler: down for 15 s": daemon_down("vc-scheduler", 15),
    "Volcano's webhook: down for 15 s": daemon_down("vc-webhook", 15),
    "kubelet: down for 20 s": daemon_down("kubelet", 20),
    "controller manager: down for 15 s": daemon_down("kcm", 15),
}
