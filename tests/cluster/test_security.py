"""What a trial's author cannot do to others, on a cluster whose namespace enforces nothing by itself."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from tests import builders
from tests.cluster.conftest import RUN, Start
from tests.cluster.kubectl import BINARY, Kubectl, Refused, condition, eventually
from tests.cluster.quick import PROGRAM, of, quick
from tests.overlays import OVERLAYS

from paretonas.jobs.manifest import finish_template
from paretonas.jobs.pod_policy import TORCHX_TEMPLATE, PodPolicy
from paretonas.jobs.pod_shape import read_shape

AS_OPERATOR = "--as=system:serviceaccount:paretonas:paretonas-operator"

LABEL = "pod-security.kubernetes.io/enforce"


@pytest.fixture
def unguarded(nas: Kubectl) -> Iterator[Kubectl]:
    """The namespace without Pod Security admission."""
    nas("label", "namespace", nas.namespace, f"{LABEL}=privileged", "--overwrite")
    yield nas
    nas("label", "namespace", nas.namespace, f"{LABEL}=restricted", "--overwrite")


@pytest.mark.parametrize(
    ("overlay", "field"),
    [
        ({"spec": {"volumes": [{"name": "root", "hostPath": {"path": "/"}}]}}, "spec.volumes[0].hostPath"),
        (
            {"spec": {"containers": [{"name": "trial", "securityContext": {"privileged": True}}]}},
            "spec.containers[0].securityContext.privileged",
        ),
        ({"spec": {"hostNetwork": True}}, "spec.hostNetwork"),
        ({"spec": {"serviceAccountName": "paretonas-operator"}}, "spec.serviceAccountName"),
        (
            {"spec": {"serviceAccount": "paretonas-operator", "automountServiceAccountToken": True}},
            "spec.automountServiceAccountToken: true: is set by ParetoNAS itself",
        ),
        ({"spec": {"serviceAccount": "paretonas-operator"}}, "spec.serviceAccount: "),
        ({"spec": {"tolerations": [{"operator": "Exists"}]}}, "spec.tolerations"),
        ({"metadata": {"labels": {"app.kubernetes.io/component": "operator"}}}, "metadata.labels.app."),
        ({"metadata": {"labels": "none"}}, "metadata.labels: "),
        ({"spec": {"containers": [{"name": "trial", "ports": [7]}]}}, "spec.containers[0].ports[0]"),
    ],
    ids=str,
)
def test_an_overlay_that_reaches_beyond_its_pod_is_refused_by_the_operator_itself(
    unguarded: Kubectl, start: Start, overlay: dict[str, Any], field: str
):
    name = start(quick("greedy", trial={"podOverlay": overlay}))
    unguarded.wait(f"nasexperiment/{name}", "Valid=False")
    told = condition(unguarded.get("nasexperiment", name) or {}, "Valid")["message"]
    assert told.startswith(f"spec.trial.podOverlay.{field}")
    assert unguarded.list("nastrials,vcjob,pods", of(name)) == []


def test_a_trial_may_not_have_the_operators_account(nas: Kubectl, start: Start):
    name = start(quick("crowned", trial={"serviceAccountName": "paretonas-operator"}))
    nas.wait(f"nasexperiment/{name}", "Valid=False")
    told = condition(nas.get("nasexperiment", name) or {}, "Valid")["message"]
    assert "is the operator's own service account" in told
    assert nas.list("nastrials,vcjob,pods", of(name)) == []


# --- the API server's own policy, for an operator that asks for more than it should (deploy/base/accounts.yaml)


def job(*pods: dict[str, Any]) -> dict[str, Any]:
    """A Volcano Job of these pods, that is never to run."""
    container = {"name": "c", "image": "x"}
    tasks = [
        {"name": f"t-{i}", "replicas": 1, "template": {"spec": {"containers": [container], **pod}}}
        for i, pod in enumerate(pods)
    ]
    spec = {"schedulerName": "volcano", "minAvailable": len(tasks), "queue": "default", "tasks": tasks}
    metadata = {"name": f"asked-{RUN}"}
    return {"apiVersion": "batch.volcano.sh/v1alpha1", "kind": "Job", "metadata": metadata, "spec": spec}


def asked(kubectl: Kubectl, document: dict[str, Any], *as_whom: str) -> str:
    """What the API server says to who asks for a job, the operator's account as a rule: nothing when he may have it."""
    try:
        kubectl("create", "--dry-run=server", *as_whom, "-f", "-", stdin=yaml.safe_dump(document))
    except Refused as refused:
        return str(refused)
    return ""


