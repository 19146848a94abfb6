from typing import Any

import pytest
from hypothesis import settings

# deadline: how long an example takes says nothing on a busy machine; derandomize: the same examples each time
settings.register_profile("api", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("api")


@pytest.fixture
def document() -> dict[str, Any]:
    """The least that makes an experiment, to be changed by the test."""
    return {
        "apiVersion": "paretonas.io/v1alpha1",
        "kind": "NASExperiment",
        "metadata": {"name": "x"},
        "spec": {
            "objectives": [{"metric": "m", "goal": "Maximize"}],
            "parameters": [{"name": "a", "float": {"min": 0, "max": 1}}],
            "maxTrials": 2,
            "trial": {"command": ["python"]},
        },
    }
