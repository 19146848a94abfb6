"""`kubectl nas`: the commands that look and the two that steer, against an API server of a few paths."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import Result
from tests import builders
from tests.local.quick_trial import write_scalars
from tests.unit.cli.conftest import ClusterUser, Project

from paretonas.api import Condition, NASExperiment, NASTrial, TrialCounts, TrialState
from paretonas.backends.local.store import read_experiment, read_trials
from paretonas.controller.expiry import without_trials
from paretonas.kube.client import Resources

Finished = tuple[Project, Result]


def only_line(text: str) -> str:
    [line] = text.splitlines()
    return line


def without_ages(table: str) -> list[str]:
    return [re.sub(r"\s+\S+$", "", line) for line in table.splitlines()]


def running(experiment: NASExperiment, amount: int, *, reason: str = "") -> NASExperiment:
    """The experiment with some running trials, or finished for a reason."""
    counts = TrialCounts(total=amount + 2, running=amount, succeeded=2)
    done = Condition(
        type="Succeeded",
        status="True" if reason else "Unknown",
        reason=reason or "Running",
        last_transition_time=datetime(2026, 1, 1, tzinfo=UTC),
    )
    return experiment.replace(status=experiment.status.replace(trials=counts, conditions=(done,)))


@pytest.fixture
def cluster(finished: Finished, user: ClusterUser) -> ClusterUser:
    """A user of a cluster with the very experiment that was run locally."""
    folder = finished[0].runs / "nas"
    user.server.put(read_experiment(folder))
    for trial in read_trials(folder):
        user.server.put(trial)
    return user


# --- the same as `paretonas`


@pytest.mark.parametrize(
    "command",
    [
        ["pareto", "nas"],
        ["pareto", "nas", "-o", "json"],
        ["pareto", "nas", "-o", "csv"],
        ["pareto", "nas", "-o", "yaml"],
        ["export", "nas"],
        ["export", "nas", "-o", "json"],
        ["trials", "nas", "-o", "json"],
        ["trials", "nas", "-o", "csv"],
        ["trials", "nas", "-o", "name"],
        ["get", "-o", "name"],
    ],
)
def test_the_output_is_that_of_local_mode(finished: Finished, cluster: ClusterUser, command: list[str]) -> None:
    local, remote = finished[0].call(*command), cluster.call(*command)
    assert remote.exit_code == 0
    assert remote.stdout == local.stdout
    assert not remote.stderr


@pytest.mark.parametrize("command", ["get", "trials nas", "get nas -o wide", "trials nas -o wide"])
def test_the_tables_are_those_of_local_mode(finished: Finished, cluster: ClusterUser, command: str) -> None:
    local, remote = finished[0].call(*command.split()), cluster.call(*command.split())
    assert without_ages(remote.stdout) == without_ages(local.stdout)
    assert len(remote.stdout.splitlines()) > 1


def test_a_description_is_that_of_local_mode_but_for_where_its_files_are(
    finished: Finished, cluster: ClusterUser
) -> None:
    stored = read_experiment(finished[0].runs / "nas")
    cluster.server.put(stored.replace(spec=stored.spec.replace(logs=builders.spec(**builders.ON_CLUSTER).logs)))
    local, remote = (user.call("get", "nas").stdout for user in (finished[0], cluster))
    files = "\n\nFile:", "\n\nClaim:"
    assert without_ages(remote.partition(files[1])[0].replace("Namespace:   team\n", "")) == without_ages(
        local.partition(files[0])[0]
    )
    assert remote.splitlines()[-3:] == [
        "Claim:       nas-logs",
        "Logs:        nas/nas-<index>/a<attempt> in the claim nas-logs",
        "Outputs:     nas/nas-<index>/output in the claim nas-logs",
    ]


def test_an_experiment_is_printed_as_the_resource_that_it_is(finished: Finished, cluster: ClusterUser) -> None:
    local = yaml.safe_load(finished[0].call("get", "nas", "-o", "yaml").stdout)
    remote = yaml.safe_load(cluster.call("get", "nas", "-o", "yaml").stdout)
    assert (remote["spec"], remote["status"]) == (local["spec"], local["status"])
    assert remote["metadata"]["namespace"] == "team"
    assert "managedFields" not in remote["metadata"], "kubectl hides them too"
    listed = json.loads(cluster.call("get", "-o", "json").stdout)
    assert [item["metadata"]["name"] for item in listed["items"]] == ["nas"]


# --- where it looks


def test_the_namespace_is_that_of_the_context_or_of_the_option(user: ClusterUser) -> None:
    user.server.put(builders.experiment("here"))
    user.server.put(builders.experiment("there"), "other")
    assert user.call("get").stdout.splitlines()[1].split()[0] == "here"
    for command in (["get", "-n", "other"], ["-n", "other", "get"], ["get", "--namespace", "other"]):
        assert user.call(*command).stdout.splitlines()[1].split()[0] == "there"


def test_all_namespaces_are_listed_with_a_column_for_them(user: ClusterUser) -> None:
    user.server.put(builders.experiment("nas"))
    user.server.put(builders.experiment("nas"), "other")
    header, *lines = user.call("get", "-A").stdout.splitlines()
    assert header.split()[:2] == ["NAMESPACE", "NAME"]
    assert [line.split()[:2] for line in lines] == [["other", "nas"], ["team", "nas"]]


def test_a_name_is_not_looked_up_in_all_namespaces(user: ClusterUser) -> None:
    result = user.call("get", "nas", "-A")
    assert result.exit_code == 2
    assert "NAME is looked up in one namespace" in result.stderr


def test_the_context_and_the_file_can_be_chosen(user: ClusterUser) -> None:
    user.server.put(builders.experiment("there"), "prod")
    other = user.write("other", context="there", namespace="prod")
    assert "there" in user.call("get", "--kubeconfig", str(other)).stdout
    user.kubeconfig = Path(f"{user.kubeconfig}:{other}")
    assert "there" in user.call("get", "--context", "there").stdout


def test_of_several_files_the_first_ones_context_counts(user: ClusterUser) -> None:
    user.server.put(builders.experiment("here"))
    down = user.write("down", context="down", server="http://127.0.0.1:9")
    user.kubeconfig = Path(f"{user.kubeconfig}:{user.folder / 'absent'}:{down}")
    assert "here" in user.call("get").stdout


def test_a_namespace_without_experiments_says_so(user: ClusterUser) -> None:
    result = user.call("get", "-n", "empty")
    assert result.exit_code == 0
    assert only_line(result.stderr) == "no experiment in namespace empty"
    assert only_line(user.call("get", "-A").stderr) == "no experiment in any namespace"


# --- what is listed, and how


def labelled(document: NASExperiment | NASTrial, **labels: str) -> dict[str, Any]:
    body = document.to_dict()
    return {**body, "metadata": {**body["metadata"], "labels": labels}}


def first_column(result: Result) -> list[str]:
    assert result.exit_code == 0, result.stderr
    return [line.split()[0] for line in result.stdout.splitlines()]


@pytest.fixture
def teams(user: ClusterUser) -> ClusterUser:
    """Two experiments of two teams; the second one has two trials, of which one is marked."""
    user.server.put(labelled(builders.experiment("ears"), team="speech", tier="test"))
    user.server.put(labelled(builders.experiment("nas"), team="vision"))
    user.server.put(builders.trial(0, "Succeeded"))
    user.server.put(labelled(builders.trial(1), look="again"))
    return user


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("team=vision", ["nas"]),
        ("team!=vision", ["ears"]),
        ("tier", ["ears"]),
        ("team=speech,tier=test", ["ears"]),
        ("team=speech,tier!=test", []),
    ],
)
def test_experiments_are_selected_by_labels(teams: ClusterUser, selector: str, names: list[str]) -> None:
    for option in ("-l", "--selector"):
        result = teams.call("get", option, selector, "-o", "name")
        assert result.stdout == "".join(f"{name}\n" for name in names)
    assert first_column(teams.call("get", "-l", selector, "-A")) == ["NAMESPACE", *["team"] * len(names)]


def test_trials_are_selected_by_labels(teams: ClusterUser) -> None:
    assert first_column(teams.call("trials", "nas", "-l", "look=again")) == ["NAME", "nas-1"]
    assert first_column(teams.call("trials", "nas", "-l", "look!=again")) == ["NAME", "nas-0"]


def test_that_nothing_has_the_labels_is_told_with_them(teams: ClusterUser) -> None:
    result = teams.call("get", "-l", "team=sound")
    assert (result.exit_code, only_line(result.stderr)) == (
        0,
        "no experiment in namespace team with the labels team=sound",
    )


def test_one_experiment_is_not_selected_by_labels_too(teams: ClusterUser) -> None:
    result = teams.call("get", "nas", "-l", "team=vision")
    assert (result.exit_code, "leave out either --selector or NAME" in result.stderr) == (2, True)


def test_a_selector_that_the_server_does_not_understand_is_told_in_its_words(teams: ClusterUser) -> None:
    teams.server.refused["nasexperiments"] = 400
    result = teams.call("get", "-l", "=vision")
    assert (result.exit_code, only_line(result.stderr)) == (3, "the API server answers 400: refused")


def test_a_wide_table_of_experiments_says_what_keeps_one_from_going_on(teams: ClusterUser) -> None:
    why = "no trial has run for more than a minute; ears-0: waits in queue gpus: " + "resource quota " * 40
    conditions = (
        Condition(type="Valid", status="True", reason="Valid", last_transition_time=datetime(2026, 1, 1, tzinfo=UTC)),
        Condition(
            type="Progressing",
            status="False",
            reason="TrialsWaiting",
            message=why,
            last_transition_time=datetime(2026, 1, 1, tzinfo=UTC),
        ),
    )
    waiting = builders.experiment("ears")
    teams.server.put(waiting.replace(status=waiting.status.replace(conditions=conditions)))
    header, ears, nas = teams.call("get", "-o", "wide").stdout.splitlines()
    assert header.split()[-3:] == ["AGE", "OBJECTIVES", "MESSAGE"]
    assert ears.endswith(why.rstrip()), "in one line, and whole"
    assert nas.rstrip().endswith("Minimize size")
    assert (header.split()[7], ears.split()[7], nas.split()[7]) == ("VALID", "True", "-")
    assert why[:20] not in teams.call("get").stdout


def test_a_wide_table_of_trials_has_the_parameters_and_whole_messages(teams: ClusterUser) -> None:
    why = "Unschedulable: " + "0/1 nodes are available; " * 20
    teams.server.put(builders.trial(1, x=0.25).with_status(message=why))
    narrow, wide = (teams.call("trials", "nas", *options).stdout.splitlines() for options in ([], ["-o", "wide"]))
    assert (" x " in narrow[0], " x " in wide[0]) == (False, True)
    assert " 0.25 " in wide[2]
    assert wide[2].endswith(why.rstrip())
    assert narrow[2].endswith("…")


# --- what this version cannot read


def test_what_cannot_be_read_does_not_hide_the_others(user: ClusterUser) -> None:
    user.server.put(builders.experiment("nas"))
    newer = {**builders.experiment("newer").to_dict()}
    user.server.put({**newer, "spec": {**newer["spec"], "parallelism": "many"}})
    user.server.put(builders.trial(0))
    trial = builders.trial(1).to_dict()
    user.server.put({**trial, "status": {"state": "Dreaming"}})
    listed, read, trials = user.call("get"), user.call("get", "newer"), user.call("trials", "nas")
    warning = "NASExperiment team/newer cannot be read by this version: spec.parallelism"
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["NAME", "nas"]
    assert only_line(listed.stderr).startswith(warning)
    assert read.exit_code == 3
    assert only_line(read.stderr).startswith(warning)
    assert [line.split()[0] for line in trials.stdout.splitlines()] == ["NAME", "nas-0"]
    assert only_line(trials.stderr).startswith("NASTrial team/nas-1 cannot be read")


def test_trials_of_a_deleted_experiment_of_the_same_name_are_not_shown(user: ClusterUser) -> None:
    user.server.put(builders.experiment())
    user.server.put(builders.trial(0))
    old = builders.trial(1).to_dict()
    user.server.put({**old, "metadata": {**old["metadata"], "ownerReferences": [{"uid": "another"}]}})
    assert [line.split()[0] for line in user.call("trials", "nas").stdout.splitlines()] == ["NAME", "nas-0"]


# --- logs


@pytest.fixture
def ran(user: ClusterUser) -> ClusterUser:
    """A trial in its second attempt, with a pod."""
    user.server.put(builders.experiment())
    attempts = (builders.attempt(), builders.attempt(number=2))
    user.server.put(builders.trial(0, "Running", attempts=attempts))
    user.server.logs["nas-0-a2-trial-0-0"] = ["epoch 1\nepo", "ch 2\nepoch 3\n"]
    return user


def test_logs_are_the_end_of_what_the_pod_of_the_last_attempt_printed(ran: ClusterUser) -> None:
    ran.server.logs["nas-0-a1-trial-0-0"] = ["crashed\n"]
    assert ran.call("logs", "nas-0").stdout == "epoch 1\nepoch 2\nepoch 3\n"
    assert ran.call("logs", "nas-0", "--tail", "2").stdout == "epoch 2\nepoch 3\n"


def test_a_log_is_followed_to_its_end(ran: ClusterUser) -> None:
    result = ran.call("logs", "nas-0", "-f")
    assert result.stdout == "epoch 1\nepoch 2\nepoch 3\n"
    assert "follow=true" in ran.server.requests[-1]


def test_a_distributed_trial_shows_its_first_pod_and_names_the_others(ran: ClusterUser) -> None:
    ran.server.logs["nas-0-a2-trial-1-0"] = ["rank 1\n"]
    result = ran.call("logs", "nas-0")
    assert result.stdout.startswith("epoch 1")
    assert "use kubectl logs for its other pods: nas-0-a2-trial-1-0" in only_line(result.stderr)


def test_when_the_pod_is_gone_the_status_has_what_it_kept(ran: ClusterUser) -> None:
    ran.server.logs.clear()
    gone = ran.call("logs", "nas-0")
    assert gone.exit_code == 3
    assert only_line(gone.stderr) == "the pod of nas-0 no longer exists, and no output is kept in its status"
    failed = builders.trial(0, "Failed", attempts=(builders.attempt(),))
    ran.server.put(failed.with_status(message="exit code 1\nTraceback\nValueError: no"))
    kept = ran.call("logs", "nas-0", "--tail", "2")
    assert kept.exit_code == 0
    assert kept.stdout == "Traceback\nValueError: no\n"
    assert only_line(kept.stderr) == "the pod of nas-0 no longer exists; this is the output kept in its status:"


def test_a_pod_that_goes_between_two_requests_is_gone(ran: ClusterUser) -> None:
    ran.server.refused["/log"] = 404
    assert "no longer exists" in only_line(ran.call("logs", "nas-0").stderr)


def test_a_pod_that_has_not_started_is_said_to_wait(ran: ClusterUser) -> None:
    ran.server.waiting.add("nas-0-a2-trial-0-0")
    result = ran.call("logs", "nas-0")
    assert result.exit_code == 3
    assert only_line(result.stderr) == (
        'container "trial" in pod "nas-0-a2-trial-0-0" is waiting to start: ContainerCreating; '
        "see kubectl describe pod nas-0-a2-trial-0-0 -n team"
    )


def test_logs_that_may_not_be_read_are_said_to_be_forbidden(ran: ClusterUser) -> None:
    ran.server.refused["/log"] = 403
    assert only_line(ran.call("logs", "nas-0").stderr).startswith("not allowed: ")


def test_a_trial_without_an_attempt_has_printed_nothing(user: ClusterUser) -> None:
    user.server.put(builders.experiment())
    user.server.put(builders.trial(0))
    result = user.call("logs", "nas-0")
    assert result.exit_code == 3
    assert only_line(result.stderr) == "nas-0 has printed nothing yet: it is Pending"


# --- suspend, stop and resume


@pytest.mark.parametrize(
    ("amount", "left"),
    [
        (0, "none is running"),
        (1, "1 running trial continues"),
        (3, "3 running trials continue"),
    ],
)
def test_suspend_starts_no_further_trials(user: ClusterUser, amount: int, left: str) -> None:
    user.server.put(running(builders.experiment(), amount))
    result = user.call("suspend", "nas")
    assert result.exit_code == 0
    assert result.stdout == f"nas: no new trials will start; {left}. To resume: kubectl nas resume nas\n"
    [(path, kind, body)] = user.server.patches
    assert path.endswith("/namespaces/team/nasexperiments/nas")
    assert (kind, body) == ("application/merge-patch+json", {"spec": {"suspend": True}})
    assert user.server.spec("nas")["maxTrials"] == 8, "nothing else has changed"


def test_stop_ends_it_with_what_there_is(user: ClusterUser) -> None:
    user.server.put(running(builders.experiment(), 2))
    assert user.call("stop", "nas").stdout == (
        "nas is stopping; 2 trials succeeded, 2 running trials will be stopped. To continue: kubectl nas resume nas\n"
    )
    assert user.server.patches[0][2] == {"spec": {"stop": True}}


def test_one_that_its_user_has_stopped_can_be_resumed(user: ClusterUser) -> None:
    user.server.put(running(builders.experiment(stop=True), 0, reason="Stopped"))
    assert user.call("resume", "nas").stdout == "nas continues; 2 trials ended so far\n"
    assert user.server.spec("nas")["stop"] is False


def test_the_way_to_resume_has_the_namespace_that_was_given(user: ClusterUser) -> None:
    user.server.put(builders.experiment(), "other")
    assert user.call("suspend", "nas", "-n", "other").stdout.endswith("kubectl nas resume nas -n other\n")


def test_resume_lets_it_go_on(user: ClusterUser) -> None:
    user.server.put(running(builders.experiment(suspend=True), 1))
    assert user.call("resume", "nas").stdout == "nas continues; 2 trials ended so far\n"
    assert user.server.spec("nas")["suspend"] is False


def test_a_finished_experiment_is_neither_suspended_nor_stopped(user: ClusterUser) -> None:
    user.server.put(running(builders.experiment(suspend=True), 0, reason="TrialsCompleted"))
    suspended, stopped = user.call("suspend", "nas"), user.call("stop", "nas")
    resumed = user.call("resume", "nas")
    assert suspended.stdout == "nas is finished (TrialsCompleted): there is nothing to suspend\n"
    assert stopped.stdout == "nas is finished (TrialsCompleted): there is nothing to stop\n"
    assert resumed.stdout == (
        "nas is no longer suspended, but it is finished (TrialsCompleted); raise maxTrials to continue\n"
    )
    assert [body for _, _, body in user.server.patches] == [{"spec": {"suspend": False, "stop": False}}]


# --- retry


def failed(index: int, state: TrialState = "Failed") -> NASTrial:
    ended = builders.attempt(index, reason="Crashed", end_time=datetime(2026, 1, 1, tzinfo=UTC))
    return builders.trial(index, state, attempts=(ended,))


def put_failed(user: ClusterUser, amount: int, **spec: object) -> None:
    user.server.put(running(builders.experiment(**spec), 0, reason="TooManyFailures"))
    for index in range(amount):
        user.server.put(failed(index))


@pytest.mark.parametrize(("amount", "words"), [(1, "1 trial"), (4, "4 trials")])
def test_a_retry_asks_for_one_more(user: ClusterUser, amount: int, words: str) -> None:
    put_failed(user, amount)
    result = user.call("retry", "nas")
    assert result.exit_code == 0
    assert result.stdout == f"nas: {words} will be retried\n"
    assert user.server.patches[0][2] == {"spec": {"retry": {"generation": 1, "infeasible": False}, "stop": False}}
    user.call("retry", "nas")
    assert user.server.spec("nas")["retry"]["generation"] == 2


def test_infeasible_trials_are_retried_when_asked_for(user: ClusterUser) -> None:
    put_failed(user, 1)
    user.server.put(failed(7, "Infeasible"))
    assert user.call("retry", "nas", "--infeasible").stdout == "nas: 2 trials will be retried\n"
    assert user.server.spec("nas")["retry"] == {"generation": 1, "infeasible": True}


def test_a_retry_of_what_is_suspended_says_when_it_goes_on(user: ClusterUser) -> None:
    put_failed(user, 2, suspend=True)
    assert user.call("retry", "nas", "-n", "team").stdout == (
        "nas: 2 trials will be retried once it is resumed: kubectl nas resume nas -n team\n"
    )


def test_nothing_is_changed_where_nothing_failed(user: ClusterUser) -> None:
    user.server.put(running(builders.experiment(maxTrials=1, parallelism=1), 0, reason="TrialsCompleted"))
    user.server.put(builders.trial(0, "Succeeded"))
    result = user.call("retry", "nas")
    assert result.exit_code == 0
    assert result.stdout == ("nas: no trial has failed; there is nothing to retry; raise maxTrials to continue\n")
    assert not user.server.patches


def put_stalled(user: ClusterUser, *, trials: int = 2) -> None:
    goal = {"hypervolumeStalls": {"trials": trials, "within": 0.01}}
    of = builders.experiment(stopWhen=goal, search={"initialTrials": 1})
    user.server.put(running(of, 0, reason="HypervolumeStalled"))
    for index in range(3):
        closed = builders.attempt(index, reason="Completed", end_time=datetime(2026, 1, 1, tzinfo=UTC))
        user.server.put(builders.trial(index, "Succeeded", attempts=(closed,)))
    user.server.put(failed(3))


def test_nothing_is_retried_once_the_hypervolume_has_stalled(user: ClusterUser) -> None:
    put_stalled(user)
    assert user.call("retry", "nas").stdout == (
        "nas: nothing is retried, since its hypervolume has stalled; "
        "change or remove stopWhen.hypervolumeStalls to continue\n"
    )
    assert not user.server.patches


def test_an_experiment_that_has_stalled_is_shown_so_and_resume_says_what_helps(user: ClusterUser) -> None:
    put_stalled(user)
    assert "HypervolumeStalled" in user.call("get").stdout
    assert user.call("resume", "nas").stdout == (
        "nas is no longer suspended, but it is finished (HypervolumeStalled); "
        "change or remove stopWhen.hypervolumeStalls to continue\n"
    )


def test_trials_that_were_removed_cannot_be_retried(user: ClusterUser) -> None:
    ended = running(builders.experiment(), 0, reason="TooManyFailures")
    user.server.put(without_trials(ended, datetime(2026, 1, 1, tzinfo=UTC)))
    result = user.call("retry", "nas")
    assert result.exit_code == 3
    assert only_line(result.stderr).startswith("the trials of nas cannot be retried: they were removed")
    assert not user.server.patches


def test_a_cluster_whose_resource_knows_no_retry_is_said_to_be_one(
    user: ClusterUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An older schema drops the field without a word."""
    put_failed(user, 1)
    spec = user.server.spec("nas")
    user.server.spec("nas").pop("retry")
    monkeypatch.setattr(Resources, "patch", lambda *_: None)
    result = user.call("retry", "nas")
    assert "retry" not in spec
    assert result.exit_code == 3
    assert "does not support retry; update it: kubectl apply -k deploy/base" in only_line(result.stderr)


