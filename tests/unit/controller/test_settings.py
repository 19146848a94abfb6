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
    }
    assert Settings.read(given) == Settings("team", Path("/mnt"), 9090, 5.0, 2.5, 0, "logs")


def test_a_wrong_number_is_named() -> None:
    with pytest.raises(ValueError, match="PARETONAS_PORT: 'http' is not a number"):
        Settings.read({"PARETONAS_PORT": "http"})


def test_logs_are_the_claim_itself_in_one_namespace_and_a_folder_a_claim_in_all() -> None:
    whole = builders.experiment(logs={"persistentVolumeClaim": {"claimName": "nas-logs"}}).to_dict()
    whole["metadata"]["namespace"] = "team"
    experiment = parse_experiment(whole)
    assert Settings(namespace="team").logs_folder(experiment) == Path("/logs")
    assert Settings(namespace=None).logs_folder(experiment) == Path("/logs/team/nas-logs")
