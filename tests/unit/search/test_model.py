"""The Gaussian process and the criterion, against slower and independent computations."""

import math

import numpy as np
import pytest
import torch
from botorch.acquisition.multi_objective.analytic import ExpectedHypervolumeImprovement
from botorch.models import ModelListGP
from botorch.utils.multi_objective.box_decompositions import NondominatedPartitioning
from gpytorch.kernels import RBFKernel
from scipy.optimize import check_grad, fmin_l_bfgs_b
from scipy.stats import norm

from paretonas.search.ax_hooks import QuickGP
from paretonas.search.ehvi import LogExpectedImprovement, log_improvement
from paretonas.search.gp import DOUBT, Hyperparameters, Posterior, _objective, fit
from paretonas.search.space import Space

NO_PENDING = torch.zeros(0, 1, dtype=torch.double)


def _data(n: int = 40, dimensions: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    rng = np.random.default_rng(seed)
    x = rng.random((n, dimensions))
    y = np.sin(4 * x[:, 0]) + x[:, 1] ** 2 + 0.05 * rng.normal(size=n)
    return torch.tensor(x), torch.tensor((y - y.mean()) / y.std())


@pytest.mark.parametrize("smooth", [False, True])
def test_the_gradient_of_the_fit_is_that_of_its_value(smooth: bool) -> None:
    x, y = _data()
    groups = torch.tensor([0, 1, 1])  # two features share a length scale
    evaluate = _objective(x, y, groups, smooth)
    theta = np.array([0.3, -0.2, 0.1, -3.0])
    error = check_grad(lambda t: evaluate(t)[0], lambda t: evaluate(t)[1], theta)
    assert error < 1e-6


def test_the_fit_finds_which_parameters_matter() -> None:
    x, y = _data(80)
    hyper = fit(x, y, torch.arange(3))
    assert hyper.lengths[2] > 2 * hyper.lengths[:2].max()
    assert hyper.noise < 0.05


def test_a_fit_to_many_points_is_that_of_the_full_likelihood() -> None:
    x, y = _data(320)
    groups = torch.arange(3)
    quick = fit(x, y, groups)

    def cost(hyper: Hyperparameters) -> float:
        theta = np.log([*hyper.lengths, hyper.scale, hyper.noise])
        return _objective(x, y, groups, hyper.smooth)(theta)[0]

    start = np.log([*quick.lengths, quick.scale, quick.noise])
    exact, _, _ = fmin_l_bfgs_b(_objective(x, y, groups, quick.smooth), start, maxiter=200)
    best = Hyperparameters(np.exp(exact[:-2]), math.exp(exact[-2]), math.exp(exact[-1]), quick.smooth)
    assert cost(quick) - cost(best) < 1e-3  # per point


def test_a_plain_function_gets_the_smooth_kernel_and_a_rough_one_does_not() -> None:
    rng = np.random.default_rng(0)
    x = torch.tensor(rng.random((20, 4)))
    plain = x[:, 0] * 2 + x[:, 1] + x[:, 0] * x[:, 1]
    rough = torch.sign(x[:, 0] - 0.5) + torch.sin(20 * x[:, 1])
    for target, smooth in ((plain, True), (rough, False)):
        hyper = fit(x, (target - target.mean()) / target.std(), torch.arange(4))
        assert hyper.smooth == smooth


@pytest.mark.parametrize(("n", "smooth"), [(12, False), (60, True)])
def test_the_posterior_is_gpytorchs(n: int, smooth: bool) -> None:
    x, y = _data(n)
    model = QuickGP(x, y[:, None], groups=torch.arange(3))
    if smooth:
        model.covar_module.base_kernel = RBFKernel(ard_num_dims=3)
    hyper = Hyperparameters(np.array([0.5, 0.7, 2.0]), 1.3, 0.01, smooth)
    model.covar_module.base_kernel.lengthscale = torch.tensor(hyper.lengths)
    model.covar_module.outputscale = hyper.scale
    model.likelihood.noise = hyper.noise
    ours = Posterior(x, y, torch.arange(3), hyper, x[:0], NO_PENDING)
    model.mean_module.constant = ours.mean
    points = torch.rand(50, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    mean, deviation = ours.predict(points)
    with torch.no_grad():
        theirs = model.eval().posterior(points)
    torch.testing.assert_close(mean[:, 0], theirs.mean[:, 0], atol=1e-5, rtol=0)
    doubt = 1 if smooth else DOUBT
    torch.testing.assert_close(deviation.square(), doubt * theirs.variance[:, 0], atol=1e-5, rtol=0)


def test_a_fantasy_is_a_posterior_that_has_seen_it() -> None:
    x, y = _data(30)
    pending = torch.rand(4, 3, dtype=torch.double, generator=torch.Generator().manual_seed(1))
    normals = torch.randn(4, 5, dtype=torch.double, generator=torch.Generator().manual_seed(2))
    hyper = Hyperparameters(np.array([0.5, 0.7, 2.0]), 1.0, 0.01, False)
    groups = torch.arange(3)
    ours = Posterior(x, y, groups, hyper, pending, normals)
    points = torch.rand(20, 3, dtype=torch.double, generator=torch.Generator().manual_seed(3))
    means, deviation = ours.predict(points)
    for i in range(5):
        seen = torch.cat([y, ours.drawn[:, i]])
        # the constant mean stays that of the real data
        again = Posterior(torch.cat([x, pending]), seen, groups, hyper, x[:0], NO_PENDING, mean=ours.mean)
        torch.testing.assert_close(means[:, i], again.predict(points)[0][:, 0])
        torch.testing.assert_close(deviation, again.predict(points)[1])
        torch.testing.assert_close(ours.fitted[:, i], again.means(torch.cat([x, pending]))[:, 0])


def test_log_improvement_is_accurate_from_certain_to_hopeless() -> None:
    z = np.array([-30.0, -12.0, -7.0, -5.9, -3.0, 0.0, 2.0, 9.0])
    # log(pdf (1 + z cdf / pdf)) with the ratio from scipy's log functions
    expected = norm.logpdf(z) + np.log1p(z * np.exp(norm.logcdf(z) - norm.logpdf(z)))
    np.testing.assert_allclose(log_improvement(torch.tensor(z)), expected, rtol=2e-4)


def test_with_one_objective_it_is_log_expected_improvement() -> None:
    front = torch.tensor([[0.2], [1.0]], dtype=torch.double)
    criterion = LogExpectedImprovement([front], torch.tensor([-1.0], dtype=torch.double))
    mean, deviation = torch.tensor([[0.5]], dtype=torch.double), torch.tensor([0.8], dtype=torch.double)
    z = (0.5 - 1.0) / 0.8
    expected = math.log(0.8 * (norm.pdf(z) + z * norm.cdf(z)))
    assert float(criterion([mean], [deviation])) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("objectives", [2, 3, 4])
def test_with_more_it_is_botorchs_expected_hypervolume_improvement(objectives: int) -> None:
    x, _ = _data(25, 3)
    groups = torch.arange(3)
    targets = [_data(25, 3, seed)[1] for seed in range(objectives)]
    hyper = Hyperparameters(np.array([0.5, 0.7, 2.0]), 1.0, 0.02, smooth=True)
    posteriors = [Posterior(x, y, groups, hyper, x[:0], NO_PENDING) for y in targets]
    models = []
    for y, ours in zip(targets, posteriors, strict=True):
        model = QuickGP(x, y[:, None], groups=groups)
        model.covar_module.base_kernel = RBFKernel(ard_num_dims=3)
        model.covar_module.base_kernel.lengthscale = torch.tensor(hyper.lengths)
        model.covar_module.outputscale, model.likelihood.noise = hyper.scale, hyper.noise
        model.mean_module.constant = ours.mean
        models.append(model)
    outcomes = torch.stack(targets, 1)
    reference = torch.full((objectives,), -1.0, dtype=torch.double)
    theirs = ExpectedHypervolumeImprovement(
        ModelListGP(*models), reference, NondominatedPartitioning(ref_point=reference, Y=outcomes)
    )
    points = torch.rand(30, 3, dtype=torch.double, generator=torch.Generator().manual_seed(0))
    predicted = [posterior.predict(points) for posterior in posteriors]
    ours = LogExpectedImprovement([outcomes], reference)([m for m, _ in predicted], [d for _, d in predicted])
    with torch.no_grad():
        expected = theirs(points[:, None])
    torch.testing.assert_close(ours[:, 0].exp(), expected, rtol=1e-3, atol=1e-7)


def test_without_any_point_above_the_reference_it_still_ranks() -> None:
    front = torch.full((1, 2), -5.0, dtype=torch.double)
    criterion = LogExpectedImprovement([front], torch.zeros(2, dtype=torch.double))
    means = [torch.tensor([[-3.0], [-1.0]], dtype=torch.double)] * 2
    far, near = criterion(means, [torch.full((2,), 0.05, dtype=torch.double)] * 2)[:, 0].tolist()
    assert -math.inf < far < near


def test_what_an_operation_costs_is_known_on_edges_that_never_had_it(make_spec) -> None:
    operations = {"none": 0.0, "skip": 0.1, "pool": 1.0, "conv_1x1": 2.0, "conv_3x3": 5.0}
    edges = [f"edge_{i}" for i in range(6)]
    space = Space(make_spec([{"name": edge, "choice": {"values": list(operations)}} for edge in edges]))
    rng = np.random.default_rng(0)
    points = [dict(zip(edges, rng.choice(list(operations), 6).tolist(), strict=True)) for _ in range(424)]
    latency = np.array([sum(operations[p[edge]] for edge in edges) for p in points])
    known, unseen = points[:24], [i for i, p in enumerate(points) if i >= 24 and p["edge_0"] == "conv_3x3"]
    known = [point | {"edge_0": "none"} if point["edge_0"] == "conv_3x3" else point for point in known]
    y = np.array([sum(operations[p[edge]] for edge in edges) for p in known])
    x, targets = torch.tensor(space.features(space.encode(known))), torch.tensor((y - y.mean()) / y.std())
    groups = torch.tensor(space.feature_groups)
    posterior = Posterior(x, targets, groups, fit(x, targets, groups), x[:0], torch.zeros(0, 1, dtype=torch.double))
    means = posterior.means(torch.tensor(space.features(space.encode([points[i] for i in unseen]))))[:, 0].numpy()
    assert len(unseen) > 40
    assert np.corrcoef(means, latency[unseen])[0, 1] > 0.9
    assert (means * y.std() + y.mean() - latency[unseen]).mean() > -1.0, "they cost 5 more than without it"