@pytest.mark.parametrize(
    "pods",
    [
        [{"serviceAccountName": "paretonas-operator"}],
        [{"serviceAccount": "builder"}],
        [{}, {"serviceAccountName": "default", "serviceAccount": "builder"}],
        [{"serviceAccountName": "default"}, {}, {"serviceAccountName": "builder"}],
    ],
    ids=str,
)
def test_the_operators_account_gets_no_job_with_an_account_that_is_not_allowed(
    nas: Kubectl, pods: list[dict[str, Any]]
):
    told = asked(nas, job(*pods), AS_OPERATOR)
    assert "paretonas-trial-accounts" in told
    assert "has another service account than this namespace allows (default)" in told


def test_the_operators_account_gets_jobs_with_the_accounts_that_the_namespace_lists(nas: Kubectl):
    pods = [{}], [{"serviceAccountName": "default"}], [{"serviceAccount": "default"}]
    assert [asked(nas, job(*some), AS_OPERATOR) for some in pods] == [""] * 3
    nas("annotate", "namespace", nas.namespace, "paretonas.io/trial-accounts=trainer, reader", "--overwrite")
    try:
        listed = job({"serviceAccountName": "trainer"}, {"serviceAccount": "reader"})
        assert eventually(lambda: asked(nas, listed, AS_OPERATOR) == "", "the list is seen")
        assert "allows (trainer, reader)" in asked(nas, job({}), AS_OPERATOR), "it is in the place of the default"
    finally:
        nas("annotate", "namespace", nas.namespace, "paretonas.io/trial-accounts-")


def test_the_policy_is_for_operators_alone_and_no_job_of_theirs_is_in_the_clusters_namespaces(nas: Kubectl):
    assert asked(nas, job({"serviceAccountName": "builder"})) == "", "others do as their roles let them"
    role = {"kind": "ClusterRole", "name": f"asks-{RUN}"}
    for kind, more in (
        ("ClusterRole", {"rules": [{"apiGroups": ["*"], "resources": ["jobs"], "verbs": ["create"]}]}),
        (
            "ClusterRoleBinding",
            {
                "roleRef": {**role, "apiGroup": "rbac.authorization.k8s.io"},
                "subjects": [{"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": "asks"}],
            },
        ),
    ):
        api = "rbac.authorization.k8s.io/v1"
        nas.apply({"apiVersion": api, "kind": kind, "metadata": {"name": role["name"]}, **more})
    try:
        whom = ("--as=system:serviceaccount:anywhere:paretonas-operator", "--as-group=asks")
        assert asked(nas, job({}), *whom) == "", "its role lets it everywhere"
        told = asked(Kubectl("kube-system"), job({}), *whom)
        assert "no trial runs in a namespace of the cluster itself" in told
    finally:
        nas("delete", "clusterrole,clusterrolebinding", role["name"])


# --- what PodSecurity forbids


SAMPLES = 300


