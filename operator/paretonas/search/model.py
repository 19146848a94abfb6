"""The pieces that make Ax's modular BoTorch generator fast: the model's fit, the criterion and its optimiser."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from ax.exceptions.core import SearchSpaceExhausted
from ax.generators.torch.botorch_modular.acquisition import Acquisition
from ax.generators.torch.botorch_modular.generator import BoTorchGenerator
from ax.generators.torch.botorch_modular.surrogate import SurrogateSpec
from ax.generators.torch.botorch_modular.utils import ModelConfig
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.models import SingleTaskGP
from botorch.utils.datasets import SupervisedDataset
from botorch.utils.multi_objective.pareto import is_non_dominated
from gpytorch.kernels import MaternKernel, RBFKernel, ScaleKernel
from gpytorch.likelihoods import GaussianLikelihood
from gpytorch.mlls import MarginalLogLikelihood
from torch import Tensor
from torch.quasirandom import SobolEngine

from paretonas.search.ehvi import LogExpectedImprovement
from paretonas.search.encoding.codes import Codes
from paretonas.search.gp import Hyperparameters, Posterior, fit
from paretonas.search.optimize import Criterion, maximise
from paretonas.search.sampling import Sampler
from paretonas.search.space import Space

FANTASIES, FEWER_FANTASIES = 8, 4
"""Joint draws of the pending points' outcomes, for up to two objectives and for more: each has boxes of its own there,
dozens of times as many. With 1 instead of 8 no difference was found (docs/adr/0002)."""
FEW_BEST = 5
"""Known points to look around when there is one objective."""


class QuickGP(SingleTaskGP):
    """A BoTorch model like any other, whose hyperparameters come from `fit`."""

    def __init__(self, train_X: Tensor, train_Y: Tensor, groups: Tensor) -> None:  # noqa: N803 # BoTorch's names
        """Inputs in [0, 1] and standardised targets, as Ax's transforms leave them."""
        super().__init__(
            train_X,
            train_Y,
            likelihood=GaussianLikelihood(),
            covar_module=ScaleKernel(MaternKernel(nu=2.5, ard_num_dims=train_X.shape[-1])),
            outcome_transform=None,
            input_transform=None,
        )
        self.groups = groups
        self.hyper: Hyperparameters

    @classmethod
    def construct_inputs(  # type: ignore[override] # Ax passes the model's options as well
        cls, training_data: SupervisedDataset, groups: Tensor
    ) -> dict[str, Any]:
        """What Ax's surrogate passes to the constructor."""
        return {"train_X": training_data.X, "train_Y": training_data.Y, "groups": groups}

    @property
    def data(self) -> tuple[Tensor, Tensor]:
        """Features and targets, shapes (n, features) and (n,)."""
        return self.train_inputs[0], self.train_targets

    def custom_fit(self, mll: MarginalLogLikelihood, **_: Any) -> MarginalLogLikelihood:
        """BoTorch's hook for a model's own fit."""
        self.hyper = fit(*self.data, self.groups)
        if self.hyper.smooth:
            self.covar_module.base_kernel = RBFKernel(ard_num_dims=len(self.groups))
        self.covar_module.base_kernel.lengthscale = torch.tensor(self.hyper.lengths)[self.groups]
        self.covar_module.outputscale = self.hyper.scale
        # GPyTorch's least is 1e-4; `Posterior` takes the value itself
        self.likelihood.noise = max(self.hyper.noise, 1.001e-4)
        return mll.eval()


class QuickGenerator(BoTorchGenerator):
    """Ax's generator without what nobody reads: the best point in sample, and predictions for the new one."""

    def best_point(self, *_: Any, **__: Any) -> Tensor | None:
        """Ax takes this answer as: not known."""
        raise NotImplementedError

    def predict(self, *_: Any, **__: Any) -> tuple[Tensor, Tensor]:
        """Ax then leaves the prediction out of the generator run."""
        raise NotImplementedError


