"""`scripts/kind-up.sh` with stand-ins for the commands that it calls: what it checks and does, in which order."""

import os
import subprocess
from pathlib import Path

import pytest

STAND_IN = r"""#!/bin/bash
command=$(basename "$0")
echo "$command $*" >>"$CALLS"
case "$command $*" in
  "docker info "*) echo "${CORES:-4} ${BYTES:-16000000000} /docker" ;;
  "docker image inspect --format"*) echo sha256:new ;;
  "docker image inspect "*) echo "{\"Labels\": {\"paretonas.io/torch\": \"$IN_DOCKER\"}}" ;;
  *crictl*) echo "{\"Labels\": {\"paretonas.io/torch\":\"$IN_NODE\"}}" ;;
  "kind get clusters") echo "$CLUSTERS" ;;
  "kubectl -n paretonas get job mnist"*) echo Complete ;;
  df*)
    free=$DOCKER_GB device=/dev/one
    if [ "${*: -1}" = "$TMPDIR" ] && [ -n "$TMP_GB" ]; then free=$TMP_GB device=/dev/two; fi
    [ -n "$free" ] || exit 1
    printf 'Filesystem 1024-blocks Used Available Capacity Mounted\n%s 1 1 %s 1%% /\n' $device $((free * 1000000)) ;;
esac
"""


@pytest.fixture
def kind_up(tmp_path: Path):
    """Run the script; the arguments say what its commands find. Returns its exit code, messages and calls."""
    for command in ("docker", "kind", "kubectl", "df", "curl", "sleep"):
        (tmp_path / command).write_text(STAND_IN)
        (tmp_path / command).chmod(0o755)

    def run(*, index: str | None = "", **found: str) -> tuple[int, str, list[str]]:
        calls = tmp_path / "calls"
        calls.write_text("")
        defaults = {
            "DOCKER_GB": "100",
            "TMP_GB": "",
            "CLUSTERS": "",
            "IN_DOCKER": "",
            "IN_NODE": "",
            "TMPDIR": str(tmp_path),
        }
        environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "CALLS": str(calls), **defaults, **found}
        if index is not None:
            environment["TORCH_INDEX"] = index
        done = subprocess.run(["scripts/kind-up.sh"], env=environment, capture_output=True, text=True, check=False)
        return done.returncode, done.stderr, calls.read_text().splitlines()

    return run


def label(calls: list[str]) -> str:
    """The label of the torch that the images were built with."""
    [build] = [call for call in calls if call.startswith("docker build --target trainer")]
    return build.partition("paretonas.io/torch=")[2].split()[0]


def position(calls: list[str], start: str) -> int:
    found = [number for number, call in enumerate(calls) if call.startswith(start)]
    assert found, f"no call begins with {start!r}: {calls}"
    return found[0]


def test_a_new_cluster_is_created_only_where_there_is_room(kind_up) -> None:
    code, said, calls = kind_up(DOCKER_GB="29")
    assert (code, "/docker has 29 GB free, and needs 30; make room" in said) == (2, True)
    assert not any(call.startswith(("kind create", "docker build")) for call in calls)
    code, said, calls = kind_up(DOCKER_GB="30")
    assert code == 0, said
    assert position(calls, "kind create cluster") < position(calls, "docker build") < position(calls, "kind load")


def test_the_cpu_wheels_need_less(kind_up) -> None:
    code, said, _ = kind_up(index=None, DOCKER_GB="9")
    assert (code, "has 9 GB free, and needs 10" in said) == (2, True)
    assert kind_up(index=None, DOCKER_GB="10")[0] == 0


def update(kind_up, **found: str) -> tuple[int, str, list[str]]:
    """A second call, with images in Docker and in the node that have today's torch unless it is said otherwise."""
    today = label(kind_up()[2])
    return kind_up(**{"CLUSTERS": "other\nparetonas", "IN_DOCKER": today, "IN_NODE": today, **found})


def test_an_update_checks_the_disk_before_it_builds(kind_up) -> None:
    code, said, calls = update(kind_up, DOCKER_GB="8")
    assert code == 2
    assert "updates the cluster that exists; needs 9 GB of disk" in said
    assert "/docker has 8 GB free, and needs 9; make room (docker system df says what there is)" in said
    assert not any(call.startswith(("docker build", "kind load")) for call in calls)


def test_an_update_loads_what_is_new_beside_the_operator_that_runs(kind_up) -> None:
    code, said, calls = update(kind_up, DOCKER_GB="9")
    assert code == 0, said
    assert not any(call.startswith("kind create") or "scale deployment" in call for call in calls)
    removals = [call for call in calls if "images rm" in call]
    assert len(removals) == 1
    assert "paretonas-" not in removals[0].removeprefix("docker exec paretonas-control-plane"), "only second names"
    assert position(calls, "kind load") < calls.index(removals[0])


@pytest.mark.parametrize("where", ["IN_DOCKER", "IN_NODE"])
def test_images_with_another_torch_take_the_place_of_the_old_ones(kind_up, where: str) -> None:
    code, said, calls = update(kind_up, **{where: "another"}, DOCKER_GB="19")
    assert (code, "has 19 GB free, and needs 20" in said) == (2, True)
    code, said, calls = update(kind_up, **{where: "another"}, DOCKER_GB="20")
    assert code == 0, said
    stop = position(calls, "kubectl -n paretonas scale deployment paretonas-operator --replicas=0")
    gone = position(calls, "kubectl -n paretonas wait --for=delete pod")
    removal = position(calls, "docker exec paretonas-control-plane sh -c ctr")
    assert "paretonas-(operator|trainer):" in calls[removal]
    assert position(calls, "docker build") < stop < gone < removal < position(calls, "kind load")
    assert position(calls, "kind load") < position(calls, "kubectl apply -k"), "which brings the operator back"


def test_the_archive_needs_room_where_temporary_files_are(kind_up, tmp_path: Path) -> None:
    folder = str(tmp_path)
    code, said, calls = update(kind_up, DOCKER_GB="3", TMP_GB="5", TMPDIR=folder)
    assert (code, f"{folder} has 5 GB free, and needs 6" in said, "TMPDIR" in said) == (2, True, True)
    assert not any(call.startswith("docker build") for call in calls)
    assert update(kind_up, DOCKER_GB="3", TMP_GB="6", TMPDIR=folder)[0] == 0
    assert update(kind_up, DOCKER_GB="2", TMP_GB="90", TMPDIR=folder)[0] == 2


def test_a_disk_of_a_docker_in_a_machine_of_its_own_is_not_known_and_not_checked(kind_up, tmp_path: Path) -> None:
    assert update(kind_up, DOCKER_GB="", TMP_GB="6", TMPDIR=str(tmp_path))[0] == 0


@pytest.mark.parametrize(
    ("found", "said"),
    [({"CORES": "1"}, "has 1 core, and needs 2"), ({"BYTES": "2000000000"}, "has 1907 MiB of memory, and needs 6000")],
)
def test_what_a_new_cluster_needs_besides_is_checked_too(kind_up, found: dict[str, str], said: str) -> None:
    code, words, calls = kind_up(**found)
    assert (code, said in words) == (2, True)
    assert not any(call.startswith("kind create") for call in calls)
