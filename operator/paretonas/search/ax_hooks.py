"""Everything that depends on internals of Ax and BoTorch. The rest of the search uses their public interface.

The search plugs its own model, criterion and optimiser into Ax's adapter. Each hook assumes something that a new
release may change without notice. tests/unit/search/test_ax_hooks.py has a test for each assumption, in this order, and
docs/adr/0016-ax-hooks.md says how to move to a new release.

**Fit** (`QuickGP`)

- Ax's surrogate builds one model for each metric. It passes the metric's data to `construct_inputs` as
  ``training_data``, with its ``X`` and ``Y``, and the ``model_options`` of the `ModelConfig` by name, and nothing else.
- A metric in ``metric_to_model_configs``, by the ``metric_signature`` of the data, gets its own `ModelConfig`.
- `botorch.fit.fit_gpytorch_mll` calls a model's ``custom_fit`` instead of its own optimiser.
- Without transforms (`fit_adapter`), the model sees parameters and metrics exactly as the experiment's data has them.

**Acquisition** (`HookedAcquisition`)

- `Acquisition.__init__` sets ``_model``, ``_objective_weights``, ``_outcome_constraints``, ``_objective_thresholds``
  and ``X_pending``, and ends with a call of ``_instantiate_acquisition``, the only place where a criterion is built.
- ``_model`` has its parts in ``models``; a single metric's model is bare.
- Each row of ``_objective_weights``, shape (objectives, outcomes), has one weight, positive where more is better;
  ``_objective_thresholds`` are multiplied by it already. ``_outcome_constraints`` is (A, b) for A y <= b.
- ``optimize`` gets ``n`` and ``optimizer_options``, which are the ``optimizer_kwargs`` of the ``model_gen_options``,
  and returns points, values and weights. A function among the options is passed on, not copied.
- ``acqf`` is only tested for attributes after that, so it may be None, and the class of the criterion is never built.

**Generator** (`QuickGenerator`)

- A `NotImplementedError` in ``best_point`` means that the best point is not known, and one in ``predict`` that the
  generator run has no predictions.

**Adapter** (`fit_adapter`, `ask`)

- `TorchAdapter` fits when it is built, and `SearchSpaceExhausted` passes through its ``gen``.

**Experiment** (`EXPERIMENT_PROPERTIES`, `metric_name`)

- With the property, generator runs keep no copy of the search space and the optimization config.
- Objectives and constraints are read with sympy, which knows no name that starts with ``metric_``.
- An arm that has no name is named by Ax, and trials of one point share an arm.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import torch
from ax.adapter.torch import TorchAdapter
from ax.core.arm import Arm
from ax.core.data import Data
from ax.core.experiment import Experiment
from ax.core.observation import ObservationFeatures
from ax.exceptions.core import SearchSpaceExhausted
from ax.generators.torch.botorch_modular.acquisition import Acquisition
from ax.generators.torch.botorch_modular.generator import BoTorchGenerator
from ax.generators.torch.botorch_modular.surrogate import SurrogateSpec
from ax.generators.torch.botorch_modular.utils import ModelConfig
from ax.utils.common.constants import Keys
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.models import SingleTaskGP
from botorch.utils.datasets import SupervisedDataset
from gpytorch.kernels import MaternKernel, RBFKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.mlls import MarginalLogLikelihood
from torch import Tensor

from paretonas.search.fitted import FittedExperiment, FittedOutcome, OutcomeBound
from paretonas.search.gp import Hyperparameters, fit

Choose = Callable[[FittedExperiment], tuple[Tensor, float] | None]
"""A function from what was fitted to the best point's features, shape (features,), and its value; or None."""

FittedAdapter = TorchAdapter
"""What `fit_adapter` returns and `ask` takes."""

EXPERIMENT_PROPERTIES = {Keys.IMMUTABLE_SEARCH_SPACE_AND_OPT_CONF.value: True}
"""Properties of an Ax experiment that nobody changes."""

_CHOOSE = "choose"


def metric_name(metric: str) -> str:
    """The name of a metric inside Ax. Sympy would read ``E`` or ``beta`` as something else."""
    return f"metric_{metric}"


class QuickGP(SingleTaskGP):
    """A BoTorch model like any other, whose hyperparameters come from `paretonas.search.gp.fit`.

    For a metric with a formula it only carries the data: the criterion does not ask it.
    """

    def __init__(
        self,
        train_X: Tensor,  # noqa: N803 # BoTorch's name
        train_Y: Tensor,  # noqa: N803 # as above
        groups: Tensor,
        metric: str = "",
    ) -> None:
        """Build the model, not fitted yet.

        Args:
            train_X: Features in [0, 1], shape (n, features).
            train_Y: Targets of zero mean and unit variance, shape (n, 1).
            groups: The length scale that each feature has, shape (features,).
            metric: The metric, if it has a formula.
        """
        super().__init__(
            train_X,
            train_Y,
            likelihood=GaussianLikelihood(),
            covar_module=ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=train_X.shape[-1])),
            outcome_transform=None,
            input_transform=None,
        )
        self.groups, self.metric = groups, metric
        self.hyper: Hyperparameters | None = None

    @classmethod
    def construct_inputs(  # type: ignore[override] # Ax passes the model's options as well
        cls, training_data: SupervisedDataset, groups: Tensor, metric: str = ""
    ) -> dict[str, Any]:
        """The arguments of the constructor, from those that Ax's surrogate passes."""
        return {"train_X": training_data.X, "train_Y": training_data.Y, "groups": groups, "metric": metric}

    def custom_fit(self, mll: MarginalLogLikelihood, **_: Any) -> MarginalLogLikelihood:
        """Fit the hyperparameters. BoTorch calls this in place of its own optimiser."""
        if self.metric:
            return mll.eval()
        self.hyper = fit(self.train_inputs[0], self.train_targets, self.groups)
        if self.hyper.smooth:
            self.covar_module.base_kernel = RBFKernel(ard_num_dims=len(self.groups))
        self.covar_module.base_kernel.lengthscale = torch.tensor(self.hyper.lengths)[self.groups]
        self.covar_module.outputscale = self.hyper.scale
        # GPyTorch allows no noise below 1e-4; `Posterior` uses the fitted value itself
        self.likelihood.noise = max(self.hyper.noise, 1.001e-4)
        return mll.eval()

    def outcome(self) -> FittedOutcome:
        """The data and the fit, as values."""
        return FittedOutcome(self.train_inputs[0], self.train_targets, self.groups, self.hyper, self.metric)


