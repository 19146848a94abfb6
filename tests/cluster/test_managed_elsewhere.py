"""An experiment of another controller: left alone beside one of ours, and the field cannot be changed."""

import pytest
from tests.cluster.conftest import RUN, Start
from tests.cluster.kubectl import Kubectl, Refused, condition, eventually
from tests.cluster.quick import quick


def test_an_experiment_of_another_controller_is_left_alone(nas: Kubectl, start: Start):
    theirs = start(quick(f"theirs-{RUN}", managedBy="example.com/another-controller"))
    ours = start(quick(f"ours-{RUN}", maxTrials=2, managedBy="paretonas.io/operator"))
    nas.wait(f"nasexperiment/{ours}", "Succeeded")

    def told() -> bool:
        stored = nas.get("nasexperiment", theirs)
        return bool(stored and (stored.get("status") or {}).get("conditions"))

    eventually(told, "the one condition")
    stored = nas.get("nasexperiment", theirs)
    assert stored is not None
    assert len(stored["status"]["conditions"]) == 1
    assert condition(stored, "Progressing")["reason"] == "ManagedElsewhere"
    assert [t for t in nas.list("nastrials") if t["spec"]["experiment"] == theirs] == []
    with pytest.raises(Refused, match="managedBy"):
        nas(
            "patch",
            "nasexperiment",
            theirs,
            "--type=merge",
            "-p",
            '{"spec": {"managedBy": "example.com/third"}}',
        )
