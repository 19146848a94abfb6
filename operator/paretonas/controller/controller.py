"""The operator: watches fill its caches, changes start passes, and candidates are requested in the background."""

import logging
import threading
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from kubernetes import client
from kubernetes.client.exceptions import ApiException
from urllib3.exceptions import HTTPError

from paretonas.api import InvalidDocument, NASExperiment
from paretonas.api.reasons import Hindrance
from paretonas.backends.cluster.cache import Cache, experiment_name_of
from paretonas.backends.cluster.log_queue import LogQueue
from paretonas.backends.cluster.logs import ClusterLogs
from paretonas.backends.cluster.outputs import ClusterOutputs
from paretonas.backends.cluster.store import ClusterStore, Gone, NameTaken
from paretonas.backends.cluster.trimming import trim
from paretonas.controller.dispatch import Dispatcher
from paretonas.controller.event_poster import EventPoster
from paretonas.controller.expiry import expiry, trials_removed, without_trials
from paretonas.controller.failpoints import Failpoint
from paretonas.controller.search_lifetime import SearchLifetime, SearchProcess, searches
from paretonas.controller.settings import Settings
from paretonas.controller.telemetry import Telemetry
from paretonas.engine.engine import Engine, Snapshot
from paretonas.engine.events import events
from paretonas.engine.summary import failing, invalid, managed_elsewhere
from paretonas.engine.trouble import Trouble
from paretonas.jobs.kubernetes import KubernetesJobs
from paretonas.kube.client import Resources
from paretonas.kube.kinds import EXPERIMENTS, PODS, TRIALS, VOLCANO_JOBS, ResourceKind
from paretonas.kube.labels import EXPERIMENT_LABEL
from paretonas.kube.metadata import Body, owners_of, uid_of
from paretonas.kube.refusals import refusal_message
from paretonas.kube.status_codes import CONFLICT, has_status

_log = logging.getLogger(__name__)

ExperimentKey = tuple[str, str]
"""An experiment: namespace and name."""

_SELECTORS = {EXPERIMENTS: "", TRIALS: "", VOLCANO_JOBS: EXPERIMENT_LABEL, PODS: EXPERIMENT_LABEL}

_SOON = 0.05
"""Seconds after which a pass that met a newer version is repeated; the watch delivers that version sooner."""

_CONFLICTS = 20
"""Consecutive passes that may meet a newer version before it counts as a failure."""

_REPEATED = 3
"""Consecutive failures after which the experiment's status reports them; one or two usually pass by themselves."""

STUCK_SECONDS = 300.0
"""If a pass is this late, the operator hangs, since each of its requests ends after at most 30 s."""


