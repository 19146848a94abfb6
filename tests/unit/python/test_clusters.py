from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.builders import ON_CLUSTER, experiment, trial
from tests.unit.api_server import ApiServer

import paretonas as pn
from paretonas.api import InvalidDocument
from paretonas.backends.cluster.errors import ClusterError
from paretonas.cli.source import UnknownName


@pytest.fixture
def kubeconfig(server: ApiServer, tmp_path: Path) -> Path:
    context = {"cluster": "c", "user": "u", "namespace": "team"}
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": context}],
        "clusters": [{"name": "c", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": {}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    return tmp_path / "config"


def mine(**fields: Any) -> pn.Experiment:
    trial = pn.Trial(["python", "train.py"], image="trainer:1")
    given = {"objectives": [pn.maximize("acc")], "parameters": [pn.Float("x", 0, 1)], "trial": trial}
    return pn.Experiment("mine", **{**given, "logs": ON_CLUSTER["logs"], **fields})


def test_results_on_a_cluster_are_read_as_those_on_this_machine(server: ApiServer, kubeconfig: Path):
    server.put(experiment(**ON_CLUSTER))
    for index in range(2):
        server.put(trial(index, "Succeeded"))
    cluster = pn.cluster("team", kubeconfig=kubeconfig)
    assert cluster.experiments == ["nas"]
    assert cluster.load("nas").trials["accuracy"].tolist() == [0.5, 0.5]
    assert cluster.load("nas").figure("pareto").to_plotly_json()["data"]


def test_an_experiment_is_created_and_changed_by_apply(server: ApiServer, kubeconfig: Path):
    run = pn.cluster(kubeconfig=kubeconfig).apply(mine(max_trials=5))
    assert (run.name, run.experiment.spec.max_trials, run.message) == ("mine", 5, "it has not started")
    assert pn.cluster(kubeconfig=kubeconfig).apply(mine(max_trials=9)).experiment.spec.max_trials == 9
    path, kind, body = server.patches[-1]
    assert path.startswith("/apis/paretonas.io/v1alpha1/namespaces/team/nasexperiments/mine?fieldManager=paretonas")
    assert kind == "application/apply-patch+yaml"
    assert "status" not in body


def test_a_function_is_refused_before_anything_is_sent(server: ApiServer, kubeconfig: Path):
    with pytest.raises(InvalidDocument, match=r"^spec.trial.command: is a Python function of this machine"):
        pn.cluster(kubeconfig=kubeconfig).apply(mine(trial=None))
    assert not server.patches


def test_what_the_cluster_refuses_is_one_sentence(server: ApiServer, kubeconfig: Path):
    server.refused["nasexperiments"] = 403
    with pytest.raises(ClusterError) as caught:
        pn.cluster(kubeconfig=kubeconfig).apply(mine())
    assert "\n" not in str(caught.value)


def test_what_is_not_there_is_said_in_the_words_of_python(kubeconfig: Path):
    with pytest.raises(UnknownName, match="no experiment 'nas' in namespace team"):
        pn.cluster(kubeconfig=kubeconfig).load("nas")
    with pytest.raises(ClusterError, match="context=") as caught:
        pn.cluster(kubeconfig=kubeconfig, context="b")
    assert "--" not in str(caught.value)
