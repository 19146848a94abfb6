"""A newer version takes over from an older one, with experiments there."""

import json
import os
import subprocess
from collections.abc import Iterator

import pytest
from tests.cluster.conftest import BED, Start
from tests.cluster.kubectl import Kubectl, eventually
from tests.cluster.quick import of, quick

DEPLOYMENT = "deployment/paretonas-operator"
IMAGE, NEXT = "paretonas-operator:0.1.0", "paretonas-operator:next"


@pytest.fixture
def next_image(nas: Kubectl, context: str) -> Iterator[str]:
    """The operator's image under another tag, as a newer version would have."""
    if context != BED:
        pytest.skip("only there images can be given a tag")
    names = [f"docker.io/library/{name}" for name in (IMAGE, NEXT)]
    socket = f"{os.environ['BED_STATE']}/containerd.sock"
    subprocess.run(["ctr", "-a", socket, "-n", "k8s.io", "images", "tag", "--force", *names], check=True)
    yield NEXT
    nas("set", "image", DEPLOYMENT, f"operator={IMAGE}")
    nas("rollout", "status", DEPLOYMENT, "--timeout=120s", timeout=150)


@pytest.fixture
def _old_schema(nas: Kubectl) -> Iterator[None]:
    """The schema as it was first published, in the place of today's, which is back afterwards."""
    nas("apply", "-f", "tests/data/crds/0.1.0")
    yield
    nas("apply", "-k", "crds")


def test_the_operator_replaced_by_another_version_in_mid_run_goes_on_as_if_nothing_had_happened(
    nas: Kubectl, start: Start, next_image: str
):
    name = start(quick("upgraded", seconds=3, maxTrials=8))
    eventually(lambda: len(nas.list("nastrials", of(name))) >= 3, "it runs")
    nas("set", "image", DEPLOYMENT, f"operator={next_image}")
    nas.wait(f"nasexperiment/{name}", "Succeeded", 180)
    [pod] = nas.list("pods", "app.kubernetes.io/component=operator")
    assert pod["spec"]["containers"][0]["image"] == next_image
    trials = nas.list("nastrials", of(name))
    assert [[a["reason"] for a in t["status"]["attempts"]] for t in trials] == [["Completed"]] * 8
    assert len({json.dumps(t["spec"]["parameters"]) for t in trials}) == 8


@pytest.mark.usefixtures("_old_schema")
def test_trials_that_ended_before_an_upgrade_have_their_metrics_in_the_column_after_it(nas: Kubectl, start: Start):
    name = start(quick("rounded", maxTrials=2))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    before = nas.list("nastrials", of(name))
    assert all("roundedMetrics" not in trial["status"] for trial in before), "the first schema drops it"
    nas("apply", "-k", "crds")
    nas("wait", "--for=condition=Established", "crd/nasexperiments.paretonas.io", "crd/nastrials.paretonas.io")
    nas("rollout", "restart", DEPLOYMENT)
    nas("rollout", "status", DEPLOYMENT, "--timeout=120s", timeout=150)
    eventually(lambda: nas("get", "nastrials", "-l", of(name)).count(" accuracy=") == 2, "both rows have them")
    after = nas.list("nastrials", of(name))
    assert [t["status"]["metrics"] for t in after] == [t["status"]["metrics"] for t in before], "exact as they were"
    experiment = nas.get("nasexperiment", name) or {}
    assert float(experiment["status"]["roundedHypervolume"]) == pytest.approx(experiment["status"]["hypervolume"], 1e-5)


@pytest.mark.usefixtures("_old_schema")
def test_todays_schema_takes_the_place_of_the_first_one_with_experiments_present(nas: Kubectl, start: Start):
    name = start(quick("veteran", maxTrials=4, suspend=True))
    trial = {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASTrial",
        "metadata": {"name": f"{name}-0", "labels": {"paretonas.io/experiment": name}},
        "spec": {
            "experiment": name,
            "index": 0,
            "parameters": {"x": 0.5},
            "observation": {"metrics": {"accuracy": 0.9, "size": 50.0}},
        },
    }
    nas.apply(trial)
    nas("apply", "-k", "crds")
    nas("wait", "--for=condition=Established", "crd/nasexperiments.paretonas.io", "crd/nastrials.paretonas.io")
    nas("patch", "nasexperiment", name, "--type=merge", "-p", '{"spec": {"suspend": false}}')
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    trials = {t["spec"]["index"]: t["status"] for t in nas.list("nastrials", of(name))}
    assert len(trials) == 5
    assert (trials[0]["state"], trials[0]["metrics"]) == ("Succeeded", {"accuracy": 0.9, "size": 50})
    nas("delete", "nastrial", f"{name}-0")