def test_resume_says_what_helps_one_that_has_failed(user: ClusterUser) -> None:
    put_failed(user, 5)
    assert user.call("resume", "nas").stdout == (
        "nas is no longer suspended, but it is finished (TooManyFailures); once the cause is fixed, "
        "kubectl nas retry nas retries the 5 failed trials\n"
    )


# --- report


def test_a_report_without_logs_says_how_to_get_learning_curves(
    cluster: ClusterUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cluster.folder)
    logs = {"persistentVolumeClaim": {"claimName": "nas-logs"}}
    body = cluster.server.stored["nasexperiments", "team", "nas"]
    cluster.server.put({**body, "spec": {**body["spec"], "logs": logs}})
    result = cluster.call("report", "nas")
    assert result.exit_code == 0
    assert result.stdout == "nas-report.html\n"
    assert "nas-0" in (cluster.folder / "nas-report.html").read_text()
    assert only_line(result.stderr) == (
        "no learning curves: the logs (claim nas-logs) are not mounted here; mount them and pass --logs-root FOLDER"
    )


def test_a_report_has_the_learning_curves_of_the_mounted_logs(finished: Finished, cluster: ClusterUser) -> None:
    page, bare = cluster.folder / "page.html", cluster.folder / "bare.html"
    assert cluster.call("report", "nas", "--output", str(bare)).exit_code == 0
    result = cluster.call("report", "nas", "--output", str(page), "--logs-root", str(finished[0].runs))
    assert result.exit_code == 0
    assert not result.stderr
    nothing = "No trial has logged a scalar over several steps"
    assert nothing not in page.read_text()
    assert nothing in bare.read_text()