class FrontAcquisition(Acquisition):
    """Ax's acquisition with `LogExpectedImprovement` as its criterion and `maximise` as its optimiser."""

    def _instantiate_acquisition(self) -> None:
        self.models_used = [self.surrogate.model_name_by_metric]
        self.acq_function_sequence = None
        self.acqf = None  # type: ignore[assignment] # Ax only hands it on
        self._models: list[QuickGP] = list(getattr(self._model, "models", [self._model]))

    def optimize(  # type: ignore[override] # Ax calls it with these and more keywords
        self, n: int, optimizer_options: dict[str, Any], **_: Any
    ) -> tuple[Tensor, Tensor, Tensor]:
        """The best point of the options' ``sampler`` that is none of ``avoid``; looks at ``scattered`` first."""
        if n != 1:
            raise ValueError("candidates are asked one by one: each is pending for the next")
        sampler: Sampler = optimizer_options["sampler"]
        space = sampler.space
        seed: list[int] = optimizer_options["seed"]
        criterion, best = self._criterion(space, seed)
        scattered, avoid = optimizer_options["scattered"], optimizer_options["avoid"]
        found = maximise(criterion, sampler, scattered, best, avoid, np.random.default_rng(seed))
        if found is None:
            raise SearchSpaceExhausted("every point found is known already")
        point, value = found
        features = torch.tensor(space.features(point[None]))
        return features, torch.tensor([value], dtype=torch.double), torch.ones(1, dtype=torch.double)

    def _criterion(self, space: Space, seed: list[int]) -> tuple[Criterion, Codes]:
        """What to maximise, and the known points to look around."""
        objectives = [int(row.nonzero()) for row in self._objective_weights]
        signs = [float(row[j]) for row, j in zip(self._objective_weights, objectives, strict=True)]
        x = self._models[objectives[0]].data[0]
        pending = x[:0] if self.X_pending is None else self.X_pending
        fantasies = FANTASIES if len(objectives) <= 2 else FEWER_FANTASIES  # noqa: PLR2004 # see there
        normals = _normals(len(self._models), len(pending), fantasies, seed)
        posteriors = [
            Posterior(*model.data, model.groups, model.hyper, pending, normals[i])
            for i, model in enumerate(self._models)
        ]
        outcomes = torch.stack([s * posteriors[j].fitted for s, j in zip(signs, objectives, strict=True)], 2)
        constraints = [
            (posteriors[int(row.nonzero())], float(row.sum()), float(bound))
            for row, bound in zip(*(self._outcome_constraints or ((), ())), strict=True)
        ]
        allowed = torch.ones(outcomes.shape[:2], dtype=torch.bool)
        for posterior, factor, bound in constraints:
            allowed &= factor * posterior.means(torch.cat([x, pending])) <= bound
        reference = self._objective_thresholds
        if reference is None:  # one objective: the worst seen
            reference = outcomes.amin((0, 1))
        fronts = [outcomes[allowed[:, i], i] for i in range(outcomes.shape[1])]
        improvement = LogExpectedImprovement(fronts, reference)

        def criterion(codes: Codes) -> npt.NDArray[np.float64]:
            features = torch.tensor(space.features(codes))
            predicted = [posteriors[j].predict(features) for j in objectives]
            means = [s * mean for s, (mean, _) in zip(signs, predicted, strict=True)]
            value = improvement(means, [deviation for _, deviation in predicted])
            for posterior, factor, bound in constraints:
                mean, deviation = posterior.predict(features)
                value = value + torch.special.log_ndtr(
                    (bound - factor * mean) / (abs(factor) * deviation[:, None])
                )
            return np.asarray(torch.logsumexp(value, 1).numpy())

        return criterion, _best(space, x, outcomes[: len(x)].mean(1), allowed[: len(x)].all(1))


def _normals(models: int, pending: int, fantasies: int, seed: list[int]) -> Tensor:
    """Quasi-random standard normal draws, shape (models, pending, fantasies); one fantasy where nothing is pending."""
    if not pending:
        return torch.zeros(models, 0, 1, dtype=torch.double)
    state = int(np.random.default_rng(seed).integers(2**31))
    engine = SobolEngine(models * pending, scramble=True, seed=state)  # type: ignore[no-untyped-call] # torch's
    unit = engine.draw(fantasies, dtype=torch.double)
    normals: Tensor = torch.special.ndtri(unit.clamp(1e-6, 1 - 1e-6))
    return normals.T.reshape(models, pending, fantasies)


def _best(space: Space, x: Tensor, outcomes: Tensor, allowed: Tensor) -> Codes:
    """The codes of the known points that are not dominated, or of the few best ones for one objective."""
    if bool(allowed.any()):
        x, outcomes = x[allowed], outcomes[allowed]
    if outcomes.shape[1] == 1:
        rows = outcomes[:, 0].argsort(descending=True, stable=True)[:FEW_BEST]
    else:
        rows = is_non_dominated(outcomes).nonzero()[:, 0]
    return space.from_features(x[rows].numpy())


def surrogate(space: Space) -> SurrogateSpec:
    """One `QuickGP` a metric."""
    groups = torch.tensor(space.feature_columns)
    config = ModelConfig(
        botorch_model_class=QuickGP,
        model_options={"groups": groups},
        input_transform_classes=None,
        name="QuickGP",
    )
    return SurrogateSpec(model_configs=[config], allow_batched_models=False)


def generator(space: Space) -> QuickGenerator:
    """Ax's modular BoTorch generator, made of the pieces above."""
    return QuickGenerator(
        surrogate_spec=surrogate(space),
        acquisition_class=FrontAcquisition,
        botorch_acqf_class=ExpectedHypervolumeImprovement,  # not built: `FrontAcquisition` has its own criterion
    )