class QuickGenerator(BoTorchGenerator):
    """Ax's generator without what nobody reads: the best known point, and predictions for the new one."""

    def best_point(self, *_: Any, **__: Any) -> Tensor | None:
        """Raise the error by which Ax learns that the best point is not known."""
        raise NotImplementedError

    def predict(self, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Raise the error at which Ax leaves predictions out of the generator run."""
        raise NotImplementedError


class HookedAcquisition(Acquisition):
    """Ax's acquisition with the function that `ask` was given as its criterion and optimiser in one."""

    def _instantiate_acquisition(self) -> None:
        """Build no criterion, and set the attributes that Ax reads afterwards."""
        self.models_used = [self.surrogate.model_name_by_metric]
        self.acq_function_sequence = None
        self.acqf = None  # type: ignore[assignment] # Ax only tests its attributes

    def optimize(  # type: ignore[override] # Ax passes more keywords
        self, n: int, optimizer_options: dict[str, Any], **_: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Choose one point.

        Returns:
            The features, shape (1, features), the value and the weight, each of shape (1,).

        Raises:
            ValueError: More than one point is wanted.
            SearchSpaceExhausted: There is no point to choose.
        """
        if n != 1:
            raise ValueError("Candidates are asked for one at a time, because each is pending for the next.")
        choose: Choose = optimizer_options[_CHOOSE]
        chosen = choose(self._fitted())
        if chosen is None:
            raise SearchSpaceExhausted("Every point that was found is known already.")
        features, value = chosen
        return features[None], torch.tensor([value], dtype=torch.double), torch.ones(1, dtype=torch.double)

    def _fitted(self) -> FittedExperiment:
        """What Ax has set, as values."""
        models: list[QuickGP] = list(getattr(self._model, "models", [self._model]))
        outcomes = [model.outcome() for model in models]
        positions = [int(row.nonzero()) for row in self._objective_weights]
        weights = [float(row[j]) for row, j in zip(self._objective_weights, positions, strict=True)]
        return FittedExperiment(
            outcomes=outcomes,
            objectives=list(zip(positions, weights, strict=True)),
            bounds=[
                OutcomeBound(int(row.nonzero()), float(row.sum()), float(bound))
                for row, bound in zip(*(self._outcome_constraints or ((), ())), strict=True)
            ],
            reference=self._objective_thresholds,
            pending=outcomes[0].x[:0] if self.X_pending is None else self.X_pending,
        )


def fit_adapter(experiment: Experiment, data: Data, groups: Tensor, known: Collection[str] = ()) -> FittedAdapter:
    """Fit one `QuickGP` to each metric.

    Args:
        experiment: The experiment, whose parameters are features in [0, 1].
        data: Its metrics, on the scale of the model.
        groups: The length scale that each feature has, shape (features,).
        known: The metrics that have a formula; nothing is fitted to them.
    """

    def config(metric: str = "") -> ModelConfig:
        options = {"groups": groups, "metric": metric}
        return ModelConfig(
            botorch_model_class=QuickGP, model_options=options, input_transform_classes=None, name="QuickGP"
        )

    generator = QuickGenerator(
        surrogate_spec=SurrogateSpec(
            model_configs=[config()],
            metric_to_model_configs={metric_name(metric): [config(metric)] for metric in known},
            allow_batched_models=False,
        ),
        acquisition_class=HookedAcquisition,
        botorch_acqf_class=ExpectedHypervolumeImprovement,  # a class must be named; it is never built
    )
    return TorchAdapter(
        experiment=experiment,
        data=data,
        generator=generator,
        transforms=[],  # features and metrics are on the scale of the model already
        expand_model_space=False,
        fit_tracking_metrics=False,
    )


def ask(adapter: FittedAdapter, pending: Sequence[ObservationFeatures], choose: Choose) -> Arm | None:
    """Let the adapter generate the point that a function chooses; None if it chooses none."""
    try:
        run = adapter.gen(
            1,
            pending_observations={metric: list(pending) for metric in adapter.outcomes},
            model_gen_options={Keys.OPTIMIZER_KWARGS.value: {_CHOOSE: choose}},
        )
    except SearchSpaceExhausted:
        return None
    return run.arms[0]