def test_the_logs_of_an_attempt_are_those_of_its_number(user: ClusterUser) -> None:
    """Not of its place among the attempts: a number whose folder exists is passed over."""
    user.server.put(builders.experiment())
    user.server.put(builders.trial(0, "Succeeded", attempts=(builders.attempt(number=3),)))
    folder = user.folder / "nas" / "nas-0" / "a3"
    folder.mkdir(parents=True)
    write_scalars(folder, {"accuracy": 0.1}, {"accuracy": 0.2})
    page = user.folder / "page.html"
    result = user.call("report", "nas", "--output", str(page), "--logs-root", str(user.folder))
    assert result.exit_code == 0
    assert "No trial has logged a scalar over several steps" not in page.read_text()


# --- what goes wrong


@pytest.mark.parametrize("command", ["get", "trials", "pareto", "export", "report", "suspend", "stop", "resume"])
def test_a_name_that_does_not_exist_exits_with_3_and_the_names_that_do(user: ClusterUser, command: str) -> None:
    user.server.put(builders.experiment())
    result = user.call(command, "mnist")
    assert result.exit_code == 3
    assert only_line(result.stderr) == (
        "no experiment 'mnist' in namespace team; available: nas; kubectl nas get -A lists all namespaces"
    )
    assert not user.server.patches


