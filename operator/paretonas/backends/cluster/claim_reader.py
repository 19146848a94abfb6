"""Reads a folder of a claim as a tar archive, through a short-lived pod that mounts the claim read-only."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import Any, Final

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from kubernetes.stream import stream
from kubernetes.stream.ws_client import ERROR_CHANNEL, STDERR_CHANNEL, STDOUT_CHANNEL
from websocket import ABNF, WebSocketException

from paretonas.api import NASExperiment, NASTrial
from paretonas.backends.cluster.connection import Connection
from paretonas.backends.cluster.errors import ClusterError
from paretonas.jobs.claim_pod import CLAIM_MOUNT, claim_pod
from paretonas.jobs.job import ROLE
from paretonas.jobs.pod_status import pods_wait
from paretonas.kube.client import Resources
from paretonas.kube.kinds import TRIALS
from paretonas.kube.metadata import owner_reference
from paretonas.kube.refusals import refusal_message
from paretonas.kube.status_codes import NO_ANSWER, NOT_FOUND

DEADLINE_SECONDS: Final = 4 * 3600
"""After so long the pod ends by itself, even if this process was killed: a terabyte at 70 MB/s."""

_START_SECONDS: Final = 180.0
"""The time allowed for scheduling the pod and pulling its image, which a node that ran the trial has."""

_HOPELESS: Final = (
    *("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"),
    "CreateContainerConfigError",
)
"""Reasons of a container for which nobody waits."""

_LOOK_SECONDS: Final = 0.5
"""Between two looks whether the pod runs."""

_SILENCE_SECONDS: Final = 300.0
"""Without a byte for so long, the connection or the volume counts as lost."""


class Archive:
    """A tar archive that is being sent: a file to read from, once."""

    def __init__(self, frames: Iterator[tuple[int, bytes]]) -> None:
        """``frames`` are the messages of ``exec``, with their channels."""
        self._frames, self._rest = frames, b""
        self._errors, self._status = bytearray(), b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, ``size`` of them unless the archive ends. Raises ClusterError if the connection is lost."""
        parts, missing = [self._rest], (size if size >= 0 else 1 << 62) - len(self._rest)
        while missing > 0 and (chunk := self._next()):
            parts.append(chunk)
            missing -= len(chunk)
        data = b"".join(parts)
        end = len(data) if size < 0 else size
        self._rest = data[end:]
        return data[:end]

    def finish(self) -> None:
        """Read to the end, and check that the whole archive has arrived.

        Raises:
            ClusterError: it has not, or ``tar`` has failed; the message has its words.
        """
        self._rest = b""
        while self._next():
            pass
        try:
            status: Mapping[str, Any] = json.loads(self._status or b"{}")
        except ValueError:
            status = {}
        if status.get("status") == "Success":
            return
        said = " ".join(self._errors.decode(errors="replace").split())
        raise ClusterError(said or status.get("message") or "the connection to the pod was lost; try again")

    def _next(self) -> bytes:
        """The next piece of the archive; empty at its end."""
        for channel, data in self._frames:
            if channel == STDOUT_CHANNEL and data:
                return data
            if channel == STDERR_CHANNEL:
                self._errors += data
            elif channel == ERROR_CHANNEL:
                self._status += data
        return b""


@contextmanager
def open_archive(
    connection: Connection, namespace: str, experiment: NASExperiment, trial: NASTrial, folder: PurePosixPath
) -> Iterator[Archive]:
    """An archive of a folder below the experiment's claim; names in it begin with the folder's name.

    The pod is removed at the end, also after an error or Ctrl-C.

    Raises:
        ClusterError: the user may not do this, or the pod does not start.
    """
    core = client.CoreV1Api(connection.api)
    path = CLAIM_MOUNT / folder
    with connection.translate_errors("the namespace has no such claim, or its experiment was deleted"):
        name = _create(core, namespace, experiment, trial)
        try:
            _wait(core, namespace, name)
            yield Archive(_frames(core, namespace, name, ["tar", "-C", str(path.parent), "-cf", "-", "--", path.name]))
        finally:
            _delete(core, namespace, name)


def _create(core: client.CoreV1Api, namespace: str, experiment: NASExperiment, trial: NASTrial) -> str:
    pod = claim_pod(experiment.spec, ["sleep", str(DEADLINE_SECONDS)], read_only=True)
    pod["activeDeadlineSeconds"] = DEADLINE_SECONDS
    metadata = {
        "generateName": f"{trial.name}-fetch-",
        "labels": {"app.kubernetes.io/component": "fetch"},
        "ownerReferences": [owner_reference(TRIALS, trial.name, trial.uid)],
    }
    body: Any = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod}
    created: Any = core.create_namespaced_pod(namespace, body, _request_timeout=Resources.TIMEOUT)
    return str(created.metadata.name)


def _wait(core: client.CoreV1Api, namespace: str, name: str) -> None:
    """Wait until the pod runs. Raises ClusterError with the reason if it does not."""
    until = time.monotonic() + _START_SECONDS
    while True:
        answer = core.read_namespaced_pod(name, namespace, _request_timeout=Resources.TIMEOUT)
        pod: Mapping[str, Any] = core.api_client.sanitize_for_serialization(answer)
        phase, why = (pod.get("status") or {}).get("phase"), pods_wait([pod])
        if phase == "Running":
            return
        if phase in {"Failed", "Succeeded"}:
            raise ClusterError(f"the pod {name} ended before anything was copied; the image needs sleep and tar")
        if why.startswith(_HOPELESS) or time.monotonic() >= until:
            raise ClusterError(f"the pod {name} does not start: {why or 'it waits for its node'}")
        time.sleep(_LOOK_SECONDS)


def _delete(core: client.CoreV1Api, namespace: str, name: str) -> None:
    try:
        core.delete_namespaced_pod(name, namespace, grace_period_seconds=0, _request_timeout=Resources.TIMEOUT)
    except ApiException as error:
        if error.status != NOT_FOUND:
            raise


def _frames(core: client.CoreV1Api, namespace: str, pod: str, command: list[str]) -> Iterator[tuple[int, bytes]]:
    """The messages of a command that runs in the pod, each with its channel.

    The client's own reading is not used: it collects whatever arrives before it returns, so that a large file would
    have to fit into the memory.

    Raises:
        ClusterError: the command may not be run, or the connection was lost.
    """
    try:
        socket = stream(
            core.connect_get_namespaced_pod_exec,
            pod,
            namespace,
            container=ROLE,
            command=command,
            stdout=True,
            stderr=True,
            stdin=False,
            tty=False,
            binary=True,
            _preload_content=False,
        ).sock
    except ApiException as error:
        if error.status == NO_ANSWER:  # so the client reports that the API server refuses to upgrade the connection
            role = "ask for a Role with get and create on pods/exec"
            raise ClusterError(f"cannot run tar in the pod {pod}: {refusal_message(error)}; {role}") from error
        raise
    try:
        socket.settimeout(_SILENCE_SECONDS)
        while True:
            opcode, frame = socket.recv_data_frame(True)
            if opcode == ABNF.OPCODE_CLOSE:
                return
            if opcode in {ABNF.OPCODE_BINARY, ABNF.OPCODE_TEXT} and frame.data:
                yield frame.data[0], bytes(frame.data[1:])
    except (WebSocketException, OSError) as error:
        raise ClusterError(f"the connection to the pod {pod} was lost ({error}); try again") from error
    finally:
        socket.close()
