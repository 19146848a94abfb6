"""What can happen to the claim that logs are written to. On the test cluster it is a folder of this machine."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.faults.daemons import Daemon
from tests.cluster.kubectl import Kubectl
from tests.local.quick_trial import record

FULL_BYTES = 16_384


def folder(kubectl: Kubectl, claim: str = "nas-logs") -> Path:
    """Where the claim's volume is."""
    bound = kubectl.get("pvc", claim)
    assert bound is not None
    volume = json.loads(kubectl("get", "pv", bound["spec"]["volumeName"], "-o", "json"))
    return Path(volume["spec"]["hostPath"]["path"])


@contextmanager
def full(kubectl: Kubectl) -> Iterator[None]:
    """Pods that start now find the claim without a free byte."""
    place = folder(kubectl)
    _mount("mount", "-t", "tmpfs", "-o", f"size={FULL_BYTES},mode=1777", "tmpfs", str(place))
    _mount("dd", "if=/dev/zero", f"of={place}/full", "bs=4096", f"count={FULL_BYTES // 4096}", "status=none")
    try:
        yield
    finally:
        _mount("umount", "-l", str(place))


@contextmanager
def read_only(kubectl: Kubectl) -> Iterator[None]:
    """Pods that start now cannot write to the claim."""
    place = folder(kubectl)
    _mount("mount", "--bind", str(place), str(place))
    _mount("mount", "-o", "remount,ro,bind", str(place))
    try:
        yield
    finally:
        _mount("umount", "-l", str(place))


def half_record(kubectl: Kubectl, name: str, job: str) -> None:
    """The writer has died in the middle of a record."""
    file = event_file(kubectl, name, job)
    file.write_bytes(file.read_bytes() + record(b"x" * 100)[:40])


def damage_log(kubectl: Kubectl, name: str, job: str) -> None:
    """A byte of the last value has changed on the disk."""
    file = event_file(kubectl, name, job)
    content = bytearray(file.read_bytes())
    content[-6] ^= 0xFF  # the last four are the record's checksum
    file.write_bytes(content)


def event_file(kubectl: Kubectl, name: str, job: str) -> Path:
    """The one that a job has written."""
    trial, _, attempt = job.rpartition("-a")
    [file] = (folder(kubectl) / name / trial / f"a{attempt}").glob("*tfevents*")
    return file


def _mount(*command: str) -> None:
    """Run where the kubelet mounts."""
    subprocess.run(["nsenter", f"--mount=/proc/{Daemon('kubelet').pid}/ns/mnt", *command], check=True)
