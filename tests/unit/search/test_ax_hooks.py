"""A canary for each assumption that search/ax_hooks.py makes about the inside of Ax and BoTorch.

When a new release breaks one, its test fails with a sentence that says which, and where to look.
"""

import functools
import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

HOOKS = "operator/paretonas/search/ax_hooks.py"
GUIDE = "docs/adr/0016-ax-hooks.md"


def _sentence(assumption: str, look: str, error: BaseException) -> str:
    seen = f"{type(error).__name__}: {error}".splitlines()[0]
    return (
        f"{HOOKS} assumes that {assumption}. This release of Ax or BoTorch breaks that. "
        f"Look at {look}, then at {GUIDE}. What was seen: {seen}"
    )


try:
    import torch
    from ax.generators.torch.botorch_modular.acquisition import Acquisition
    from botorch.fit import fit_gpytorch_mll
    from gpytorch.mlls import ExactMarginalLogLikelihood
    from torch import Tensor

    from paretonas.api import ExperimentSpec
    from paretonas.search import KnownTrial, ax_hooks
    from paretonas.search.fitted import FittedExperiment
    from paretonas.search.problem import experiment, pending_features
    from paretonas.search.runtime import quiet
    from paretonas.search.scales import scales
    from paretonas.search.space import Space
except ImportError as error:
    pytest.fail(_sentence("what it imports exists", "the imports of that file", error), pytrace=False)


