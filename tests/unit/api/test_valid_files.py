import json
from pathlib import Path

import pytest

from paretonas.api import NASExperiment, load_experiment, load_yaml, parse_experiment

FILES = {path.stem: path for path in sorted(Path("tests/data/valid").glob("*.yaml"))}


def load(name: str) -> NASExperiment:
    return load_experiment(FILES[name].read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", FILES)
def test_a_valid_file_is_read_and_comes_back_the_same_from_its_own_document(name: str):
    experiment = load(name)
    document = json.loads(json.dumps(experiment.to_dict()))
    assert parse_experiment(document) == experiment
    assert json.dumps(parse_experiment(document).to_dict()) == json.dumps(experiment.to_dict())


@pytest.mark.parametrize("name", FILES)
def test_what_a_file_says_stands_in_the_document_of_its_experiment(name: str):
    def assert_kept(written: object, read: object, path: str = "") -> None:
        if isinstance(written, dict) and "podOverlay" not in path:
            assert isinstance(read, dict), path
            for key, value in written.items():
                if value is not None:
                    assert_kept(value, read.get(key), f"{path}.{key}")
        elif isinstance(written, list) and "podOverlay" not in path:
            assert isinstance(read, list), path
            assert len(read) == len(written), path
            for position, (w, r) in enumerate(zip(written, read, strict=True)):
                assert_kept(w, r, f"{path}[{position}]")
        else:
            assert read == written or read == str(written), path

    assert_kept(load_yaml(FILES[name].read_text(encoding="utf-8")), load(name).to_dict())


def test_yaml_is_read_as_kubectl_reads_it():
    experiment = load("yaml-features")
    width, height, rate, day = (p.to_dict() for p in experiment.spec.parameters)
    assert width["int"] == {"min": 16, "max": 1024, "scale": "Log"}
    assert height["int"] == {"min": 16, "max": 64, "scale": "Log"}
    assert rate["float"] == {"min": 0.0001, "max": 0.5, "scale": "Linear"}
    assert day["choice"]["values"] == ["2026-01-31", "1:30", "1.0.0"]
    assert experiment.spec.objectives[0].threshold is None
    assert experiment.spec.trial.args is None
    assert load("four-objectives").metadata.model_extra == {"labels": {"team": "vision", "since": "2026-01-31"}}


def test_a_pod_overlay_keeps_its_nulls_since_they_take_fields_of_the_pod_away():
    assert load("whole-cluster").to_dict()["spec"]["trial"]["podOverlay"]["spec"]["restartPolicy"] is None


def test_a_metric_that_is_not_described_is_read_from_the_tag_of_its_name_at_its_last_value():
    sources = {s.name: (s.tag, s.reduce) for s in load("constrained").spec.metric_sources}
    assert sources == {
        "val_acc": ("val_acc", "Last"),
        "num_params": ("num_params", "Last"),
        "latency_ms": ("latency_ms", "Last"),
        "fairness": ("fairness", "Last"),
        "drift": ("drift", "Last"),
    }


def test_a_described_metric_has_its_own_tag_and_is_needed_only_by_objectives_and_constraints():
    spec = load("user-metrics").spec
    sources = {s.name: (s.tag, s.reduce) for s in spec.metric_sources}
    assert sources["val_acc"] == ("val/acc", "Max")
    assert sources["last_acc"] == ("val/acc", "Last")
    assert sources["val_loss"] == ("val_loss", "Min")
    assert spec.needed_metrics == {"val_acc", "peak_memory", "step_time"}


def test_outcome_constraints_are_read_with_the_number_on_either_side():
    outcomes = [(c.metric, c.upper, c.bound) for c in load("constrained").spec.outcomes]
    assert outcomes == [("latency_ms", True, 20.0), ("fairness", False, 0.5), ("drift", True, 1e-3)]
