"""All handlers of kopf. Each passes on the change that it receives and returns. `run` is the operator's process.

Nothing is written through kopf: no finalizers, no annotations, and no patches, because a failed patch would stop a
kopf timer for good. A change that a handler misses is found by the next listing.
"""

import asyncio
import dataclasses
import logging
import sys
from typing import Any

import kopf
from kubernetes import config

from paretonas.controller.access import hidden_namespaces
from paretonas.controller.controller import Controller
from paretonas.controller.failpoints import Failpoint
from paretonas.controller.server import serve
from paretonas.controller.settings import Settings
from paretonas.kube.client import PatientClient
from paretonas.kube.json_depth import allow_any_depth
from paretonas.kube.kinds import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS
from paretonas.kube.labels import EXPERIMENT_LABEL
from paretonas.search import SearchWorker

_STOP_SECONDS = 20.0
"""Time for the current passes to finish; less than the 30 s that Kubernetes gives a pod to terminate."""

_log = logging.getLogger(__name__)


def run() -> None:
    """Serve the configured namespaces until the process is told to stop. Exits with a message if it cannot start."""
    try:
        settings, failpoint = Settings.read(), Failpoint.read()
    except ValueError as error:
        sys.exit(f"{error}")
    if not settings.namespaces:
        sys.exit("PARETONAS_NAMESPACES: is not set; list the namespaces to serve, or write * for all namespaces")
    kopf.configure(log_format=kopf.LogFormat.FULL)
    try:
        config.load_incluster_config()
    except config.ConfigException:  # outside a cluster, with a person's account
        config.load_kube_config()
    else:
        if settings.service_account is None:
            sys.exit(
                "PARETONAS_SERVICE_ACCOUNT: is not set; write the operator's own service account as NAMESPACE/NAME"
            )
    allow_any_depth()
    hidden = hidden_namespaces(PatientClient(), settings.namespaces)
    for refusal in hidden.values():
        _log.warning("%s; its experiments wait until the operator has access", refusal)
    seen = tuple(name for name in settings.namespaces if name not in hidden)
    if not seen:
        sys.exit("PARETONAS_NAMESPACES: the operator has access to none of them")
    over = asyncio.Event()
    kopf.run(
        standalone=True,
        clusterwide=seen == (None,),
        namespaces=[name for name in seen if name is not None],
        stop_flag=over,
        memo=kopf.Memo(
            settings=dataclasses.replace(settings, namespaces=seen), failpoint=failpoint, hidden=list(hidden), over=over
        ),
    )


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Connect, list all resources once, and start making passes."""
    settings.posting.enabled = False  # we post our own events
    settings.scanning.disabled = True  # namespaced mode may not list CRDs and namespaces
    settings.networking.request_timeout = 60  # seconds; a silent watch is opened again
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    memo.controller = Controller(PatientClient(), memo.settings, SearchWorker(), memo.failpoint)
    memo.server = await serve(memo.controller)
    await asyncio.to_thread(memo.controller.start)
    memo.look = asyncio.create_task(_stop_when_accessible(memo)) if memo.hidden else None


async def _stop_when_accessible(memo: kopf.Memo) -> None:
    """Stop the process once a namespace becomes accessible that was not at the start; the next process watches it."""
    while True:
        await asyncio.sleep(memo.settings.resync_seconds)
        hidden = await asyncio.to_thread(hidden_namespaces, PatientClient(), memo.hidden)
        if len(hidden) < len(memo.hidden):
            _log.info("more namespaces are accessible now: restarting to serve them")
            memo.over.set()
            return


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Finish the current passes."""
    if memo.look is not None:
        memo.look.cancel()
    await asyncio.to_thread(memo.controller.stop, _STOP_SECONDS)
    await memo.server.cleanup()


@kopf.on.event(EXPERIMENTS.group, EXPERIMENTS.version, EXPERIMENTS.plural)
async def experiment_changed(memo: kopf.Memo, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 # kopf's name
    """An experiment was created, changed or deleted."""
    memo.controller.handle_change(EXPERIMENTS, type, _plain(body))


@kopf.on.event(TRIALS.group, TRIALS.version, TRIALS.plural)
async def trial_changed(memo: kopf.Memo, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 # kopf's name
    """A trial was created, changed or deleted."""
    memo.controller.handle_change(TRIALS, type, _plain(body))


@kopf.on.event(VOLCANO_JOBS.group, VOLCANO_JOBS.version, VOLCANO_JOBS.plural, labels={EXPERIMENT_LABEL: kopf.PRESENT})
async def job_changed(memo: kopf.Memo, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 # kopf's name
    """A trial's job was created, changed or deleted."""
    memo.controller.handle_change(VOLCANO_JOBS, type, _plain(body))


@kopf.on.event(PODS.version, PODS.plural, labels={EXPERIMENT_LABEL: kopf.PRESENT})
async def pod_changed(memo: kopf.Memo, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 # kopf's name
    """A trial's pod was created, changed or deleted."""
    memo.controller.handle_change(PODS, type, _plain(body))


def _plain(body: kopf.Body) -> dict[str, Any]:
    """The resource as the watch brought it."""
    return dict(body)
