"""The space of convolutional networks: each point is a network that trains, or is refused with one line."""

import math
import re
from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from torch import nn

from paretonas_trainer.cnn.architecture import ACTIVATIONS, NORMS, OPERATIONS, Architecture, ImpossibleError, Stage
from paretonas_trainer.cnn.costs import count_macs, count_params, measure_latency
from paretonas_trainer.cnn.network import ImageShape, Residual, build
from paretonas_trainer.cnn.sketch import columns, sketch

MNIST = ImageShape(1, 28)


def architecture(*stages: Stage, stem: int = 8, stride: int = 1, **others: object) -> Architecture:
    chosen = {"norm": "batch", "norm_groups": None, "activation": "relu", "head_width": 0, "dropout": 0.0, **others}
    return Architecture(stem_width=stem, stem_stride=stride, stages=stages, **chosen)  # type: ignore[arg-type]


STAGES: SearchStrategy[Stage] = st.builds(
    lambda op, expansion, **others: Stage(op=op, expansion=expansion if op == "inverted" else None, **others),
    op=st.sampled_from(OPERATIONS),
    width=st.integers(1, 24),
    kernel=st.sampled_from((1, 3, 5, 7)),
    blocks=st.integers(1, 3),
    expansion=st.integers(1, 6),
)
ARCHITECTURES: SearchStrategy[Architecture] = st.builds(
    lambda norm, groups, **others: Architecture(norm=norm, norm_groups=groups if norm == "group" else None, **others),
    norm=st.sampled_from(NORMS),
    groups=st.integers(1, 8),
    stem_width=st.integers(1, 24),
    stem_stride=st.sampled_from((1, 2, 4)),
    stages=st.lists(STAGES, min_size=1, max_size=4).map(tuple),
    activation=st.sampled_from(ACTIVATIONS),
    head_width=st.integers(0, 16),
    dropout=st.floats(0, 0.9),
)


REFUSAL = re.compile(
    r"(the stem|stage [1-4]): "
    r"(a feature map of \d+ x \d+ cannot be made \d times smaller|\d+ channels cannot be divided into norm_groups \d)"
)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # others would only wait for each other: these networks are tiny
    yield
    torch.set_num_threads(threads)


def is_too_small(point: Architecture, image: ImageShape) -> bool:
    """Whether the stem or a stage would have to make an image smaller than it can."""
    side, too_small = image.size, False
    for times in (point.stem_stride, 1, *[2] * (len(point.stages) - 1)):
        too_small |= side < times
        side = math.ceil(side / times)
    return too_small


@settings(max_examples=100, deadline=None)
@given(ARCHITECTURES, st.sampled_from((ImageShape(1, 12), ImageShape(3, 6), ImageShape(2, 17), ImageShape(1, 1))))
def test_every_point_trains_a_batch_or_is_refused_with_one_line(point: Architecture, image: ImageShape) -> None:
    network, refusal = built(point, image)
    if network is None:
        assert REFUSAL.fullmatch(refusal)
        assert is_too_small(point, image) or point.norm == "group"
        return
    assert not is_too_small(point, image)
    logits = network(torch.rand(2, image.channels, image.size, image.size))
    assert logits.shape == (2, 5)
    nn.functional.cross_entropy(logits, torch.tensor([0, 4])).backward()
    unused = [name for name, weights in network.named_parameters() if weights.grad is None]
    assert unused == [], "every weight takes part"
    assert count_macs(network, image) > 0
    assert sketch(network, image).count(" params</text>") == len(point.stages) + 2


def built(point: Architecture, image: ImageShape) -> tuple[nn.Sequential | None, str]:
    try:
        return build(point, image, classes=5), ""
    except ImpossibleError as error:
        return None, str(error)


def test_a_convolution_has_the_multiplications_that_one_counts_by_hand() -> None:
    network = build(architecture(Stage("conv", 6, 5, 1), stem=4), MNIST, classes=10)
    by_hand = 28 * 28 * 9 * 1 * 4 + 28 * 28 * 25 * 4 * 6 + 6 * 10
    assert count_macs(network, MNIST) == by_hand
    assert count_params(network) == (9 * 4 + 2 * 4) + (25 * 4 * 6 + 2 * 6) + (6 * 10 + 10)


