"""`kubectl nas … -w`: a line a change, or a table that is redrawn."""

import io
import signal
from datetime import UTC, datetime
from itertools import islice

import pytest
from rich.console import Console
from tests import builders
from tests.unit.api_server import ApiServer
from tests.unit.cli.conftest import ClusterUser

from paretonas.api import ParetoPoint
from paretonas.backends.cluster import reader
from paretonas.backends.cluster.connection import connect
from paretonas.cli import follow
from paretonas.cli.cluster import Cluster
from paretonas.cli.tables import TableColumn

Rows = list[tuple[str, str, str]]
"""Name, state and age."""


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def cluster(user: ClusterUser, warnings: list[str]) -> Cluster:
    shown = reader.ClusterReader(connect(str(user.kubeconfig)), warnings.append)
    return Cluster(shown, "team", warnings.append)


def columns(rows: Rows, _: datetime) -> list[TableColumn]:
    return [TableColumn(title, [row[i] for row in rows]) for i, title in enumerate(("NAME", "STATE", "AGE"))]


def printed(*states: Rows) -> list[str]:
    console = Console(file=(out := io.StringIO()), width=80)
    follow.watch(iter(states), columns, console)
    return [" ".join(line.split()) for line in out.getvalue().splitlines()]


# --- what is shown


def test_a_change_is_a_line_and_a_new_age_is_none() -> None:
    first = [("a", "Running", "1s"), ("b", "Pending", "1s")]
    later = [("a", "Running", "9s"), ("b", "Running", "9s"), ("c", "Pending", "0s")]
    assert printed(first, later, later) == [
        "NAME STATE AGE",
        "a Running 1s",
        "b Pending 1s",
        "b Running 9s",
        "c Pending 0s",
    ]


def test_what_is_no_longer_there_is_gone_and_may_come_back() -> None:
    there = [("a", "Running", "1s")]
    assert printed([], there, [], there) == [
        "NAME STATE AGE",
        "a Running 1s",
        "a gone",
        "a Running 1s",
    ]


def test_a_terminal_has_one_table_and_keeps_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "on_terminal", lambda _: True)
    console = Console(file=(out := io.StringIO()), width=80, height=20, force_terminal=True, color_system=None)
    states: list[Rows] = [[("a", "Pending", "1s")], [("a", "Running", "2s")]]
    follow.watch(iter(states), columns, console)
    last = out.getvalue().rpartition("NAME")[2]
    assert "Running" in last
    assert "Pending" not in last


def test_a_table_that_is_higher_than_the_terminal_shows_its_last_rows() -> None:
    rows = [(f"nas-{i}", "Running", "1s") for i in range(30)]
    console = Console(file=(out := io.StringIO()), width=80)
    console.print(follow.screen(columns(rows, datetime.now(UTC)), 80, 14))
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines] == ["NAME", *(f"nas-{i}" for i in range(20, 30)), "20"]
    assert lines[-1] == "20 more above"
    assert len(lines) < 14


# --- what is followed


def test_experiments_are_followed(cluster: Cluster, server: ApiServer) -> None:
    server.put(builders.experiment("a"))
    states = cluster.follow_experiments(None)

    def names() -> list[str]:
        return [experiment.name for experiment in next(states)]

    assert names() == ["a"]
    server.put(builders.experiment("b"))
    assert names() == ["a", "b"]
    server.put(builders.experiment("elsewhere"), "other")
    server.delete("nasexperiments", "a")
    assert names() == ["b"]


def test_one_experiment_is_followed_alone(cluster: Cluster, server: ApiServer) -> None:
    server.put(builders.experiment("a"))
    states = cluster.follow_experiments("a")
    assert [experiment.name for experiment in next(states)] == ["a"]
    server.put(builders.experiment("b"))
    server.put(builders.experiment("a", maxTrials=9))
    assert [experiment.spec.max_trials for experiment in next(states)] == [9]


def test_only_what_has_the_labels_is_followed(user: ClusterUser, server: ApiServer, warnings: list[str]) -> None:
    def put(name: str, maximum: int, **labels: str) -> None:
        body = builders.experiment(name, maxTrials=maximum).to_dict()
        server.put({**body, "metadata": {**body["metadata"], "labels": labels}})

    shown = reader.ClusterReader(connect(str(user.kubeconfig)), warnings.append)
    states = Cluster(shown, "team", warnings.append, selector="team=vision").follow_experiments(None)
    put("a", 3, team="vision")
    put("b", 3, team="speech")
    assert [experiment.name for experiment in next(states)] == ["a"]
    put("b", 9, team="speech")
    put("a", 9, team="vision")
    assert [(e.name, e.spec.max_trials) for e in next(states)] == [("a", 9)]


