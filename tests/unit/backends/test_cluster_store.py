"""The store over an API server of a few lines: what is written, and what it is taken for."""

import copy
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException
from tests import builders

from paretonas.backends.cluster.cache import Cache
from paretonas.backends.cluster.place_rules import PlaceRules
from paretonas.backends.cluster.store import ClusterStore, Gone, NameTaken
from paretonas.kube.kinds import EXPERIMENTS, TRIALS, ResourceKind


class ApiServer:
    """Keeps resources with a version each, and refuses a write to an older one."""

    def __init__(self) -> None:
        self.version = 0
        self.stored: dict[tuple[ResourceKind, str], dict[str, Any]] = {}

    def _store(self, kind: ResourceKind, body: dict[str, Any]) -> dict[str, Any]:
        self.version += 1
        body = copy.deepcopy(body)
        body["metadata"] |= {"resourceVersion": str(self.version), "namespace": "team"}
        body["metadata"].setdefault("uid", f"uid-{self.version}")
        self.stored[kind, body["metadata"]["name"]] = body
        return copy.deepcopy(body)

    def get(self, kind: ResourceKind, _: str, name: str) -> dict[str, Any] | None:
        return copy.deepcopy(self.stored.get((kind, name)))

    def create(self, kind: ResourceKind, _: str, body: dict[str, Any]) -> dict[str, Any] | None:
        return None if (kind, body["metadata"]["name"]) in self.stored else self._store(kind, body)

    def replace_status(self, kind: ResourceKind, body: dict[str, Any]) -> dict[str, Any]:
        known = self.stored[kind, body["metadata"]["name"]]
        if known["metadata"]["resourceVersion"] != body["metadata"]["resourceVersion"]:
            raise ApiException(status=409)
        return self._store(kind, {**known, "status": body["status"]})


class World:
    """A store of the experiment ``nas`` with its caches and its API server."""

    def __init__(self) -> None:
        self.server, self.experiments, self.trials = ApiServer(), Cache(), Cache()
        created = self.server.create(EXPERIMENTS, "team", builders.experiment(**builders.ON_CLUSTER).to_dict())
        assert created is not None
        self.experiments.put(created)
        self.store = ClusterStore(self.server, self.experiments, self.trials, "team", "nas")  # type: ignore[arg-type] # a fake

    def create_anew(self) -> None:
        """The experiment is deleted and created again under its name; its trials are still there."""
        self.experiments.remove(self.server.stored.pop((EXPERIMENTS, "nas")))
        created = self.server.create(EXPERIMENTS, "team", builders.experiment(**builders.ON_CLUSTER).to_dict())
        assert created is not None
        self.experiments.put(created)


@pytest.fixture
def world() -> World:
    return World()


def test_a_trial_is_owned_by_its_experiment_and_read_back_at_once(world: World) -> None:
    world.store.create_trial(builders.trial(0))
    [trial] = world.store.trials()
    assert trial.spec == builders.trial(0).spec
    metadata = world.server.stored[TRIALS, "nas-0"]["metadata"]
    uid = world.server.stored[EXPERIMENTS, "nas"]["metadata"]["uid"]
    assert metadata["ownerReferences"][0]["uid"] == uid
    assert metadata["labels"] == {"paretonas.io/experiment": "nas"}


def test_a_trial_that_exists_is_left_as_it_is(world: World) -> None:
    world.store.create_trial(builders.trial(0))
    world.store.save_trial(world.store.trials()[0].with_status(state="Running"))
    world.store.create_trial(builders.trial(0, x=0.1))
    [trial] = world.store.trials()
    assert (trial.status.state, trial.spec.parameters) == ("Running", {"x": 0.5})


def test_our_own_writes_follow_each_other_without_a_watch(world: World) -> None:
    world.store.create_trial(builders.trial(0))
    for state in ("Running", "Succeeded"):
        world.store.save_trial(world.store.trials()[0].with_status(state=state))
    assert world.store.trials()[0].status.state == "Succeeded"


def test_one_read_bears_several_writes_each_from_what_the_one_before_has_returned(world: World) -> None:
    world.store.create_trial(builders.trial(0))
    trial = world.store.trials()[0]
    for state in ("Running", "Succeeded"):
        trial = world.store.save_trial(trial.with_status(state=state))
    assert world.store.trials() == [trial]
    assert trial.status.state == "Succeeded"


@pytest.mark.parametrize("seen_since", [False, True], ids=["unseen", "brought by the watch since"])
def test_what_another_operator_has_written_since_the_read_is_not_written_over(world: World, seen_since: bool) -> None:
    world.store.create_trial(builders.trial(0))
    trial = world.store.trials()[0]
    there = world.server.get(TRIALS, "team", "nas-0")
    assert there is not None
    other = world.server.replace_status(TRIALS, {**there, "status": {"state": "Failed"}})
    if seen_since:
        world.trials.put(other)
    with pytest.raises(ApiException):
        world.store.save_trial(trial.with_status(state="Running"))
    assert world.server.stored[TRIALS, "nas-0"]["status"] == {"state": "Failed"}