def test_a_name_in_another_namespace_is_pointed_to(user: ClusterUser) -> None:
    user.server.put(builders.experiment(), "other")
    line = only_line(user.call("pareto", "nas").stderr)
    assert line == "no experiment 'nas' in namespace team; none is available; -n other has one"


def test_who_may_not_look_everywhere_gets_the_names_of_the_namespace(user: ClusterUser) -> None:
    user.server.put(builders.experiment())
    user.server.refused["v1alpha1/nasexperiments"] = 403
    line = only_line(user.call("pareto", "mnist").stderr)
    assert line.startswith("no experiment 'mnist' in namespace team; available: nas; ")


@pytest.mark.parametrize(
    ("trial", "line"),
    [
        ("nas-7", "no trial 'nas-7' in namespace team; available: nas-0"),
        ("nas", "no trial 'nas': a trial's name is <experiment>-<index>, as in mnist-nas-12"),
    ],
)
def test_a_trial_that_does_not_exist_is_said_not_to(user: ClusterUser, trial: str, line: str) -> None:
    user.server.put(builders.experiment())
    user.server.put(builders.trial(0))
    result = user.call("logs", trial)
    assert result.exit_code == 3
    assert only_line(result.stderr) == line


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (404, "the cluster has no NASExperiment resource: kubectl apply -k deploy/base"),
        (401, "the API server does not accept the credentials of context 'here'; renew them"),
        (
            403,
            'not allowed: forbidden: User "jane" cannot list resource "nasexperiments"; ask for a Role with that verb',
        ),
        (500, "the API server answers 500: refused"),
    ],
)
@pytest.mark.parametrize("options", [[], ["-A"], ["-w"]])
def test_a_refusal_is_a_line_with_its_remedy(user: ClusterUser, code: int, line: str, options: list[str]) -> None:
    user.server.refused["nasexperiments"] = code
    result = user.call("get", *options)
    assert result.exit_code == 3
    assert only_line(result.stderr) == line


