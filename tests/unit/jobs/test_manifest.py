"""The Volcano Job of an attempt, from TorchX's own dry run: no cluster is asked."""

import copy
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException
from tests import builders
from tests.kubelet import started

from paretonas.jobs.job import Launch, SubmitError
from paretonas.jobs.kubernetes import KubernetesJobs
from paretonas.jobs.log_tail import tail, without_torchrun
from paretonas.jobs.manifest import finish_template
from paretonas.jobs.pod_policy import TORCHX_TEMPLATE
from paretonas.kube.refusals import refusal_message

LOGS = {"persistentVolumeClaim": {"claimName": "nas-logs"}, "mountPath": "/logs"}


def submitted(monkeypatch: pytest.MonkeyPatch, **spec: Any) -> dict[str, Any]:
    """The manifest that would be created for the first attempt of a trial."""
    jobs = KubernetesJobs(
        client.ApiClient(client.Configuration(host="http://127.0.0.1:1")),
        "team",
        lambda _: None,
        lambda _: None,
    )
    sent: list[Any] = []
    monkeypatch.setattr(jobs._runner, "schedule", sent.append)
    jobs.submit(launch(**spec))
    manifest: dict[str, Any] = sent[0].request.resource
    return manifest


def launch(x: Any = 0.5, **spec: Any) -> Launch:
    trial = builders.trial(3, x=x)
    stored = trial.replace(metadata=type(trial.metadata)(name=trial.name, namespace="team", uid="trial-uid"))
    return Launch(builders.experiment(**{"logs": LOGS, **spec}), stored, 1)


def template(**fields: Any) -> dict[str, Any]:
    return {"image": "trainer:1", "command": ["python", "-m", "trial"], **fields}


def test_its_name_is_ours_everywhere_and_torchxs_random_one_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (submitted(monkeypatch, trial=template()) for _ in range(2))
    assert first["metadata"]["name"] == "nas-3-a1"
    session = "TORCHX_INTERNAL_SESSION_ID"  # the only thing that differs by run
    for job in (first, second):
        [container] = job["spec"]["tasks"][0]["template"]["spec"]["containers"]
        container["env"] = [e for e in container["env"] if e["name"] != session]
    assert first == second, "two submissions of one attempt must be the same job"


def test_it_belongs_to_its_trial_and_can_be_selected(monkeypatch: pytest.MonkeyPatch) -> None:
    job = submitted(monkeypatch, trial=template())
    [owner] = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["uid"]) == ("NASTrial", "nas-3", "trial-uid")
    labels = {"paretonas.io/experiment": "nas", "paretonas.io/trial": "nas-3", "paretonas.io/attempt": "1"}
    assert job["metadata"]["labels"] == labels
    assert labels.items() <= job["spec"]["tasks"][0]["template"]["metadata"]["labels"].items()


def test_its_pod_is_restricted_and_has_exactly_what_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    resources = {"cpu": "500m", "memory": "512Mi", "nvidia.com/gpu": "0"}
    job = submitted(monkeypatch, trial=template(resources=resources, queue="small"))
    pod = job["spec"]["tasks"][0]["template"]["spec"]
    [container] = pod["containers"]
    assert job["spec"]["queue"] == "small"
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    asked = {"cpu": "500m", "memory": "512Mi"}
    assert container["resources"] == {"limits": asked, "requests": asked}


def test_logs_go_to_the_attempts_own_folder_on_the_claim(monkeypatch: pytest.MonkeyPatch) -> None:
    job = submitted(monkeypatch, trial=template())
    pod = job["spec"]["tasks"][0]["template"]["spec"]
    environment = started(pod["containers"][0])[1]
    assert environment["PARETONAS_LOG_DIR"] == "/logs/nas/nas-3/a1"
    assert environment["PARETONAS_OUTPUT_DIR"] == "/logs/nas/nas-3/output"
    assert {"name": "paretonas-logs", "persistentVolumeClaim": {"claimName": "nas-logs"}} in pod["volumes"]
    assert pod["containers"][0]["command"][-2:] == ["--x=0.5", "--log-dir=/logs/nas/nas-3/a1"]