def test_a_status_is_not_written_over_one_that_was_not_read(world: World) -> None:
    read = world.store.experiment()
    there = world.server.get(EXPERIMENTS, "team", "nas")
    assert there is not None
    world.experiments.put(world.server.replace_status(EXPERIMENTS, {**there, "status": {"progress": "2/8"}}))
    with pytest.raises(ApiException):
        world.store.save_status(read.replace(status=read.status.replace(progress="1/8")))
    assert world.store.experiment().status.progress == "2/8"


def test_what_another_experiment_has_found_are_its_ended_trials(world: World) -> None:
    assert world.store.read_finished("other") is None
    document = builders.experiment("other", **builders.ON_CLUSTER).to_dict()
    created = world.server.create(EXPERIMENTS, "team", document)
    assert created is not None
    world.experiments.put(created)
    beside = ClusterStore(world.server, world.experiments, world.trials, "team", "other")  # type: ignore[arg-type] # a fake
    for index, state in ((0, "Succeeded"), (1, "Running"), (2, "Infeasible")):
        trial = builders.trial(index)
        spec = trial.spec.replace(experiment="other")
        beside.create_trial(trial.replace(metadata=trial.metadata.replace(name=f"other-{index}"), spec=spec))
        beside.save_trial(beside.trials()[-1].with_status(state=state))
    assert [t.name for t in world.store.read_finished("other") or ()] == ["other-0", "other-2"]
    assert world.store.trials() == []


def test_trials_of_a_deleted_experiment_of_the_same_name_do_not_count(world: World) -> None:
    world.store.create_trial(builders.trial(0))
    world.create_anew()
    assert world.store.trials() == []


def test_a_name_that_a_deleted_experiments_trial_still_has_is_taken_until_it_goes(world: World) -> None:
    world.store.create_trial(builders.trial(0, x=0.25))
    world.create_anew()
    with pytest.raises(NameTaken, match="team/nas-0"):
        world.store.create_trial(builders.trial(0, x=0.75))
    assert world.store.trials() == []
    assert world.server.stored[TRIALS, "nas-0"]["spec"]["parameters"] == {"x": 0.25}, "it is left as it is"
    world.trials.remove(world.server.stored.pop((TRIALS, "nas-0")))
    world.store.create_trial(builders.trial(0, x=0.75))
    assert [t.spec.parameters for t in world.store.trials()] == [{"x": 0.75}]


def test_an_experiment_created_anew_is_told_from_its_namesake(world: World) -> None:
    before = world.store.uid
    assert before == world.server.stored[EXPERIMENTS, "nas"]["metadata"]["uid"]
    world.create_anew()
    assert world.store.uid == world.server.stored[EXPERIMENTS, "nas"]["metadata"]["uid"] != before


def test_a_deleted_experiment_is_gone(world: World) -> None:
    body = world.server.get(EXPERIMENTS, "team", "nas")
    assert body is not None
    world.experiments.remove(body)
    for look in (world.store.trials, world.store.experiment, lambda: world.store.uid):
        with pytest.raises(Gone, match="team/nas"):
            look()


def test_an_experiment_that_is_being_deleted_is_gone_already(world: World) -> None:
    body = world.server.stored[EXPERIMENTS, "nas"]
    body["metadata"]["deletionTimestamp"] = "2026-01-31T12:00:00Z"
    world.experiments.put(world.server._store(EXPERIMENTS, body))
    with pytest.raises(Gone):
        world.store.experiment()


def test_the_status_is_written_and_read_back(world: World) -> None:
    experiment = world.store.experiment()
    status = experiment.status.replace(progress="1/8")
    world.store.save_status(experiment.replace(status=status))
    assert world.store.experiment().status == status
    world.store.change_status(lambda before: before.replace(hypervolume=2.0))
    assert world.store.experiment().status == status.replace(hypervolume=2.0)
    assert world.store.generation is None


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"logs": builders.ON_CLUSTER["logs"]}, "spec.trial.image"),
        ({"trial": builders.ON_CLUSTER["trial"]}, "spec.logs"),
        (
            {**builders.ON_CLUSTER, "logs": {"persistentVolumeClaim": {"claimName": "other"}}},
            "spec.logs.persistentVolumeClaim.claimName",
        ),
        (
            {**builders.ON_CLUSTER, "trial": {**builders.ON_CLUSTER["trial"], "workingDir": "src/net"}},
            "spec.trial.workingDir",
        ),
    ],
)
def test_what_an_experiment_lacks_on_a_cluster_is_told_with_its_field(spec: dict[str, Any], path: str):
    [problem] = PlaceRules("nas-logs").find_problems(builders.experiment(**spec))
    assert (problem.path, bool(problem.remedy)) == (path, True)


def test_an_operator_that_sees_every_claim_minds_none():
    spec = {**builders.ON_CLUSTER, "logs": {"persistentVolumeClaim": {"claimName": "other"}}}
    assert PlaceRules().find_problems(builders.experiment(**spec)) == []