def generated() -> list[dict[str, Any]]:
    """Pod overlays, the same in every run."""
    found: list[dict[str, Any]] = []

    @settings(
        max_examples=SAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(OVERLAYS)
    def collect(overlay: dict[str, Any]) -> None:
        found.append(overlay)

    collect()
    return found


@pytest.mark.parametrize("level", ["restricted", "baseline"])
def test_what_podsecurity_of_the_api_server_refuses_the_operator_refuses_too(nas: Kubectl, level: Any):
    overlays, policy = generated(), PodPolicy(level, ("spec.*", "metadata.*"))
    pods, ours = [], {}
    for number, overlay in enumerate(overlays):
        trial = {**builders.ON_CLUSTER["trial"], "podOverlay": overlay}
        spec = builders.spec(**{**builders.ON_CLUSTER, "trial": trial})
        template = finish_template(TORCHX_TEMPLATE, spec, read_shape(overlay)[0], {"paretonas.io/trial": "nas-0"})
        template["spec"]["containers"][0].setdefault("image", "trainer:1")
        template["metadata"]["name"] = f"sample-{number}"
        pods.append({"apiVersion": "v1", "kind": "Pod", **template})
        ours[number] = policy.problems(spec, "team")
    nas("label", "namespace", nas.namespace, f"{LABEL}={level}", "--overwrite")
    try:
        theirs = forbidden(nas, pods)
        too_strict = [n for n in ours if ours[n] and n not in theirs and not refused_otherwise(nas, pods[n])]
    finally:
        nas("label", "namespace", nas.namespace, f"{LABEL}=restricted", "--overwrite")
    assert len(theirs) > SAMPLES / 5, "too few of them break the standard to compare"
    missed = {number: overlays[number] for number in theirs if not ours[number]}
    assert missed == {}
    assert too_strict == [], "and nothing that it takes"


def forbidden(kubectl: Kubectl, pods: list[dict[str, Any]]) -> set[int]:
    """The numbers of the pods that PodSecurity forbids, each asked for in a server-side dry run."""
    done = subprocess.run(
        [BINARY, "-n", kubectl.namespace, "create", "--dry-run=server", "--validate=false", "-f", "-"],
        input="".join(f"---\n{json.dumps(pod)}\n" for pod in pods),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    words = '" is forbidden: violates PodSecurity'
    lines = [line for line in done.stderr.splitlines() if words in line]
    return {int(line.partition(words)[0].rpartition("-")[2]) for line in lines}


def refused_otherwise(kubectl: Kubectl, pod: dict[str, Any]) -> bool:
    """Whether the API server refuses it, for whatever reason."""
    try:
        kubectl("create", "--dry-run=server", "--validate=false", "-f", "-", stdin=json.dumps(pod))
    except Refused:
        return True
    return False


# --- what a trial gets


def test_a_text_arrives_as_it_is_written(nas: Kubectl, start: Start):
    """Also where Kubernetes would take it for a variable."""
    text = "$(PARETONAS_TRIAL) $$9 $ ${PATH} $$"
    checks = "\n".join(
        [
            "import json, os, sys",
            f"text = bytes.fromhex('{text.encode().hex()}').decode()",
            "assert sys.argv[4:] == [text], sys.argv",
            "assert os.environ['AS_IT_IS'] == text, os.environ['AS_IT_IS']",
            "assert json.loads(os.environ['PARETONAS_PARAMETERS'])['t'] == text",
            "own = '$(PARETONAS_TRIAL)'",
            "assert own[1:] == '(PARETONAS_TRIAL)', own",
            "",
        ]
    )
    name = start(
        quick(
            "literal",
            maxTrials=1,
            parallelism=1,
            failurePolicy={"retries": 0},
            parameters=[
                {"name": "x", "float": {"min": 0.0, "max": 1.0}},
                {"name": "t", "fixed": {"value": text}},
            ],
            trial={
                "command": ["python", "-c", checks + PROGRAM],
                "args": ["${parameters.x}", "0", "${trial.logDir}", "${parameters.t}"],
                "env": [{"name": "AS_IT_IS", "value": "${parameters.t}"}],
            },
        )
    )
    nas.wait(f"nasexperiment/{name}", "Succeeded")


def test_a_trial_has_no_token_of_the_api_server(nas: Kubectl, start: Start):
    looks = "import os; assert not os.path.exists('/var/run/secrets/kubernetes.io'), 'a token'\n"
    name = start(quick("tokenless", maxTrials=1, parallelism=1, trial={"command": ["python", "-c", looks + PROGRAM]}))
    nas.wait(f"nasexperiment/{name}", "Succeeded")


def test_a_trial_that_puts_a_link_in_the_place_of_its_logs_gets_no_result(nas: Kubectl, start: Start):
    """To where only the operator can read: its own token."""
    links = "\n".join(
        [
            "import os, sys",
            "folder = sys.argv[3]",
            "os.makedirs(os.path.dirname(folder))",
            "os.symlink('/var/run/secrets', folder)",
        ]
    )
    name = start(
        quick(
            "linked",
            maxTrials=1,
            parallelism=1,
            failurePolicy={"retries": 0},
            trial={"command": ["python", "-c", links]},
        )
    )
    nas.wait(f"nasexperiment/{name}", "Succeeded=False")
    [trial] = nas.list("nastrials", of(name))
    assert trial["status"]["state"] == "Failed"
    assert "is a symbolic link, which is not followed" in trial["status"]["message"]


def test_metrics_show_no_parameter(nas: Kubectl, start: Start):
    name = start(
        quick(
            "private",
            maxTrials=1,
            parallelism=1,
            parameters=[{"name": "x", "float": {"min": 0.123454321, "max": 0.123454322}}],
        )
    )
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    [pod] = nas.list("pods", "app.kubernetes.io/component=operator")
    path = f"/api/v1/namespaces/{nas.namespace}/pods/{pod['metadata']['name']}:8080/proxy/metrics"
    text = eventually(lambda: name in (found := nas("get", "--raw", path)) and found, "its metrics")
    assert "0.1234" not in text


def test_metrics_are_left_to_the_namespace_that_scrapes_them(nas: Kubectl, tmp_path: Path):
    """As far as the API server goes: the test cluster's network enforces no policy."""
    shutil.copytree("deploy", tmp_path / "deploy")
    shutil.copytree("crds", tmp_path / "crds")
    folder = tmp_path / "deploy/overlays/kind"
    kustomization = folder / "kustomization.yaml"
    component = "../../components/metrics-for-monitoring"
    kustomization.write_text(f"{kustomization.read_text()}components: [{component}]\n")
    built = nas("kustomize", str(folder))
    [policy] = (d for d in yaml.safe_load_all(built) if d["kind"] == "NetworkPolicy")
    answer = yaml.safe_load(nas("apply", "--dry-run=server", "-o", "yaml", "-f", "-", stdin=yaml.safe_dump(policy)))
    [rule] = answer["spec"]["ingress"]
    namespace = {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}
    assert rule["from"] == [{"namespaceSelector": namespace}]
    assert [port["port"] for port in rule["ports"]] == [8080]