def test_trials_are_followed_in_index_order(cluster: Cluster, server: ApiServer) -> None:
    server.put(builders.experiment())
    for index in (10, 9):
        server.put(builders.trial(index))
    states = cluster.follow_trials("nas")
    assert [trial.spec.index for trial in next(states)] == [9, 10]
    server.put(builders.trial(9, "Running"))
    assert [trial.status.state for trial in next(states)] == ["Running", "Pending"]


def test_what_cannot_be_read_is_complained_about_once_a_version(
    cluster: Cluster, server: ApiServer, warnings: list[str]
) -> None:
    document = builders.experiment("newer").to_dict()
    broken = {**document, "spec": {**document["spec"], "parallelism": "many"}}
    server.put(broken)
    states = cluster.follow_experiments(None)
    assert next(states) == []
    server.put(builders.experiment("a"))
    assert len(next(states)) == 1
    assert len(warnings) == 1
    server.put(broken)
    assert len(next(states)) == 1
    assert len(warnings) == 2


def test_a_version_that_the_server_has_forgotten_is_listed_again(
    cluster: Cluster, server: ApiServer, warnings: list[str]
) -> None:
    server.put(builders.experiment("a"))
    server.expired.add(1)
    states = cluster.follow_experiments(None)
    assert [len(state) for state in islice(states, 2)] == [1, 1]
    server.put(builders.experiment("b"))
    assert len(next(states)) == 2
    assert not warnings


def test_a_server_that_goes_away_is_asked_again(
    cluster: Cluster, server: ApiServer, warnings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_RETRY_SECONDS", 0.01)
    server.put(builders.experiment("a"))
    server.dropped.add(1)
    states = cluster.follow_experiments(None)
    assert [len(state) for state in islice(states, 2)] == [1, 1]
    [warning] = warnings
    assert warning.startswith("cannot reach the API server ")
    assert warning.endswith("; trying again")


# --- the commands


def with_points(*indices: int) -> dict[str, object]:
    points = tuple(
        ParetoPoint(trial=f"nas-{i}", index=i, parameters={"x": 0.5}, metrics={"accuracy": 0.9, "size": 10.0})
        for i in indices
    )
    experiment = builders.experiment()
    return experiment.replace(status=experiment.status.replace(pareto_set=points)).to_dict()


def test_get_follows_changes_until_ctrl_c(user: ClusterUser, server: ApiServer) -> None:
    server.put(builders.experiment())
    with user.start("get", "-w") as process:
        assert process.stdout is not None
        assert process.stdout.readline().split()[0] == "NAME"
        assert process.stdout.readline().split()[2] == "0/8"
        server.put(builders.experiment(maxTrials=9))
        assert process.stdout.readline().split()[2] == "0/9"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out, err) == (130, "", "")


def test_trials_follows_changes(user: ClusterUser, server: ApiServer) -> None:
    server.put(builders.experiment())
    server.put(builders.trial(0))
    with user.start("trials", "nas", "-w") as process:
        assert process.stdout is not None
        assert [process.stdout.readline().split()[1] for _ in range(2)] == ["STATE", "Pending"]
        server.put(builders.trial(0, "Running"))
        assert process.stdout.readline().split()[1] == "Running"
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130


def test_pareto_follows_changes(user: ClusterUser, server: ApiServer) -> None:
    server.put(with_points(0))
    with user.start("pareto", "nas", "-w") as process:
        assert process.stdout is not None
        assert [process.stdout.readline().split()[0] for _ in range(2)] == ["TRIAL", "nas-0"]
        server.put(with_points(1))
        assert process.stdout.readline().split()[:1] == ["nas-1"]
        assert process.stdout.readline().split() == ["nas-0", "gone"]
        process.send_signal(signal.SIGINT)
        process.communicate()
    assert process.returncode == 130


@pytest.mark.parametrize("command", [["get"], ["pareto", "nas"]])
def test_only_a_table_is_watched(user: ClusterUser, server: ApiServer, command: list[str]) -> None:
    server.put(builders.experiment())
    result = user.call(*command, "-w", "-o", "json")
    assert result.exit_code == 2
    assert "--watch always shows a table; leave out -o json" in result.stderr
