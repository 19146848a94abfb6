"""kopf's handlers, all of them: each hands on what it saw and returns. Run by ``kopf run -m paretonas.handlers``.

Nothing is written through kopf: no finalizers, no annotations, no patches (a failed one would end a kopf timer for
good). Whatever a handler misses, the next listing brings.
"""

import asyncio
import logging
from typing import Any

import kopf
from kubernetes import config

from paretonas.api import EXPERIMENT_LABEL
from paretonas.backends.cluster.resources import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS, PatientClient
from paretonas.controller.controller import Controller
from paretonas.controller.failpoints import Failpoint
from paretonas.controller.server import serve
from paretonas.controller.settings import Settings
from paretonas.search import SearchWorker

_STOP_SECONDS = 20.0
"""For the passes at hand: below the 30 s that Kubernetes gives a pod to end."""


@kopf.on.startup()
async def start(settings: kopf.OperatorSettings, memo: kopf.Memo, **_: Any) -> None:
    """Connect, list everything once, and begin to make passes."""
    settings.posting.enabled = False  # events are ours, with reasons of their own
    settings.scanning.disabled = True  # namespaced mode may not list CRDs and namespaces
    settings.networking.request_timeout = 60  # seconds; a watch that says nothing is opened again
    logging.getLogger("kopf.objects").setLevel(logging.WARNING)
    try:
        config.load_incluster_config()
    except config.ConfigException:
        await asyncio.to_thread(config.load_kube_config)
    search = SearchWorker()
    search.warm_up()
    memo.controller = Controller(PatientClient(), Settings.read(), search, Failpoint.read())
    memo.server = await serve(memo.controller)
    await asyncio.to_thread(memo.controller.start)


@kopf.on.cleanup()
async def stop(memo: kopf.Memo, **_: Any) -> None:
    """Finish the passes at hand."""
    await asyncio.to_thread(memo.controller.stop, _STOP_SECONDS)
    await memo.server.cleanup()


@kopf.on.event(EXPERIMENTS.group, EXPERIMENTS.version, EXPERIMENTS.plural)
async def experiment_changed(memo: kopf.Memo, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 # kopf's name
    """An experiment was created, changed or deleted."""
    memo.controller.saw(EXPERIMENTS, type, _plain(body))


@kopf.on.event(TRIALS.group, TRIALS.version, TRIALS.plural)
async def trial_changed(memo: kopf.Memo, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 # kopf's name
    """A trial was created, changed or deleted."""
    memo.controller.saw(TRIALS, type, _plain(body))


@kopf.on.event(
    VOLCANO_JOBS.group, VOLCANO_JOBS.version, VOLCANO_JOBS.plural, labels={EXPERIMENT_LABEL: kopf.PRESENT}
)
async def job_changed(memo: kopf.Memo, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 # kopf's name
    """A trial's job was created, changed or deleted."""
    memo.controller.saw(VOLCANO_JOBS, type, _plain(body))


@kopf.on.event(PODS.version, PODS.plural, labels={EXPERIMENT_LABEL: kopf.PRESENT})
async def pod_changed(memo: kopf.Memo, type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 # kopf's name
    """A trial's pod was created, changed or deleted."""
    memo.controller.saw(PODS, type, _plain(body))


def _plain(body: kopf.Body) -> dict[str, Any]:
    """The resource as the watch brought it."""
    return dict(body)
