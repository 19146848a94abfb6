"""The GPUs of a machine, by fake drivers."""

import os
from pathlib import Path

import pytest

from paretonas.jobs.device_detection import detect, parse_nvidia_smi
from paretonas.jobs.devices import AMD, NVIDIA, Device

LISTING = """\
GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 3g.20gb     Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 3g.20gb     Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-feb8a8c1-7f4e-9b3e-0000-a8a9b9c0d1e2)
GPU 2: NVIDIA A100 (UUID: ... odd (UUID: GPU-77777777-0000-0000-0000-000000000000)
"""


def fake_nvidia_smi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Have a program of this name first on the PATH."""
    program = folder / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_slices_stand_for_the_card_that_is_cut_into_them() -> None:
    assert parse_nvidia_smi(LISTING) == (
        Device(0, "MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f", sliced=True),
        Device(0, "MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb", sliced=True),
        Device(1, "GPU-feb8a8c1-7f4e-9b3e-0000-a8a9b9c0d1e2"),
        Device(2, "GPU-77777777-0000-0000-0000-000000000000"),
    )


@pytest.mark.parametrize("text", ["", "No devices found.\n", "  MIG 1g Device 0: (UUID: MIG-1)\n", "GPU 0"])
def test_a_listing_without_cards_has_none(text: str) -> None:
    assert parse_nvidia_smi(text) == ()


def test_nvidia_smi_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, '[ "$1" = -L ] && echo "GPU 0: Tesla T4 (UUID: GPU-abc)"')
    assert detect(NVIDIA, tmp_path) == (Device(0, "GPU-abc"),)


@pytest.mark.parametrize("script", ["echo 'NVIDIA-SMI has failed'; exit 9", "exit 0", "kill -9 $$"])
def test_where_nvidia_smi_fails_the_drivers_files_tell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    fake_nvidia_smi(tmp_path, monkeypatch, script)
    assert detect(NVIDIA, tmp_path) == ()
    for bus, uuid in [("0000:41:00.0", "GPU-bb"), ("0000:01:00.0", "GPU-aa")]:
        folder = tmp_path / "proc/driver/nvidia/gpus" / bus
        folder.mkdir(parents=True)
        (folder / "information").write_text(f"Model: \t\t Tesla\nGPU UUID: \t {uuid}\nDevice Minor: \t 0\n")
    assert detect(NVIDIA, tmp_path) == (Device(0, "GPU-aa"), Device(1, "GPU-bb"))


def test_amds_cards_are_those_nodes_of_the_topology_that_compute(tmp_path: Path) -> None:
    assert detect(AMD, tmp_path) == ()
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/kfd").touch()
    assert detect(AMD, tmp_path) == ()
    nodes = [(0, "cpu_cores_count 64\nsimd_count 0\n"), (10, "simd_count 440\nunique_id 255\n")]
    nodes += [(2, "simd_count 440\nunique_id 17\n"), (3, "simd_count 8\nunique_id 0\n")]
    for number, properties in nodes:
        folder = tmp_path / f"sys/class/kfd/kfd/topology/nodes/{number}"
        folder.mkdir(parents=True)
        (folder / "properties").write_text(properties)
    assert detect(AMD, tmp_path) == (
        Device(0, "GPU-0000000000000011"),
        Device(1),
        Device(2, "GPU-00000000000000ff"),
    )
