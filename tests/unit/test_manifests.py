"""The manifests that are shipped, as far as no cluster is needed to look at them."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from paretonas.kube.labels import RESERVED_PREFIXES

DEPLOY = Path("deploy")
BED_PINS = Path("tests/cluster/bed/module/go.mod")


def documents(folder: Path = DEPLOY) -> Iterator[dict[str, Any]]:
    for file in sorted(folder.rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            yield document
            for patch in document.get("patches", ()):
                found = yaml.safe_load(patch["patch"])
                yield from [found] if isinstance(found, dict) else found


def selected(value: Any) -> Iterator[str]:
    """Labels by which pods are selected anywhere in a document."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in {"podSelector", "selector", "podAffinity", "podAntiAffinity"}:
                yield from (inner.get("matchLabels") or {}) if isinstance(inner, dict) else ()
            yield from selected(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from selected(inner)


def test_every_label_that_a_manifest_selects_pods_by_is_reserved() -> None:
    labels = {label for document in documents() for label in selected(document)}
    assert labels
    assert all(label.startswith(RESERVED_PREFIXES) for label in labels), labels


def test_the_namespaces_with_a_role_are_those_that_the_operator_is_told() -> None:
    folder = DEPLOY / "overlays/cluster-wide"
    top = yaml.safe_load((folder / "kustomization.yaml").read_text())
    teams = [name for name in top["resources"] if name != "operator"]
    roles = [yaml.safe_load((folder / team / "kustomization.yaml").read_text())["namespace"] for team in teams]
    [told] = (
        operation["value"]["value"]
        for patch in top["patches"]
        for operation in yaml.safe_load(patch["patch"])
        if operation["path"].endswith("/env/0")
    )
    assert told.split() == roles == teams
    first = yaml.safe_load((DEPLOY / "base/deployment.yaml").read_text())["spec"]["template"]["spec"]
    assert first["containers"][0]["env"][0]["name"] == "PARETONAS_NAMESPACES", "the one that is replaced"


def test_a_cluster_role_is_in_the_one_overlay_that_says_so() -> None:
    with_one = {
        file.relative_to(DEPLOY).parts[1] for file in DEPLOY.rglob("*.yaml") if "ClusterRole" in file.read_text()
    }
    assert with_one == {"all-namespaces"}


KUBELET_KEEPS_MIB = 5 * 10
"""Of a container's log, by default (containerLogMaxFiles, containerLogMaxSize); it counts as ephemeral storage."""

AT_REST_MIB, SEARCHING_MIB = 150, 120 + 1100 + 2 * 30
"""What docs/kubernetes.md says that the operator holds: at rest, and with a thousand trials and its log readers."""


def mib(quantity: str) -> int:
    number, unit = re.fullmatch(r"(\d+)(Mi|Gi)", quantity).groups()  # type: ignore[union-attr] # no other is written
    return int(number) * {"Mi": 1, "Gi": 1024}[unit]


def operator_pod() -> dict[str, Any]:
    """The pod of the operator's Deployment; no overlay changes its resources or its volumes' sizes."""
    pod: dict[str, Any] = yaml.safe_load((DEPLOY / "base/deployment.yaml").read_text())["spec"]["template"]["spec"]
    return pod


def test_the_operator_asks_for_the_memory_that_it_has_at_rest_and_is_limited_to_that_of_a_search() -> None:
    pod = operator_pod()
    [container] = pod["containers"]
    requests, limits = (container["resources"][kind]["memory"] for kind in ("requests", "limits"))
    assert AT_REST_MIB <= mib(requests) <= 2 * AT_REST_MIB
    assert mib(limits) >= SEARCHING_MIB


def test_the_operator_may_use_as_much_disk_as_its_volumes_and_its_log_may_take() -> None:
    pod = operator_pod()
    [container] = pod["containers"]
    requests, limits = (container["resources"][kind]["ephemeral-storage"] for kind in ("requests", "limits"))
    volumes = [volume["emptyDir"] for volume in pod["volumes"] if "emptyDir" in volume]
    on_disk = [mib(volume["sizeLimit"]) for volume in volumes if volume.get("medium") != "Memory"]
    assert on_disk
    assert mib(requests) <= sum(on_disk) + KUBELET_KEEPS_MIB <= mib(limits)
    assert container["securityContext"]["readOnlyRootFilesystem"], "else it could write anywhere"


def pinned(module: str) -> str:
    """The version of a module that the test cluster is built of."""
    found = re.search(rf"^\s*(?:require )?{re.escape(module)} (v\S+)", BED_PINS.read_text(), re.MULTILINE)
    assert found, module
    return found[1]


def minor(version: str) -> list[str]:
    return version.removeprefix("v").split(".")[:2]


def test_kind_and_the_test_cluster_have_the_same_kubernetes_and_the_same_volcano() -> None:
    [node] = yaml.safe_load(Path("kind-config.yaml").read_text())["nodes"]
    image = re.fullmatch(r"kindest/node:(v[\d.]+)@sha256:[0-9a-f]{64}", node["image"])
    assert image, "a tag alone may be moved"
    assert minor(image[1]) == minor(pinned("k8s.io/kubernetes"))
    told = re.search(r"^VOLCANO=(\S+)", Path("scripts/kind-up.sh").read_text(), re.MULTILINE)
    assert told
    assert told[1] == pinned("volcano.sh/volcano")


def test_a_data_set_that_cannot_be_fetched_ends_its_job_and_leaves_the_reason() -> None:
    [job] = [d for d in documents(DEPLOY / "overlays/kind") if d["kind"] == "Job"]
    assert job["spec"]["backoffLimit"] == 0
    assert job["spec"]["template"]["spec"]["restartPolicy"] == "Never", "OnFailure removes the pod and its words"
