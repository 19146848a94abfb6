"""The spaces of docs/your-search-space.md are spaces."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from paretonas.api import load_experiment

BLOCKS = re.findall(r"^```yaml\n(.*?)^```", Path("docs/your-search-space.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", BLOCKS, ids=range(len(BLOCKS)))
def test_a_space_of_the_page_is_valid(text: str) -> None:
    spec: dict[str, Any] = {
        "objectives": [{"metric": "val_acc", "goal": "Maximize"}],
        "maxTrials": 60,
        "trial": {"command": ["true"]},
        **yaml.safe_load(text),
    }
    document = {"apiVersion": "paretonas.io/v1alpha1", "kind": "NASExperiment", "metadata": {"name": "page"}}
    experiment = load_experiment(yaml.safe_dump({**document, "spec": spec}))
    assert len(experiment.spec.parameters) == len(spec["parameters"])


def test_the_page_has_spaces() -> None:
    assert len(BLOCKS) >= 5