def test_separable_inverted_and_residual_blocks_have_the_multiplications_that_one_counts_by_hand() -> None:
    rgb = ImageShape(3, 32)
    stages = (Stage("separable", 12, 3, 1), Stage("inverted", 16, 5, 2, expansion=3), Stage("residual", 20, 3, 1))
    network = build(architecture(*stages, stem=8, stride=2, head_width=7), rgb, classes=3)
    stem = 16 * 16 * 9 * 3 * 8
    separable = 16 * 16 * (9 * 8 + 8 * 12)
    inverted = 16 * 16 * 12 * 36 + 8 * 8 * (25 * 36 + 36 * 16)  # 12 to 36, at half the resolution behind the 5x5
    inverted += 8 * 8 * (16 * 48 + 25 * 48 + 48 * 16)
    residual = 4 * 4 * (9 * 16 * 20 + 9 * 20 * 20 + 16 * 20)
    assert count_macs(network, rgb) == stem + separable + inverted + residual + 20 * 7 + 7 * 3


def test_lenet_has_the_parameters_that_its_authors_count() -> None:
    pool = nn.Sequential(nn.Tanh(), nn.AvgPool2d(2))
    lenet = nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2), pool, nn.Conv2d(6, 16, 5), pool, nn.Flatten(),
        nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    )  # fmt: skip
    assert count_params(lenet) == 61_706
    assert count_macs(lenet, MNIST) == 28 * 28 * 25 * 6 + 10 * 10 * 25 * 6 * 16 + 400 * 120 + 120 * 84 + 84 * 10


@pytest.mark.parametrize(
    ("point", "image", "line"),
    [
        (
            architecture(Stage("conv", 8, 3, 1), stride=4),
            ImageShape(1, 3),
            "the stem: a feature map of 3 x 3",
        ),
        (
            architecture(*[Stage("conv", 8, 3, 1)] * 4),
            ImageShape(1, 4),
            "stage 4: a feature map of 1 x 1 cannot be made 2 times smaller",
        ),
        (
            architecture(Stage("conv", 10, 3, 1), norm="group", norm_groups=4),
            MNIST,
            "stage 1: 10 channels cannot be divided into norm_groups 4",
        ),
        (
            architecture(Stage("conv", 8, 3, 1), stem=3, norm="group", norm_groups=2),
            MNIST,
            "the stem: 3 channels cannot be divided into norm_groups 2",
        ),
        (
            architecture(Stage("conv", 8, 3, 1), Stage("inverted", 8, 3, 1, 3), norm="group", norm_groups=16),
            MNIST,
            "the stem: 8 channels cannot be divided into norm_groups 16",
        ),
    ],
)
def test_a_network_that_cannot_be_is_refused_in_the_words_of_its_parameters(
    point: Architecture, image: ImageShape, line: str
) -> None:
    with pytest.raises(ImpossibleError, match=re.escape(line)):
        build(point, image, classes=10)


def test_a_block_adds_to_its_input_only_where_that_is_what_the_operation_means() -> None:
    stages = (Stage("inverted", 8, 3, 2, 2), Stage("inverted", 8, 3, 2, 2), Stage("residual", 8, 3, 1))
    network = build(architecture(*stages), MNIST, classes=10)
    added = [[isinstance(block, Residual) for block in stage] for stage in list(network)[1:-1]]
    assert added == [[True, True], [False, True], [True]], "not where MobileNetV2 halves the image"


def test_the_sketch_is_of_the_module_not_of_the_parameters() -> None:
    network = build(architecture(Stage("conv", 8, 3, 2), Stage("inverted", 12, 5, 1, 2)), MNIST, classes=10)
    before = columns(network, MNIST)
    assert [column.shape for column in before] == [(8, 28, 28), (8, 28, 28), (12, 14, 14), (10,)]
    assert before[1].lines == ("3x3 to 8, 2 times",)
    assert before[2].lines == ("1x1 to 16", "5x5 depthwise, /2", "1x1 to 12")
    assert sum(column.params for column in before) == count_params(network)
    network.stage_2 = nn.Conv2d(8, 9, 7, padding=3)  # whatever was asked for
    network.head[-1] = nn.Linear(9, 10)
    assert columns(network, MNIST)[2].lines == ("7x7 to 9",)
    assert "7x7 to 9" in sketch(network, MNIST)


def test_measuring_leaves_the_network_and_the_random_state_as_they_were() -> None:
    network = build(architecture(Stage("conv", 8, 3, 1), dropout=0.5), MNIST, classes=10).train()
    weights = {name: value.clone() for name, value in network.state_dict().items()}
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    latency = measure_latency(network, MNIST, torch.device("cpu"))
    count_macs(network, MNIST)
    sketch(network, MNIST)
    assert latency.median > 0
    assert latency.spread >= 0
    assert network.training
    assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
