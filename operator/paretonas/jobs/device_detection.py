"""The GPUs of this machine, as their drivers report them, without large imports or opening a device."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from paretonas.jobs.devices import NVIDIA, Device, DeviceKind

SECONDS = 30
"""The time limit of nvidia-smi, which takes seconds on a machine with many devices that has just started."""

_WSL = "/usr/lib/wsl/lib"
"""The folder of nvidia-smi in the Windows Subsystem for Linux, which is not on every PATH."""


def detect(kind: DeviceKind, root: Path = Path("/")) -> tuple[Device, ...]:
    """The devices of a kind; none if there is no driver. ``root`` is the root of the file system."""
    if kind is NVIDIA:
        return parse_nvidia_smi(_nvidia_smi()) or tuple(_nvidia_driver(root))
    return tuple(_amd_driver(root))


def parse_nvidia_smi(listing: str) -> tuple[Device, ...]:
    """The devices that ``nvidia-smi -L`` lists. For a GPU that is cut into slices, only the slices count."""
    devices = list[Device]()
    for line in listing.splitlines():
        if gpu := re.match(r"GPU (\d+): .*\(UUID: (GPU-[^)]+)\)", line):
            devices.append(Device(int(gpu[1]), gpu[2]))
        elif slice_ := re.match(r"\s+MIG .*\(UUID: (MIG-[^)]+)\)", line):
            if devices and not devices[-1].sliced:
                devices.append(Device(devices.pop().index, slice_[1], sliced=True))
            elif devices:
                devices.append(Device(devices[-1].index, slice_[1], sliced=True))
    return tuple(devices)


def _nvidia_smi() -> str:
    program = shutil.which("nvidia-smi", path=os.pathsep.join([os.environ.get("PATH", ""), _WSL]))
    if program is None:
        return ""
    try:
        done = subprocess.run([program, "-L"], capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603 # the driver's own
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""


def _nvidia_driver(root: Path) -> Iterator[Device]:
    """The devices in the driver's files, in the order of the bus, if nvidia-smi is not installed or fails."""
    for index, file in enumerate(sorted(root.glob("proc/driver/nvidia/gpus/*/information"))):
        uuid = re.search(r"^GPU UUID:\s*(GPU-\S+)", _text(file), re.MULTILINE)
        yield Device(index, uuid[1] if uuid else "")


def _amd_driver(root: Path) -> Iterator[Device]:
    """The devices in the topology of the kernel's driver (kfd), which also has CPUs; ROCm uses its order."""
    if not (root / "dev/kfd").exists():
        return
    index = 0
    nodes = (root / "sys/class/kfd/kfd/topology/nodes").glob("*/properties")
    for file in sorted(nodes, key=lambda path: int(path.parent.name)):
        properties = dict(re.findall(r"^(\w+) (\d+)$", _text(file), re.MULTILINE))
        if int(properties.get("simd_count", "0")):
            unique = int(properties.get("unique_id", "0"))
            yield Device(index, f"GPU-{unique:016x}" if unique else "")
            index += 1


def _text(file: Path) -> str:
    try:
        return file.read_text()
    except OSError:  # in a container, it may belong to another user
        return ""