def test_a_command_with_a_name_sees_that_there_are_no_such_resources(user: ClusterUser) -> None:
    user.server.refused["nasexperiments"] = 404
    assert "kubectl apply -k deploy/base" in only_line(user.call("pareto", "nas").stderr)


def test_a_verb_that_is_forbidden_is_named(user: ClusterUser) -> None:
    user.server.put(builders.experiment())
    user.server.refused_patches = 403
    result = user.call("stop", "nas")
    assert result.exit_code == 3
    assert 'cannot patch resource "nasexperiments"' in only_line(result.stderr)


def test_a_server_that_does_not_answer_is_named(user: ClusterUser) -> None:
    user.kubeconfig = user.write("down", context="down", server="http://127.0.0.1:9")
    result = user.call("get")
    assert result.exit_code == 3
    assert only_line(result.stderr) == (
        "cannot reach the API server http://127.0.0.1:9 of context 'down' ([Errno 111] Connection refused); "
        "start the cluster, or give another --context"
    )


def test_a_server_that_does_not_speak_tls_is_out_of_reach(user: ClusterUser) -> None:
    user.kubeconfig = user.write("tls", context="tls", server=user.server.url.replace("http", "https"))
    line = only_line(user.call("get").stderr)
    assert line.startswith(f"cannot reach the API server https{user.server.url[4:]} of context 'tls' (SSLError")


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "no kubeconfig: {path} does not exist; give --kubeconfig, or set KUBECONFIG"),
        ("", "{path} has no current context; available: none; give --context, or another --kubeconfig"),
        (
            "contexts: [{{name: a}}]",
            "{path} has no current context; available: a; give --context, or another",
        ),
        ("{{", "cannot use the kubeconfig {path}: while parsing"),
        ("- 1", "cannot use the kubeconfig {path}: 'list' object"),
        ("current-context: a\ncontexts: [{{name: a}}]", "cannot use the kubeconfig {path}: Invalid"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_is_said_to_be_none(user: ClusterUser, content: str | None, line: str) -> None:
    user.kubeconfig = path = user.folder / "mine"
    if content is not None:
        path.write_text(content.format())
    result = user.call("get")
    assert result.exit_code == 3
    assert only_line(result.stderr).startswith(line.format(path=path))


def test_a_context_that_does_not_exist_is_said_not_to(user: ClusterUser) -> None:
    result = user.call("get", "--context", "prod")
    assert result.exit_code == 3
    assert only_line(result.stderr).startswith(f"no context 'prod' in {user.kubeconfig}; available: here; ")


# --- how it starts


@pytest.mark.parametrize(("command", "imported"), [("--help", []), ("get", ["kubernetes"])])
def test_what_is_imported_is_what_is_needed(user: ClusterUser, command: str, imported: list[str]) -> None:
    heavy = ("ax", "botorch", "kubernetes", "kopf", "moocore", "numpy", "plotly", "torch", "torchx")
    heavy += ("kubernetes.client.api.core_v1_api",)
    script = (
        "import sys\nfrom paretonas.cli.kubectl import nas\n"
        f"nas([{command!r}, '--kubeconfig', {str(user.kubeconfig)!r}], standalone_mode=False)\n"
        f"print('imported', [m for m in {heavy!r} if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == f"imported {imported}"


def test_it_is_called_as_kubectl_calls_a_plugin(user: ClusterUser) -> None:
    user.server.put(builders.experiment())
    with user.start("get", "nas") as process:
        out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    assert out.startswith("Name:        nas\n")
    with user.start("--help") as process:
        assert process.communicate()[0].startswith("Usage: kubectl nas ")