def assumes(assumption: str, *, look: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a test say which assumption is broken when it fails, in whatever way it does."""

    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(test)
        def run(*args: Any, **kwargs: Any) -> None:
            try:
                with quiet():
                    test(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 # the sentence tells whatever a new release raises
                sentence = _sentence(assumption, look, error)
            else:
                return
            pytest.fail(sentence, pytrace=False)

        return run

    return decorate


POINTS = 8
VALUE = 1.5
POINT = 0.25


def _experiment(space: Space, ended: Sequence[KnownTrial]) -> Any:
    """The experiment. If it cannot be built, no assumption of the hooks is to blame."""
    try:
        return experiment(space, ended)
    except Exception as error:  # noqa: BLE001 # the sentence tells whatever a new release raises
        seen = f"{type(error).__name__}: {error}".splitlines()[0]
    pytest.fail(
        "Ax changed its public interface, so that operator/paretonas/search/problem.py cannot build the experiment. "
        f"Mend that first, then run this file again. What was seen: {seen}",
        pytrace=False,
    )


@pytest.fixture
def asked(make_spec, measure) -> Callable[..., SimpleNamespace]:
    """Build an adapter for an experiment of two numbers, and ask it for the point (0.25, 0.25)."""

    def ask(*, pending: int = 2, chosen: bool = True, trials: Any = None, **fields: Any) -> SimpleNamespace:
        numbers = [{"name": name, "float": {"min": 0, "max": 1}} for name in ("one", "two")]
        spec: ExperimentSpec = make_spec(numbers, **fields)
        points = [{"one": (i * 5 % 11) / 11, "two": (i * 7 % 13) / 13} for i in range(POINTS + pending)]
        known = trials or [
            KnownTrial(i, p, "Observed", measure(p)) if i < POINTS else KnownTrial(i, p, "Pending")
            for i, p in enumerate(points)
        ]
        space = Space(spec)
        ended = [trial for trial in known if trial.state != "Pending"]
        ax_experiment, data = _experiment(space, ended)
        seen = SimpleNamespace(
            spec=spec, space=space, trials=known, ended=ended, data=data, ax=ax_experiment, fitted=[]
        )

        def choose(fitted: FittedExperiment) -> tuple[Tensor, float] | None:
            seen.fitted.append(fitted)
            return (torch.full((2,), POINT, dtype=torch.double), VALUE) if chosen else None

        with torch.no_grad():
            seen.adapter = ax_hooks.fit_adapter(ax_experiment, data, torch.tensor(space.feature_groups), spec.formulas)
            gen = seen.adapter.gen
            seen.adapter.gen = lambda *a, **k: setattr(seen, "run", gen(*a, **k)) or seen.run
            seen.arm = ax_hooks.ask(seen.adapter, pending_features(space, known), choose)
        return seen

    return ask


def _means(seen: SimpleNamespace, metric: str) -> Tensor:
    """A metric of the data that Ax was given, in the order of the trials."""
    rows = seen.data.df[seen.data.df["metric_name"] == ax_hooks.metric_name(metric)]
    return torch.tensor(rows.sort_values("trial_index")["mean"].to_list(), dtype=torch.double)


def _features(seen: SimpleNamespace, trials: Sequence[KnownTrial]) -> Tensor:
    """The features of trials, as the space has them."""
    return torch.tensor(seen.space.features(seen.space.encode([trial.parameters for trial in trials])))


def _by_metric(seen: SimpleNamespace) -> Mapping[str, Any]:
    """What was fitted to each metric; Ax has them in an order of its own."""
    names = ["accuracy", "size", *(["latency"] if seen.spec.outcomes else [])]
    return {
        name: (i, outcome)
        for name in names
        for i, outcome in enumerate(seen.fitted[0].outcomes)
        if torch.equal(outcome.y, _means(seen, name))
    }


SURROGATE = "_construct_model and _make_botorch_model_inputs in ax/generators/torch/botorch_modular/surrogate.py"
ACQUISITION = "class Acquisition in ax/generators/torch/botorch_modular/acquisition.py"
GENERATOR = "BoTorchGenerator.gen in ax/generators/torch/botorch_modular/generator.py"
ADAPTER = "Adapter.gen in ax/adapter/base.py"


@assumes("construct_inputs gets `training_data` and the model's options, and nothing else", look=SURROGATE)
def test_the_surrogate_passes_a_model_its_data_and_options(asked, monkeypatch) -> None:
    calls: list[dict[str, Any]] = []
    build = ax_hooks.QuickGP.construct_inputs
    monkeypatch.setattr(ax_hooks.QuickGP, "construct_inputs", lambda **given: calls.append(given) or build(**given))
    asked()
    assert [set(call) for call in calls] == [{"training_data", "groups", "metric"}] * 2
    assert all(call["training_data"].X.shape == (POINTS, 2) for call in calls)
    assert all(call["training_data"].Y.shape == (POINTS, 1) for call in calls)


@assumes("metric_to_model_configs gives a metric of the data its own configuration", look=SURROGATE)
def test_a_metric_with_a_formula_has_its_own_configuration(asked) -> None:
    [fitted] = asked(metrics=[{"name": "size", "formula": "100*(one + two)"}]).fitted
    assert {outcome.metric: outcome.hyper is None for outcome in fitted.outcomes} == {"": False, "size": True}


@assumes("fit_gpytorch_mll calls a model's custom_fit", look="fit_gpytorch_mll in botorch/fit.py")
def test_a_models_own_fit_is_called() -> None:
    x = torch.linspace(0, 1, 8, dtype=torch.double)[:, None]
    y = torch.sin(5 * x)
    model = ax_hooks.QuickGP(x, (y - y.mean()) / y.std(), groups=torch.tensor([0]))
    with torch.no_grad():
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
    assert float(model.covar_module.base_kernel.lengthscale) == pytest.approx(float(model.hyper.lengths[0]))


@assumes(
    "without transforms the model sees features and metrics as the data has them",
    look="TorchAdapter._fit and _convert_experiment_data in ax/adapter/torch.py, and its default transforms",
)
def test_without_transforms_the_model_sees_the_data_itself(asked) -> None:
    seen = asked()
    expected = _features(seen, seen.ended)
    assert all(torch.equal(outcome.x, expected) for outcome in seen.fitted[0].outcomes)
    assert set(_by_metric(seen)) == {"accuracy", "size"}


@assumes(
    "Acquisition.__init__ sets _model, _objective_weights, _outcome_constraints, _objective_thresholds and X_pending, "
    "and then calls _instantiate_acquisition",
    look=f"__init__ of {ACQUISITION}",
)
def test_the_acquisition_has_its_private_names_before_the_hook_is_called(asked, monkeypatch) -> None:
    names = ("_model", "_objective_weights", "_outcome_constraints", "_objective_thresholds", "X_pending")
    calls: list[tuple[Any, dict[str, Any]]] = []
    hook = ax_hooks.HookedAcquisition._instantiate_acquisition

    def record(self: Acquisition) -> None:
        calls.append((self, {name: getattr(self, name) for name in names}))
        hook(self)

    monkeypatch.setattr(ax_hooks.HookedAcquisition, "_instantiate_acquisition", record)
    asked()
    assert len(calls) == 1, f"_instantiate_acquisition was called {len(calls)} times"
    [(acquisition, values)] = calls
    assert all(getattr(acquisition, name) is value for name, value in values.items()), "a later step set one again"


@assumes("the models of several metrics are `models` of _model", look=f"_subset_model of {ACQUISITION}")
def test_several_metrics_have_a_model_each(asked) -> None:
    assert len(asked(outcomeConstraints=["latency <= 0.5"]).fitted[0].outcomes) == 3


@assumes("a single metric's model is _model itself", look=f"_subset_model of {ACQUISITION}")
def test_a_single_metric_has_a_bare_model(asked) -> None:
    [fitted] = asked(objectives=[{"metric": "accuracy", "goal": "Maximize"}]).fitted
    assert len(fitted.outcomes) == 1
    assert fitted.reference is None


@assumes(
    "each row of _objective_weights has one weight, positive where more is better",
    look="extract_objective_weight_matrix in ax/adapter/adapter_utils.py",
)
def test_after_its_weight_more_of_an_objective_is_better(asked) -> None:
    seen = asked()
    by_metric = _by_metric(seen)
    weights = dict(seen.fitted[0].objectives)
    for metric, better in (("accuracy", max), ("size", min)):
        position, outcome = by_metric[metric]
        best = better(range(POINTS), key=lambda i, m=metric: seen.ended[i].metrics[m])
        assert int((weights[position] * outcome.y).argmax()) == best


@assumes(
    "_objective_thresholds are multiplied by the weights already",
    look="extract_objective_thresholds in ax/adapter/adapter_utils.py",
)
def test_thresholds_have_the_sign_of_their_objectives(asked) -> None:
    seen = asked()
    by_metric, scale_of = _by_metric(seen), scales(seen.spec, seen.ended)
    reference = seen.fitted[0].reference
    objectives = {o.metric: o for o in seen.spec.objectives}
    for row, (position, weight) in enumerate(seen.fitted[0].objectives):
        [metric] = [name for name, (i, _) in by_metric.items() if i == position]
        worst = objectives[metric].comparable(objectives[metric].threshold)
        assert float(reference[row]) == pytest.approx(weight * scale_of[metric](worst))


@assumes(
    "_outcome_constraints is (A, b) for A y <= b",
    look="extract_outcome_constraints in ax/adapter/adapter_utils.py",
)
@pytest.mark.parametrize("constraint", ["latency <= 0.2", "latency >= 0.1"])
def test_outcome_constraints_hold_for_the_same_trials(asked, constraint) -> None:
    seen = asked(outcomeConstraints=[constraint])
    [bound] = seen.fitted[0].bounds
    position, outcome = _by_metric(seen)["latency"]
    assert bound.outcome == position
    kept = (bound.factor * outcome.y <= bound.bound).tolist()
    assert kept == [seen.spec.outcomes[0].is_satisfied_by(trial.metrics) for trial in seen.ended]
    assert len(set(kept)) == 2  # else the direction would not show


@assumes(
    "X_pending has the pending points, or is None",
    look="_get_X_pending_and_observed in ax/generators/torch/utils.py",
)
@pytest.mark.parametrize("pending", [0, 1, 3])
def test_pending_points_reach_the_criterion(asked, pending) -> None:
    seen = asked(pending=pending)
    assert seen.fitted[0].pending.shape == (pending, 2)
    expected = _features(seen, seen.trials[POINTS:])
    assert sorted(seen.fitted[0].pending.tolist()) == sorted(expected.tolist())  # Ax has an order of its own


@assumes(
    "optimize gets n and the optimizer_options that adapter.gen was given, and its point becomes the arm",
    look=f"{GENERATOR}, and construct_acquisition_and_optimizer_options beside it in utils.py",
)
def test_the_point_that_the_function_chooses_is_the_arm(asked) -> None:
    seen = asked()
    assert len(seen.fitted) == 1
    assert set(seen.arm.parameters.values()) == {POINT}
    assert seen.run.gen_metadata["expected_acquisition_value"] == [VALUE]


@assumes("the class of the criterion is named but never built, and acqf may be None", look=GENERATOR)
def test_no_criterion_of_botorch_is_built(asked, monkeypatch) -> None:
    def build(*_: Any, **__: Any) -> None:
        raise AssertionError("it was built")

    monkeypatch.setattr(ax_hooks.ExpectedHypervolumeImprovement, "__init__", build)
    assert asked().arm is not None


@assumes(
    "NotImplementedError in best_point means that none is known, and in predict that there are no predictions",
    look=f"{ADAPTER}, and TorchAdapter.model_best_point in ax/adapter/torch.py",
)
def test_best_point_and_predictions_are_left_out(asked) -> None:
    run = asked().run
    assert run.best_arm_predictions is None
    assert run.model_predictions is None


@assumes("TorchAdapter fits when it is built", look="Adapter.__init__ in ax/adapter/base.py")
def test_the_adapter_is_fitted_when_it_is_built(asked) -> None:
    adapter = asked().adapter
    assert all(hasattr(model, "hyper") for model in adapter.generator.surrogate.model.models)


@assumes("SearchSpaceExhausted passes through adapter.gen", look=ADAPTER)
def test_that_nothing_is_left_to_choose_passes_through(asked) -> None:
    assert asked(chosen=False).arm is None


@assumes(
    "an experiment with the immutable property keeps no copies in generator runs",
    look=f"`immutable` in {ADAPTER}, and IMMUTABLE_SEARCH_SPACE_AND_OPT_CONF in ax/utils/common/constants.py",
)
def test_generator_runs_keep_no_copies(asked) -> None:
    seen = asked()
    assert seen.ax.immutable_search_space_and_opt_config
    assert seen.run.search_space is None
    assert seen.run.optimization_config is None


@assumes(
    "sympy reads no name that starts with metric_ as something of its own",
    look="Objective in ax/core/objective.py, and ax/utils/common/sympy.py",
)
@pytest.mark.parametrize("metric", ["E", "beta", "lambda", "S", "Symbol", "zeta"])
def test_any_metric_name_can_be_an_objective_and_a_constraint(asked, measure, metric) -> None:
    points = [{"one": i / POINTS, "two": (i * 3 % POINTS) / POINTS} for i in range(POINTS)]
    other = f"{metric}1"
    trials = [
        KnownTrial(i, p, "Observed", {metric: measure(p)["size"], other: measure(p)["latency"]})
        for i, p in enumerate(points)
    ]
    fields = {"objectives": [{"metric": metric, "goal": "Minimize"}]}
    seen = asked(trials=trials, outcomeConstraints=[f"{other} <= 0.2"], **fields)
    assert sorted(seen.adapter.outcomes) == [ax_hooks.metric_name(metric), ax_hooks.metric_name(other)]


@assumes(
    "an arm without a name is named by Ax, and trials of one point share an arm",
    look="Trial.add_arm in ax/core/trial.py, and Experiment in ax/core/experiment.py",
)
def test_equal_points_share_an_arm(asked, measure) -> None:
    points = [{"one": i % 4 / 4, "two": i % 4 / 5} for i in range(POINTS)]
    trials = [KnownTrial(i, p, "Observed", {**measure(p), "size": float(i)}) for i, p in enumerate(points)]
    seen = asked(trials=trials)
    assert len({trial.arm.name for trial in seen.ax.trials.values()}) == 4
    assert all(len(outcome.y) == POINTS for outcome in seen.fitted[0].outcomes)


def test_a_broken_assumption_is_told_in_a_sentence(asked, monkeypatch) -> None:
    init = Acquisition.__init__
    renamed = inspect.getsource(init).replace("self._model,", "self._botorch_model,")
    namespace: dict[str, Any] = {}
    exec(textwrap.dedent(renamed), init.__globals__, namespace)  # noqa: S102 # Ax's own source but for one name
    monkeypatch.setattr(Acquisition, "__init__", namespace["__init__"])
    with pytest.raises(pytest.fail.Exception) as failure:
        test_several_metrics_have_a_model_each(asked)
    assert str(failure.value).startswith(f"{HOOKS} assumes that the models of several metrics are `models` of _model.")
    assert "Look at _subset_model of class Acquisition" in str(failure.value)