def now() -> datetime:
    """The current time, rounded down to a millisecond, as a status stores it."""
    exact = datetime.now(UTC)
    return exact.replace(microsecond=exact.microsecond // 1000 * 1000)


@dataclass(slots=True)
class _Known:
    """What is kept of an experiment between passes; all of it can be rebuilt."""

    uid: str
    store: ClusterStore
    engine: Engine
    last: Snapshot | None = None


class Controller:
    """Everything that an operator process does, except for watching."""

    def __init__(
        self,
        api: client.ApiClient,
        settings: Settings,
        search: SearchProcess,
        failpoint: Failpoint | None = None,
        queue: LogQueue | None = None,
    ) -> None:
        self._api, self.settings, self._search = api, settings, search
        self._queue = queue or LogQueue(idle_seconds=settings.idle_seconds)
        self._failpoint = failpoint or Failpoint()
        self._resources = Resources(api)
        self._caches = {kind: Cache() for kind in _SELECTORS}
        self._known: dict[ExperimentKey, _Known] = {}
        self._conflicts: Counter[ExperimentKey] = Counter()
        self._poster = EventPoster(api)
        self.telemetry = Telemetry(lambda: search.running)
        self._lifetime = SearchLifetime(search, settings.idle_seconds)
        self._passes = Dispatcher[ExperimentKey](self._pass, name="pass", workers=4)
        self._asks = Dispatcher[ExperimentKey](self._ask, name="ask", workers=1)
        self._resyncs = Dispatcher[str](self._resync, name="resync", workers=1)
        self._synced = threading.Event()

    def start(self) -> None:
        """List all resources once, then start making passes. Raises ApiException if a listing is refused."""
        self._resync("start")
        for threads in (self._passes, self._asks, self._resyncs, self._lifetime):
            threads.start()

    def stop(self, timeout: float) -> None:
        """Finish the current passes within ``timeout`` seconds. The next operator does whatever is left."""
        deadline = time.monotonic() + timeout
        # the search may take the longest
        for threads in (self._passes, self._resyncs, self._lifetime, self._asks):
            threads.stop(max(0.0, deadline - time.monotonic()))
        self._queue.close()
        self._poster.close(max(0.0, deadline - time.monotonic()))

    @property
    def ready(self) -> bool:
        """Whether all resources have been listed, so that passes can rely on the caches."""
        return self._synced.is_set()

    @property
    def alive(self) -> bool:
        """Whether passes are made when they are due."""
        return self._passes.lateness() < STUCK_SECONDS and self._resyncs.lateness() < STUCK_SECONDS

    def handle_change(self, kind: ResourceKind, change: str | None, body: dict[str, Any]) -> None:
        """Take in a change from a watch, and start a pass over its experiment unless the change is our own write."""
        cache = self._caches[kind]
        if change == "DELETED":
            cache.remove(body)
        elif not cache.put(trim(kind, body)):
            return
        self._passes.mark(_experiment_of(kind, body))

    def _resync(self, _: str) -> None:
        experiments = self._caches[EXPERIMENTS]
        before = experiments.all()
        refused: ApiException | None = None
        for namespace in self.settings.namespaces:
            try:
                self._list(namespace)
            except ApiException as error:  # the other namespaces go on
                refused = error
        for body in (*before, *experiments.all()):  # the pass of a deleted experiment forgets it
            self._passes.mark(_experiment_of(EXPERIMENTS, body))
        if refused is not None:
            raise refused
        self._synced.set()
        self._resyncs.mark("again", self.settings.resync_seconds)

    def _list(self, namespace: str | None) -> None:
        for kind, selector in _SELECTORS.items():
            bodies, version = self._resources.list(kind, namespace, selector)
            self._caches[kind].replace((trim(kind, body) for body in bodies), version, namespace)

    def _pass(self, key: ExperimentKey) -> None:
        try:
            searching = self._bring_forward(key)
        except Gone:
            self._forget(key)
        except Exception as error:
            if has_status(error, CONFLICT) and self._conflicts[key] < _CONFLICTS:
                self._conflicts[key] += 1
                self._passes.mark(key, _SOON)
                return
            if self._passes.failures(key) + 1 >= _REPEATED:
                self._tell(key, error)
            raise  # the dispatcher logs it and retries with growing delays
        else:
            self._conflicts.pop(key, None)
            self._lifetime.note(key, searches=searching)

    def _tell(self, key: ExperimentKey, error: Exception) -> None:
        """Report in the status why passes fail; writing the status may fail too."""
        try:
            store = self._store(key)
            store.change_status(lambda before: failing(before, _why(error), store.generation, now()))
        except (Gone, ApiException, HTTPError) as refusal:
            _log.warning("cannot report the failing passes over %s in its status: %s", key, _why(refusal))

    def _bring_forward(self, key: ExperimentKey) -> bool:
        """Do what is to be done for an experiment; return whether it searches."""
        store = self._store(key)
        if (manager := store.other_manager) is not None:
            self._leave_alone(store, manager)
            return False
        try:
            known = self._experiment(key)
            with self.telemetry.time_pass():
                if self._expire(key, known.store):
                    return False
                after = known.engine.run_pass(ask=False)
        except InvalidDocument as error:
            self._refuse(key, error)
            return False
        before, known.last = known.last, after
        self.telemetry.record_snapshot(key, after)
        if after.missing and not self._asks.failures(key):  # else the dispatcher retries, at growing delays
            self._asks.mark(key, self.settings.pass_seconds if after.search_trouble else 0.0)
        due = self._next_look(after.experiment)
        if due is not None:
            self._passes.mark(key, due)
        self._poster.post(after.experiment, events(before, after) if before else ())
        return searches(after.experiment)

    def _next_look(self, experiment: NASExperiment) -> float | None:
        """Seconds until the next pass over an experiment without changes; None if there is none."""
        if not experiment.status.finished:
            return self.settings.pass_seconds
        ends = expiry(experiment)
        due = [moment for moment in (ends.trials, ends.experiment) if moment is not None]
        return max(0.0, (min(due) - now()).total_seconds()) if due else None

    def _expire(self, key: ExperimentKey, store: ClusterStore) -> bool:
        """Remove what has outlived its time to live; True if the experiment needs no further pass."""
        experiment = store.experiment()
        if not experiment.status.finished:
            return False
        ends, current = expiry(experiment), now()
        if ends.experiment is not None and current >= ends.experiment:
            store.delete()
            return True
        if not trials_removed(experiment):
            if ends.trials is None or current < ends.trials:
                return False
            store.save_status(without_trials(experiment, current))
        store.delete_trials()
        if ends.experiment is not None:
            self._passes.mark(key, (ends.experiment - current).total_seconds())
        return True

    def _leave_alone(self, store: ClusterStore, manager: str) -> None:
        """Report once that another controller runs the experiment; never change what that one writes."""
        if not store.has_conditions:
            store.change_status(lambda before: managed_elsewhere(before, manager, store.generation, now()))

    def _refuse(self, key: ExperimentKey, error: InvalidDocument) -> None:
        """Report in the status why the experiment is not valid."""
        store = self._store(key)
        store.change_status(lambda before: invalid(before, error, store.generation, now()))

    def _ask(self, key: ExperimentKey) -> None:
        try:
            with self.telemetry.time_suggestion():
                self._experiment(key).engine.ask()
        except (Gone, InvalidDocument):  # the next pass reports it
            return
        except Exception as error:
            if self._asks.failures(key) + 1 >= _REPEATED and key in self._known:
                self._known[key].engine.search_trouble = Trouble(Hindrance.PASS_FAILED, _why(error))
                self._passes.mark(key)
            raise  # the dispatcher logs it and retries with growing delays
        self._passes.mark(key)

    def _experiment(self, key: ExperimentKey) -> _Known:
        """An experiment's engine with the state of its last pass; a new one if it was recreated. Raises Gone."""
        store = self._store(key)
        known = self._known.get(key)
        if known is None or known.uid != store.uid:
            namespace, name = key
            pods = self._caches[PODS]
            jobs = KubernetesJobs(
                self._api,
                namespace,
                job=lambda job: self._job(namespace, job),
                pod=lambda pod: pods.get(namespace, pod),
                policy=self.settings.pods,
            )
            logs = ClusterLogs(
                lambda: self.settings.logs_folder(store.experiment()),
                name,
                self._queue,
                wake=lambda: self._passes.mark(key),
            )
            outputs = ClusterOutputs(
                self._api,
                namespace,
                lambda: self.settings.logs_folder(store.experiment()),
                self._caches[VOLCANO_JOBS],
                self.settings.pods,
            )
            fail = self._failpoint.on
            ports = fail(store), fail(jobs), fail(logs), fail(outputs), fail(self._search)
            engine = Engine(*ports, now, ahead=self.settings.ask_ahead)
            known = self._known[key] = _Known(store.uid, store, engine)
        return known

    def _job(self, namespace: str, name: str) -> Body | None:
        """A job as last seen, but not one that a deleted trial of the same name has left behind."""
        job = self._caches[VOLCANO_JOBS].get(namespace, name)
        for owner in owners_of(job) if job else ():
            trial = self._caches[TRIALS].get(namespace, owner["name"])
            if trial is not None and uid_of(trial) == owner["uid"]:
                return job
        return None

    def _store(self, key: ExperimentKey) -> ClusterStore:
        return ClusterStore(
            self._resources, self._caches[EXPERIMENTS], self._caches[TRIALS], *key, rules=self.settings.rules
        )

    def _forget(self, key: ExperimentKey) -> None:
        self._known.pop(key, None)
        self._conflicts.pop(key, None)
        self._passes.forget(key)
        self._asks.forget(key)
        self._lifetime.note(key, searches=False)
        self.telemetry.forget(key)


def _why(error: Exception) -> str:
    """An unexpected error, in one line for the experiment's status."""
    if isinstance(error, NameTaken):
        return f"{error}; delete it, or wait until it is gone"
    if isinstance(error, (ApiException, HTTPError)):
        return f"the API server refuses what the operator needs: {refusal_message(error)}"
    return f"the operator fails over it ({type(error).__name__}: {error}); its log has more, please report it"


def _experiment_of(kind: ResourceKind, body: Body) -> ExperimentKey:
    metadata = body["metadata"]
    if kind in {VOLCANO_JOBS, PODS}:
        return metadata["namespace"], metadata["labels"][EXPERIMENT_LABEL]
    return metadata["namespace"], experiment_name_of(body) if kind is TRIALS else metadata["name"]
