from pathlib import Path

import pytest
from tests import builders

from paretonas.api import parse_experiment
from paretonas.controller.settings import Settings


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.read({}) == Settings()


def test_every_setting_can_be_given() -> None:
    given = {
        "PARETONAS_NAMESPACE": "team",
        "PARETONAS_LOGS_ROOT": "/mnt",
        "PARETONAS_PORT": "9090",
        "PARETONAS_RESYNC_SECONDS": "5",
        "PARETONAS_PASS_SECONDS": "2.5",
        "PARETONAS_ASK_AHEAD": "0",
        "PARETONAS_LOGS_CLAIM": "logs",
        "PARETONAS_POD_SECURITY": "baseline",
        "PARETONAS_SERVICE_ACCOUNT": "operator",
    }
    assert Settings.read(given) == Settings(
        "team", Path("/mnt"), 9090, 5.0, 2.5, 0, "baseline", "operator", "logs"
    )


def test_a_wrong_number_is_named() -> None:
    with pytest.raises(ValueError, match="PARETONAS_PORT: 'http' is not a number"):
        Settings.read({"PARETONAS_PORT": "http"})


def test_a_pod_security_standard_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="PARETONAS_POD_SECURITY: 'none' is not one of restricted, baseline"):
        Settings.read({"PARETONAS_POD_SECURITY": "none"})


@pytest.mark.parametrize(("namespace", "refused"), [("team", True), (None, False)])
def test_no_trial_beside_the_operator_may_have_its_account(namespace: str | None, refused: bool) -> None:
    rules = Settings(namespace, service_account="operator").rules
    template = builders.ON_CLUSTER["trial"]
    overlay = {"spec": {"serviceAccountName": "operator"}}
    for trial in ({**template, "serviceAccountName": "operator"}, {**template, "podOverlay": overlay}):
        found = rules.broken(builders.spec(**{**builders.ON_CLUSTER, "trial": trial}))
        assert [p.message for p in found] == ["is the operator's own service account"] * refused


def test_an_overlay_does_not_touch_the_labels_that_trials_are_known_by() -> None:
    overlay = {"metadata": {"labels": {"paretonas.io/experiment": "other", "team": "mine"}}}
    trial = {**builders.ON_CLUSTER["trial"], "podOverlay": overlay}
    [problem] = Settings("team").rules.broken(builders.spec(**{**builders.ON_CLUSTER, "trial": trial}))
    assert problem.path == "spec.trial.podOverlay.metadata.labels.paretonas.io/experiment"


def test_logs_are_the_claim_itself_in_one_namespace_and_a_folder_a_claim_in_all() -> None:
    whole = builders.experiment(logs={"persistentVolumeClaim": {"claimName": "nas-logs"}}).to_dict()
    whole["metadata"]["namespace"] = "team"
    experiment = parse_experiment(whole)
    assert Settings(namespace="team").logs_folder(experiment) == Path("/logs")
    assert Settings(namespace=None).logs_folder(experiment) == Path("/logs/team/nas-logs")
