"""Output folders on a real claim: shared by attempts, fetched by a pod, removed outside the Pareto set."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.cluster.conftest import BED, Start
from tests.cluster.kubectl import Kubectl, eventually
from tests.cluster.quick import PROGRAM, of, quick

KEEPS = "\n".join(
    [
        *PROGRAM.splitlines()[: PROGRAM.splitlines().index("folder.mkdir(parents=True)")],
        "folder.mkdir(parents=True)",
        "kept = Path(os.environ['PARETONAS_OUTPUT_DIR'])",
        "kept.mkdir(parents=True, exist_ok=True)",
        "resumed = (kept / 'attempts').exists()",
        "with (kept / 'attempts').open('a') as file:",
        "    print(folder.name, file=file)",
        "(kept / 'nets' / 'deep').mkdir(parents=True, exist_ok=True)",
        "(kept / 'nets' / 'deep' / 'model.bin').write_bytes(bytes(range(256)) * 20_000)",  # 5 MB, in many frames
        "(kept / 'passwd').is_symlink() or (kept / 'passwd').symlink_to('/etc/passwd')",
        "print('kept', flush=True)",
        "time.sleep(seconds if resumed else seconds * 60)",
        "write_scalars(folder, {'accuracy': x, 'size': 50.0})",
    ]
)
"""Its first attempt waits a minute for each second, long enough to be evicted; the next one resumes."""


def keeping(name: str, *, seconds: float, **fields: Any) -> dict[str, Any]:
    trial = {"command": ["python", "-c", KEEPS], **fields.pop("trial", {})}
    return quick(name, seconds=seconds, trial=trial, **fields)


def status(nas: Kubectl, trial: str) -> dict[str, Any]:
    found = nas.get("nastrial", trial)
    assert found is not None
    known: dict[str, Any] = found.get("status", {})
    return known


def volume(nas: Kubectl) -> Path:
    """Where the test cluster has the claim of the logs on this machine."""
    claim = nas.get("pvc", "nas-logs")
    assert claim is not None
    volume = json.loads(nas("get", "pv", claim["spec"]["volumeName"], "-o", "json"))
    return Path(volume["spec"]["hostPath"]["path"])


def fetch_pods(nas: Kubectl) -> list[dict[str, Any]]:
    return nas.list("pods", "app.kubernetes.io/component=fetch")


def test_a_trial_that_is_evicted_resumes_and_what_it_kept_is_fetched(nas: Kubectl, start: Start, tmp_path: Path):
    name = start(keeping("resumed", seconds=1, maxTrials=1, parallelism=1))
    trial = f"{name}-0"
    pod = eventually(
        lambda: next((p for p in nas.list("pods", of(name)) if p["status"].get("phase") == "Running"), None),
        "its first attempt runs",
    )["metadata"]["name"]
    eventually(lambda: "kept" in nas("logs", pod), "it has kept something")
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": nas.namespace}}
    path = f"/api/v1/namespaces/{nas.namespace}/pods/{pod}/eviction"
    nas("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    found = status(nas, trial)
    first, last = found["attempts"]
    assert first["reason"] in {"Evicted", "Lost"}, "its pod may be gone before anybody has seen how it ended"
    assert last["reason"] == "Completed"
    assert found["outputDir"] == f"{name}/{trial}/output"
    copied = tmp_path / "copied"
    assert f"{trial}: 2 files, 4.9 MiB, copied to {copied}\n" == nas.plugin("fetch", trial, str(copied))
    assert (copied / "attempts").read_text() == "a1\na2\n", "both attempts had the same folder"
    assert (copied / "nets" / "deep" / "model.bin").read_bytes() == bytes(range(256)) * 20_000
    assert sorted(path.name for path in copied.iterdir()) == ["attempts", "nets"], "a link out of it is left out"
    assert [path.name for path in tmp_path.iterdir()] == ["copied"]
    with pytest.raises(AssertionError, match="exists; give another folder to copy to"):
        nas.plugin("fetch", trial, str(copied))
    eventually(lambda: not fetch_pods(nas), "its pods are gone")
    [point] = json.loads(nas.plugin("pareto", name, "-o", "json"))
    assert point["outputDir"] == f"{name}/{trial}/output"


def test_only_the_outputs_of_the_pareto_set_are_kept(nas: Kubectl, start: Start, context: str, tmp_path: Path):
    fields: dict[str, Any] = {"trial": {"keepOutputs": "ParetoSet"}, "maxTrials": 5, "parallelism": 2}
    name = start(keeping("only-best", seconds=0.01, **fields))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    resource = nas.get("nasexperiment", name)
    assert resource is not None
    [best] = resource["status"]["paretoSet"]
    others = [f"{name}-{index}" for index in range(5) if f"{name}-{index}" != best["trial"]]
    eventually(lambda: all(status(nas, trial).get("outputRemoved") for trial in others), "the others' are removed")
    assert best["outputDir"] == f"{name}/{best['trial']}/output"
    assert not status(nas, best["trial"]).get("outputRemoved")
    assert not any(status(nas, trial).get("outputDir") for trial in others)
    if context == BED:
        there = sorted(path.parent.name for path in (volume(nas) / name).glob("*/output"))
        assert there == [best["trial"]]
        assert len(list((volume(nas) / name).glob("*/a1"))) == 5, "logs stay"
    nas.plugin("fetch", best["trial"], str(tmp_path / "best"))
    assert (tmp_path / "best" / "attempts").read_text() == "a1\n"
    with pytest.raises(AssertionError, match="was removed: it is not in the Pareto set"):
        nas.plugin("fetch", others[0], str(tmp_path / "other"))
    jobs = [job["metadata"]["name"] for job in nas.list("vcjob", of(name))]
    assert not [job for job in jobs if "-outputs-" in job], "the jobs that removed them are gone too"
    events = json.loads(nas("get", "events", "-o", "json"))["items"]
    assert "OutputsRemoved" in {e["reason"] for e in events if e["involvedObject"]["name"] == name}


def test_a_trial_that_has_kept_nothing_is_told(nas: Kubectl, start: Start, tmp_path: Path):
    name = start(quick("kept-nothing", maxTrials=1, parallelism=1))
    nas.wait(f"nasexperiment/{name}", "Succeeded")
    assert "outputDir" not in status(nas, f"{name}-0")
    with pytest.raises(AssertionError, match=f"{name}-0 has kept nothing: there is no {name}/{name}-0/output"):
        nas.plugin("fetch", f"{name}-0", str(tmp_path / "none"))
    assert not list(tmp_path.iterdir())
    eventually(lambda: not fetch_pods(nas), "its pods are gone")
