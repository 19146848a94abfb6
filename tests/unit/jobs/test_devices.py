"""Which GPUs a trial gets: values in, values out."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import spec

from paretonas.jobs.devices import (
    AMD,
    NVIDIA,
    Device,
    DeviceError,
    DeviceKind,
    Slot,
    assigns_devices_itself,
    free,
    limits,
    requests,
)

FOUR = tuple(Device(i, f"GPU-{i}{i}aa-0000") for i in range(4))
CUT = (
    Device(0, "GPU-00aa-0000"),
    Device(1, "MIG-11bb-0001", sliced=True),
    Device(1, "MIG-11cc-0002", sliced=True),
)


def given_out(kind: DeviceKind, found: Sequence[Device], **variables: str) -> list[str]:
    """How the devices that are allowed are spelt for trials."""
    return [slot.spelt for slot in kind.allowed(found, variables)]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("3,1", ["3", "1"]),
        ("2", ["2"]),
        (" 0 , 2 ", ["0", "2"]),
        ("", []),
        (" ", []),
        ("-1", []),
        ("1,-1,2", ["1"]),
        ("1,1", ["1"]),
        ("GPU-33aa-0000,GPU-00", ["GPU-33aa-0000", "GPU-00"]),
        ("0,GPU-00aa", ["0"]),
        ("MIG-GPU-22aa-0000/1/0", ["MIG-GPU-22aa-0000/1/0"]),
    ],
)
def test_what_the_user_allows_is_what_trials_may_have(limit: str, expected: list[str]) -> None:
    assert given_out(NVIDIA, FOUR, CUDA_VISIBLE_DEVICES=limit) == expected


def test_without_a_limit_all_are_allowed_and_counted_as_nvidia_smi_does() -> None:
    assert given_out(NVIDIA, FOUR) == ["0", "1", "2", "3"]
    slots = NVIDIA.allowed(FOUR, {})
    assert NVIDIA.environment(slots[1:3], {}) == {
        "CUDA_VISIBLE_DEVICES": "1,2",
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",
    }
    limited = {"CUDA_VISIBLE_DEVICES": "2,3"}
    assert NVIDIA.environment(NVIDIA.allowed(FOUR, limited), limited) == limited, "the user's own order counts"


def test_a_card_that_is_cut_stands_for_its_slices_by_their_uuids() -> None:
    assert given_out(NVIDIA, CUT) == ["GPU-00aa-0000", "MIG-11bb-0001", "MIG-11cc-0002"]
    assert given_out(NVIDIA, CUT, CUDA_VISIBLE_DEVICES="MIG-11cc") == ["MIG-11cc"]
    slots = NVIDIA.allowed(CUT, {})
    assert free(slots, {slots[0].key}, 1) == slots[1:2]
    assert free(slots, (), 2) is None, "CUDA shows a process one slice"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        ("4", "CUDA_VISIBLE_DEVICES=4 names no device with '4': this machine has 0, 1, 2, 3"),
        ("0,GPU-99", "names no device with 'GPU-99'"),
        ("GPU-", "names several devices with 'GPU-'"),
        ("zero", "names no device with 'zero'"),
        ("0;1", "names no device with '0;1'"),
    ],
)
def test_a_variable_that_names_no_device_is_told(limit: str, words: str) -> None:
    with pytest.raises(DeviceError, match=words):
        NVIDIA.allowed(FOUR, {"CUDA_VISIBLE_DEVICES": limit})


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ["0", "1", "2", "3"]),
        ({"HIP_VISIBLE_DEVICES": "2,0"}, ["2", "0"]),
        ({"ROCR_VISIBLE_DEVICES": "2,3"}, ["0", "1"]),
        ({"ROCR_VISIBLE_DEVICES": "GPU-33aa-0000"}, ["0"]),
        ({"ROCR_VISIBLE_DEVICES": "3,1,0", "HIP_VISIBLE_DEVICES": "2"}, ["2"]),
        ({"CUDA_VISIBLE_DEVICES": "1"}, ["1"]),
        ({"CUDA_VISIBLE_DEVICES": "1", "HIP_VISIBLE_DEVICES": "3"}, ["3"]),
        ({"ROCR_VISIBLE_DEVICES": ""}, []),
        ({"HIP_VISIBLE_DEVICES": ""}, []),
    ],
)
def test_amds_variables_count_one_within_the_other(variables: dict[str, str], expected: list[str]) -> None:
    assert given_out(AMD, FOUR, **variables) == expected
    slots = AMD.allowed(FOUR, variables)
    assert AMD.environment(slots, variables) == {"HIP_VISIBLE_DEVICES": ",".join(expected)}


def test_a_device_is_the_same_however_it_is_spelt() -> None:
    """Else a run with another variable would give it out a second time."""
    by_index = NVIDIA.allowed(FOUR, {"CUDA_VISIBLE_DEVICES": "2"})
    by_uuid = NVIDIA.allowed(FOUR, {"CUDA_VISIBLE_DEVICES": "GPU-22"})
    assert by_index[0].key == by_uuid[0].key == NVIDIA.allowed(FOUR, {})[2].key
    rocr = AMD.allowed(FOUR, {"ROCR_VISIBLE_DEVICES": "2"})
    assert rocr[0].key == AMD.allowed(FOUR, {"HIP_VISIBLE_DEVICES": "2"})[0].key
    nameless = tuple(Device(i) for i in range(3))
    assert AMD.allowed(nameless, {"ROCR_VISIBLE_DEVICES": "2"})[0].key == AMD.allowed(nameless, {})[2].key


@given(st.integers(1, 6), st.lists(st.integers(1, 3), max_size=8), st.data())
def test_no_device_is_held_twice_and_none_lies_idle(cards: int, asked: list[int], data: st.DataObject) -> None:
    slots = tuple(Slot(f"GPU-{i}", str(i)) for i in range(cards))
    held: list[tuple[Slot, ...]] = []
    for count in asked:
        if held and data.draw(st.booleans()):
            held.pop(data.draw(st.integers(0, len(held) - 1)))
        keys = [slot.key for chosen in held for slot in chosen]
        chosen = free(slots, set(keys), count)
        assert (chosen is None) == (len(keys) + count > cards)
        if chosen is not None:
            assert len(chosen) == count
            held.append(chosen)
        keys = [slot.key for chosen in held for slot in chosen]
        assert len(keys) == len(set(keys))


def test_a_trial_asks_in_its_resources() -> None:
    of = spec(
        trial={
            "command": ["x"],
            "resources": {"cpu": "2", "nvidia.com/gpu": 2, "amd.com/gpu": "1", "a.b/c": 1},
        }
    )
    assert requests(of.trial) == {NVIDIA: 2, AMD: 1}
    assert requests(spec(trial={"command": ["x"], "resources": {"nvidia.com/gpu": 0}}).trial) == {}


def test_the_trials_own_variable_counts_before_that_of_the_run() -> None:
    env = [{"name": "CUDA_VISIBLE_DEVICES", "value": "1"}, {"name": "OTHER", "value": "9"}]
    of = spec(trial={"command": ["x"], "env": env}).trial
    assert limits(of, {"CUDA_VISIBLE_DEVICES": "0", "HOME": "/"}) == {"CUDA_VISIBLE_DEVICES": "1"}
    assert not assigns_devices_itself(NVIDIA, of)
    own = [{"name": "CUDA_VISIBLE_DEVICES", "value": "${trial.index}"}]
    assert assigns_devices_itself(NVIDIA, spec(trial={"command": ["x"], "env": own}).trial)