def test_a_job_ends_with_a_lost_pod_and_a_gang_with_a_failed_one_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    alone = submitted(monkeypatch, trial=template())["spec"]
    gang = submitted(monkeypatch, trial=template(replicas=2))["spec"]
    assert (alone["plugins"], alone["minAvailable"]) == ({}, 1)
    assert "svc" in gang["plugins"]
    assert gang["minAvailable"] == 2
    events = [[p["event"] for p in spec["policies"]] for spec in (alone, gang)]
    assert events == [["PodEvicted"], ["PodEvicted", "PodFailed"]]


def containers(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [only for task in job["spec"]["tasks"] for only in task["template"]["spec"]["containers"]]


def words(container: dict[str, Any]) -> list[str]:
    """Of the command, as the kubelet starts it."""
    return started(container)[0]


def test_the_replicas_of_a_gang_meet_at_the_first_through_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Volcano's `svc` plugin tells each pod VC_<TASK>_HOSTS: `<job>-<task>-0.<job>`, here of task trial-0."""
    job = submitted(monkeypatch, trial=template(replicas=2))
    assert [task["name"] for task in job["spec"]["tasks"]] == ["trial-0", "trial-1"]
    first, second = (words(only)[-1] for only in containers(job))
    assert "--rdzv_endpoint ${TORCHX_RANK0_HOST:=localhost}:29500 --rdzv_id 'nas-3-a1' --nnodes 2" in first
    assert "--rdzv_endpoint ${VC_TRIAL_0_HOSTS:=localhost}:29500 --rdzv_id 'nas-3-a1' --nnodes 2" in second
    for only in containers(job):
        assert only["ports"] == [{"containerPort": 29500, "name": "c10d"}]


def test_every_replica_is_told_the_same_and_is_restricted(monkeypatch: pytest.MonkeyPatch) -> None:
    over = {"spec": {"nodeSelector": {"zone": "b"}, "containers": [{"name": "trial", "tty": True}]}}
    job = submitted(monkeypatch, trial=template(replicas=3, podOverlay=over))
    assert set(job["spec"]["plugins"]) == {"svc", "env"}, "no keys for ssh, which is what the `ssh` plugin makes"
    assert len(containers(job)) == 3
    for only in containers(job):
        environment = started(only)[1]
        assert environment["PARETONAS_LOG_DIR"] == "/logs/nas/nas-3/a1"
        assert environment["PARETONAS_TRIAL"] == "nas-3"
        assert json.loads(environment["PARETONAS_PARAMETERS"]) == {"x": 0.5}
        assert only["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
        assert (only["name"], only["tty"]) == ("trial", True), "an overlay reaches them all"
    for task in job["spec"]["tasks"]:
        pod = task["template"]["spec"]
        assert pod["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
        assert pod["nodeSelector"] == {"zone": "b"}


def test_a_gangs_command_reaches_torchrun_as_it_was_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Once for every GPU of a replica, through the shell that resolves the first one's name."""
    args = ["a b's", "$HOME", "$${app_id}", "$(PATH)", "$$$$7", "--lr", "${parameters.x}"]
    job = submitted(monkeypatch, trial=template(replicas=2, args=args, resources={"nvidia.com/gpu": "4"}))
    command = words(containers(job)[1])
    fake = tmp_path / "torchrun"
    fake.write_text(f"#!{sys.executable}\nimport json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    fake.chmod(0o755)
    found = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "VC_TRIAL_0_HOSTS": "first.nas-3-a1"}
    done = subprocess.run(command, env=os.environ | found, capture_output=True, text=True, check=True)
    seen = json.loads(done.stdout)
    flags = dict(zip(seen[:-11:2], seen[1:-11:2], strict=True))
    assert flags["--rdzv_endpoint"] == "first.nas-3-a1:29500"
    assert flags["--nproc_per_node"] == "4"
    own = ["a b's", "$HOME", "${app_id}", "$(PATH)", "$$$$7", "--lr", "0.5"]
    assert seen[-11:] == ["--no-python", "python", "-m", "trial", *own]


TEXTS = ["$(HOME)", "$$9", "$", "$$", "a$(", "$(PARETONAS_TRIAL)$$(x)", "[FIELD_PATH]metadata.name", "5 $"]


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_text_arrives_as_it_is_on_a_laptop(monkeypatch: pytest.MonkeyPatch, replicas: int) -> None:
    """Whatever the kubelet and TorchX make of a `$`: in the command, in arguments, variables and parameters."""
    for text in TEXTS:
        parameters = [{"name": "x", "choice": {"values": [text, "b"]}}]
        env = [{"name": "A", "value": "${parameters.x}"}, {"name": "B", "value": f"{text}!"}]
        job = submitted(
            monkeypatch,
            x=text,
            parameters=parameters,
            trial=template(command=["run", text], args=["${parameters.x}", text], env=env, replicas=replicas),
        )
        found, environment = started(containers(job)[0])
        if replicas == 1:
            assert found == ["run", text, text, text]
        else:
            said = shlex.split(found[-1])
            assert said[-4:] == ["run", text, text, text]
        assert environment["A"] == text
        assert environment["B"] == f"{text}!"
        assert json.loads(environment["PARETONAS_PARAMETERS"]) == {"x": text}


def test_the_pod_that_is_checked_before_there_is_a_trial_is_the_one_that_is_submitted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """But for what only the trial knows: its words, its variables, its labels."""
    over = {"metadata": {}, "spec": {"nodeSelector": {"zone": "b"}, "initContainers": [{"name": "first"}]}}
    fields = {"serviceAccountName": "trainer", "imagePullSecrets": ["hub"], "podOverlay": over}
    job = submitted(monkeypatch, trial=template(**fields))
    sent = copy.deepcopy(job["spec"]["tasks"][0]["template"])
    checked = finish_template(TORCHX_TEMPLATE, launch(trial=template(**fields)).experiment.spec, over, {})
    for known in ("command", "env", "image", "ports", "resources"):
        sent["spec"]["containers"][0].pop(known)
    del sent["metadata"]["labels"], checked["metadata"]["labels"]
    assert sent["spec"].pop("nodeSelector") == checked["spec"].pop("nodeSelector")
    assert sent == checked


def test_a_pod_that_may_not_be_is_not_submitted_whoever_has_looked_at_its_experiment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for overlay, word in (
        ({"spec": {"hostNetwork": True}}, "hostNetwork"),
        ({"spec": {"containers": [{"name": "trial", "ports": [5]}]}}, r"ports\[0\]"),
    ):
        with pytest.raises(SubmitError, match=rf"^cannot submit nas-3-a1: spec.trial.podOverlay.spec.*{word}"):
            submitted(monkeypatch, trial=template(podOverlay=overlay))


def test_a_refusal_is_told_in_the_api_servers_words() -> None:
    error = ApiException(status=400, reason="Bad Request")
    error.body = '{"message": "queue small does not exist"}'
    assert refusal_message(error) == "queue small does not exist"
    error.body = "not JSON"
    assert refusal_message(error) == "not JSON"


def test_a_failed_trials_last_words_are_its_own_and_not_torchruns() -> None:
    def last_lines(log: str) -> str:
        return tail(without_torchrun(log))

    said = "Traceback (most recent call last):\nValueError: no"
    gives_up = "E1124 11:12:21.456000 7 torch/distributed/elastic/multiprocessing/api.py:1002] failed (exitcode: 1)"
    assert last_lines(f"{said}\n{gives_up} local_rank: 0\n" + "  File torchrun\n" * 40) == said
    assert last_lines("".join(f"{line}\n" for line in range(100))).splitlines()[::19] == ["80", "99"]
    assert last_lines(f"begin{'x' * 10_000}end").endswith("xend")


def test_a_cluster_that_cannot_be_reached_is_a_submit_error() -> None:
    configuration = client.Configuration(host="http://127.0.0.1:1", retries=False)
    jobs = KubernetesJobs(client.ApiClient(configuration), "team", lambda _: None, lambda _: None)
    with pytest.raises(SubmitError, match="nas-3-a1"):
        jobs.submit(launch(trial=template()))


def test_the_working_folder_is_the_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    for given in ("/srv/code", None):
        job = submitted(monkeypatch, trial=template(**({"workingDir": given} if given else {})))
        [container] = job["spec"]["tasks"][0]["template"]["spec"]["containers"]
        assert container.get("workingDir") == given
