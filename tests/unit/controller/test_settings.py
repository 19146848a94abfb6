from pathlib import Path

import pytest
from tests import builders

from paretonas.api import parse_experiment
from paretonas.controller.settings import Settings
from paretonas.jobs.overlay import AUTHORS_FIELDS
from paretonas.jobs.pod_policy import Account


def test_an_empty_environment_gives_the_defaults() -> None:
    assert Settings.read({}) == Settings()


def test_every_setting_can_be_given() -> None:
    given = {
        "PARETONAS_NAMESPACES": "team-a,team-b",
        "PARETONAS_LOGS_ROOT": "/mnt",
        "PARETONAS_PORT": "9090",
        "PARETONAS_RESYNC_SECONDS": "5",
        "PARETONAS_PASS_SECONDS": "2.5",
        "PARETONAS_IDLE_SECONDS": "30",
        "PARETONAS_ASK_AHEAD": "0",
        "PARETONAS_LOGS_CLAIM": "logs",
        "PARETONAS_POD_SECURITY": "baseline",
        "PARETONAS_OVERLAY_FIELDS": "spec.tolerations, metadata.labels.example.com/*",
        "PARETONAS_SERVICE_ACCOUNT": "tools/operator",
    }
    assert Settings.read(given) == Settings(
        namespaces=("team-a", "team-b"),
        logs_root=Path("/mnt"),
        port=9090,
        resync_seconds=5.0,
        pass_seconds=2.5,
        idle_seconds=30.0,
        ask_ahead=0,
        pod_security="baseline",
        overlay_fields=("spec.tolerations", "metadata.labels.example.com/*"),
        service_account=Account("tools", "operator"),
        logs_claim="logs",
    )


@pytest.mark.parametrize("text", ["a b", "a,b", " a ,\n b,", "a  b"])
def test_a_list_is_written_with_commas_spaces_or_lines(text: str) -> None:
    assert Settings.read({"PARETONAS_NAMESPACES": text}).namespaces == ("a", "b")


def test_all_namespaces_are_served_only_when_it_says_so() -> None:
    assert Settings.read({"PARETONAS_NAMESPACES": "*"}).namespaces == (None,)
    assert Settings.read({"PARETONAS_NAMESPACES": ""}).namespaces == ()
    with pytest.raises(ValueError, match=r"PARETONAS_NAMESPACES: 'team,\*': \* means all namespaces"):
        Settings.read({"PARETONAS_NAMESPACES": "team,*"})


@pytest.mark.parametrize("text", ["Team", "team_a", "kube-*", "-a", "a.b", "**"])
def test_what_is_no_name_of_a_namespace_is_named(text: str) -> None:
    with pytest.raises(ValueError, match=r"PARETONAS_NAMESPACES: .* is not the name of a namespace"):
        Settings.read({"PARETONAS_NAMESPACES": f"team,{text}"})


@pytest.mark.parametrize("text", ["operator", "/operator", "tools/", "/"])
def test_an_account_has_a_namespace_and_a_name(text: str) -> None:
    with pytest.raises(ValueError, match=r"PARETONAS_SERVICE_ACCOUNT: .* is not NAMESPACE/NAME"):
        Settings.read({"PARETONAS_SERVICE_ACCOUNT": text})


def test_the_fields_of_an_overlay_are_the_default_ones_those_and_others_or_none() -> None:
    assert Settings.read({}).overlay_fields == AUTHORS_FIELDS
    more = Settings.read({"PARETONAS_OVERLAY_FIELDS": "default spec.tolerations"})
    assert more.overlay_fields == (*AUTHORS_FIELDS, "spec.tolerations")
    assert Settings.read({"PARETONAS_OVERLAY_FIELDS": ""}).overlay_fields == ()
    for wrong in (
        "tolerations",
        "metadata",
        "metadata.labels",
        "metadata.name.x",
        "spec.",
        "podOverlay.spec.x",
    ):
        with pytest.raises(ValueError, match=r"PARETONAS_OVERLAY_FIELDS: .* is not a path"):
            Settings.read({"PARETONAS_OVERLAY_FIELDS": wrong})


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("PORT", text) for text in ("http", "8080.5", "-1", "65536", "nan")),
        *(("PASS_SECONDS", text) for text in ("ten", "0", "-2", "nan", "inf", "1e300")),
        *(("IDLE_SECONDS", text) for text in ("10m", "0", "-600", "1e10")),
        *(("ASK_AHEAD", text) for text in ("-1", "1.5", "some")),
    ],
)
def test_a_number_that_cannot_be_used_is_named_with_its_variable(name: str, text: str) -> None:
    with pytest.raises(ValueError, match=rf"^PARETONAS_{name}: '{text}': Input should be"):
        Settings.read({f"PARETONAS_{name}": text})


def test_every_wrong_variable_is_named_at_once() -> None:
    with pytest.raises(ValueError, match=r"PARETONAS_PORT: 'x': .*; PARETONAS_ASK_AHEAD: 'y': "):
        Settings.read({"PARETONAS_PORT": "x", "PARETONAS_ASK_AHEAD": "y"})


def test_a_pod_security_standard_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="PARETONAS_POD_SECURITY: 'none': Input should be 'restricted'"):
        Settings.read({"PARETONAS_POD_SECURITY": "none"})


def test_a_trial_is_held_against_the_settings_in_the_namespace_that_it_is_in() -> None:
    rules = Settings(service_account=Account("tools", "operator"), pod_security="baseline").rules
    trial = {**builders.ON_CLUSTER["trial"], "serviceAccountName": "operator"}
    document = builders.experiment(**{**builders.ON_CLUSTER, "trial": trial}).to_dict()
    for namespace, count in (("tools", 1), ("team", 0)):
        document["metadata"]["namespace"] = namespace
        assert len(rules.find_problems(parse_experiment(document))) == count
    assert rules.pods.level == "baseline"


def test_logs_are_the_one_claim_that_is_mounted_or_a_folder_for_each() -> None:
    whole = builders.experiment(logs={"persistentVolumeClaim": {"claimName": "nas-logs"}}).to_dict()
    whole["metadata"]["namespace"] = "team"
    experiment = parse_experiment(whole)
    assert Settings(logs_claim="nas-logs").logs_folder(experiment) == Path("/logs")
    assert Settings(("team",)).logs_folder(experiment) == Path("/logs/team/nas-logs")
