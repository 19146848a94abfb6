"""ParetoNAS and its alternatives, behind one ask-and-tell interface.

Each is used as its own documentation shows, with its defaults, and works on the logarithms of metrics that span decades
(ParetoNAS takes them itself: `scale: Log`), all to be minimised. Libraries are imported by the method that needs them:
a process holds nothing but what it measures, and what ParetoNAS changes in GPyTorch cannot reach plain Ax.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import numpy as np
from benchmarks.tables import Choice, Metrics, Objective, Parameters, Range, Space, Value

OURS = "paretonas"


@dataclass(frozen=True)
class Task:
    """What a method knows before its first suggestion.

    Attributes:
        space: The parameters.
        objectives: What is wanted.
        worst: The worst value of each metric that is still of interest: the reference point.
        seed: Makes the suggestions repeatable.
        evaluations: Trials in all.
        parallelism: Trials in flight at once.
    """

    space: Space
    objectives: Sequence[Objective]
    worst: Metrics
    seed: int
    evaluations: int
    parallelism: int

    def comparable(self, metrics: Metrics) -> dict[str, float]:
        """The objectives on their scales, by metric, where less is better."""
        return {o.metric: float(o.comparable(np.float64(metrics[o.metric]))) for o in self.objectives}


class Method(Protocol):
    """A search for the objectives of a task, which gives each trial a number."""

    def know(self, parameters: Parameters, metrics: Metrics | None) -> int:
        """Add a trial that the method did not suggest itself; without metrics it is running."""

    def ask(self) -> tuple[int, Parameters]:
        """Suggest one trial, which is running from now on."""

    def tell(self, trial: int, metrics: Metrics) -> None:
        """Report that a running trial ended with these metrics."""


class RandomSearch:
    """Independent draws, uniform (in the logarithm where the parameter says so)."""

    def __init__(self, task: Task) -> None:
        self._space, self._random, self._trials = task.space, np.random.default_rng(task.seed), 0

    def know(self, parameters: Parameters, metrics: Metrics | None) -> int:  # noqa: ARG002 # it does not learn
        """See Method."""
        self._trials += 1
        return self._trials - 1

    def ask(self) -> tuple[int, Parameters]:
        """See Method."""
        parameters = {parameter.name: self._draw(parameter) for parameter in self._space}
        return self.know(parameters, None), parameters

    def tell(self, trial: int, metrics: Metrics) -> None:
        """See Method."""

    def _draw(self, parameter: Choice | Range) -> Value:
        if isinstance(parameter, Choice):
            return parameter.values[self._random.integers(len(parameter.values))]
        low, high = parameter.low, parameter.high
        if parameter.log:
            value = math.exp(self._random.uniform(math.log(low), math.log(high)))
        else:
            value = self._random.uniform(low, high)
        return round(value) if parameter.integer else min(max(value, low), high)


class Optuna:
    """An Optuna study. An ordered choice is searched as the index of its value, which keeps the order."""

    def __init__(self, task: Task, sampler: str, **options: Any) -> None:
        import optuna  # noqa: PLC0415 # see the module

        self._optuna = optuna
        self._task, self._space = task, task.space
        self._distributions = {parameter.name: self._distribution(parameter) for parameter in task.space}
        self._study = optuna.create_study(
            directions=["minimize", "minimize"],
            sampler=getattr(optuna.samplers, sampler)(seed=task.seed, **options),
        )

    def _distribution(self, parameter: Choice | Range) -> Any:
        kinds = self._optuna.distributions
        if isinstance(parameter, Choice):
            if parameter.ordered:
                return kinds.IntDistribution(0, len(parameter.values) - 1)
            return kinds.CategoricalDistribution(parameter.values)
        if parameter.integer:
            return kinds.IntDistribution(int(parameter.low), int(parameter.high), parameter.log)
        return kinds.FloatDistribution(parameter.low, parameter.high, parameter.log)

    def know(self, parameters: Parameters, metrics: Metrics | None) -> int:
        """See Method."""
        indices = {p.name: p.values.index(parameters[p.name]) for p in _ordered(self._space)}
        states = self._optuna.trial.TrialState
        self._study.add_trial(
            self._optuna.trial.create_trial(
                state=states.COMPLETE if metrics else states.RUNNING,
                values=list(self._task.comparable(metrics).values()) if metrics else None,
                params={**parameters, **indices},
                distributions=self._distributions,
            )
        )
        return len(self._study.get_trials(deepcopy=False)) - 1

    def ask(self) -> tuple[int, Parameters]:
        """See Method."""
        trial = self._study.ask(self._distributions)
        values = {p.name: p.values[trial.params[p.name]] for p in _ordered(self._space)}
        return trial.number, {**trial.params, **values}

    def tell(self, trial: int, metrics: Metrics) -> None:
        """See Method."""
        self._study.tell(trial, list(self._task.comparable(metrics).values()))


class PlainAx:
    """One long-lived Ax Client with its default generation strategy: the centre, 4 Sobol points, then a model."""

    def __init__(self, task: Task) -> None:
        from ax.api import client, configs  # noqa: PLC0415 # see the module

        self._task = task
        self._configs: Any = configs  # its literal types want every kind of parameter spelt out
        self._client = client.Client(random_seed=task.seed)
        self._client.configure_experiment(parameters=[self._config(parameter) for parameter in task.space])
        worst = task.comparable(task.worst)
        self._client.configure_optimization(
            objective=", ".join(f"-{metric}" for metric in worst),
            outcome_constraints=[f"{metric} <= {value}" for metric, value in worst.items()],
        )
        self._client.configure_generation_strategy(initialization_random_seed=task.seed)

    def _config(self, parameter: Choice | Range) -> Any:
        if isinstance(parameter, Choice):
            return self._configs.ChoiceParameterConfig(
                name=parameter.name,
                values=list(parameter.values),
                parameter_type=type(parameter.values[0]).__name__,
                is_ordered=parameter.ordered,
            )
        return self._configs.RangeParameterConfig(
            name=parameter.name,
            bounds=(parameter.low, parameter.high),
            parameter_type="int" if parameter.integer else "float",
            scaling="log" if parameter.log else "linear",
        )

    def know(self, parameters: Parameters, metrics: Metrics | None) -> int:
        """See Method."""
        trial = int(self._client.attach_trial(dict(parameters)))
        if metrics:
            self.tell(trial, metrics)
        return trial

    def ask(self) -> tuple[int, Parameters]:
        """See Method."""
        [(trial, parameters)] = self._client.get_next_trials(max_trials=1).items()
        return trial, parameters

    def tell(self, trial: int, metrics: Metrics) -> None:
        """See Method."""
        self._client.complete_trial(trial, raw_data=self._task.comparable(metrics))


class ParetoNAS:
    """The search of this project: from the known trials alone, as at every pass of a run."""

    def __init__(self, task: Task) -> None:
        from paretonas import api, search  # noqa: PLC0415 # see the module

        self._search = search
        self._spec = api.parse_experiment(experiment(task)).spec
        self._known: list[search.KnownTrial] = []

    def know(self, parameters: Parameters, metrics: Metrics | None) -> int:
        """See Method."""
        trial = len(self._known)
        self._known.append(self._search.KnownTrial(trial, parameters, "Pending"))
        if metrics:
            self.tell(trial, metrics)
        return trial

    def ask(self) -> tuple[int, Parameters]:
        """See Method."""
        [candidate] = self._search.suggest_here(self._spec, self._known, 1).candidates
        return self.know(candidate.parameters, None), candidate.parameters

    def tell(self, trial: int, metrics: Metrics) -> None:
        """See Method."""
        parameters = self._known[trial].parameters
        self._known[trial] = self._search.KnownTrial(trial, parameters, "Observed", metrics)


def experiment(task: Task) -> dict[str, Any]:
    """The task as the NASExperiment that a user would write."""
    return {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASExperiment",
        "metadata": {"name": "table"},
        "spec": {
            "objectives": [
                {
                    "metric": objective.metric,
                    "goal": "Maximize" if objective.maximize else "Minimize",
                    "threshold": task.worst[objective.metric],
                    "scale": "Log" if objective.log else "Linear",
                }
                for objective in task.objectives
            ],
            "parameters": [{"name": parameter.name, **domain(parameter)} for parameter in task.space],
            "maxTrials": task.evaluations,
            "parallelism": task.parallelism,
            "search": {"seed": task.seed},
            "trial": {"command": ["true"]},  # required, and never started: results come from the table
        },
    }


def domain(parameter: Choice | Range) -> dict[str, Any]:
    """The parameter as the fields of an experiment."""
    if isinstance(parameter, Choice):
        kind = {str: "choice", int: "intChoice", float: "floatChoice"}[type(parameter.values[0])]
        return {kind: {"values": list(parameter.values), "ordered": parameter.ordered}}
    kind = "int" if parameter.integer else "float"
    scale = "Log" if parameter.log else "Linear"
    return {kind: {"min": parameter.low, "max": parameter.high, "scale": scale}}


def _ordered(space: Space) -> list[Choice]:
    return [parameter for parameter in space if isinstance(parameter, Choice) and parameter.ordered]


def _gp(task: Task) -> Method:
    import greenlet  # noqa: F401, PLC0415 # without it GPSampler only warns and takes a slower way

    return Optuna(task, "GPSampler")


METHODS: Mapping[str, Callable[[Task], Method]] = {
    "random": RandomSearch,
    # the default population, 50, would make a random search of 48 trials
    "nsga2": partial(Optuna, sampler="NSGAIISampler", population_size=12),
    "tpe": partial(Optuna, sampler="TPESampler"),
    "gpsampler": _gp,
    "ax": PlainAx,
    OURS: ParetoNAS,
}
