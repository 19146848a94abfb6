"""Ax's view of a point to the model's and back: one Ax transform in place of its eight for parameters."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from ax.adapter.data_utils import ExperimentData
from ax.adapter.transforms.base import Transform
from ax.core.observation import ObservationFeatures
from ax.core.parameter import ParameterType, RangeParameter
from ax.core.search_space import SearchSpace

from paretonas.search.columns import Codes
from paretonas.search.problem import ax_point
from paretonas.search.space import Space


class Encode(Transform):
    """Parameters to the features of `Space`, each in [0, 1]."""

    def __init__(
        self,
        search_space: SearchSpace | None = None,
        experiment_data: ExperimentData | None = None,
        adapter: Any = None,
        config: dict[str, Any] | None = None,
    ) -> None:
        """Take the space from the configuration's ``space``."""
        super().__init__(
            search_space=search_space, experiment_data=experiment_data, adapter=adapter, config=config
        )
        self._space: Space = self.config["space"]  # type: ignore[assignment] # Ax lists the types of a configuration

    def transform_search_space(self, search_space: SearchSpace) -> SearchSpace:  # noqa: ARG002 # known already
        """A box of features; conditions and constraints are kept by the optimiser."""
        names = self._space.feature_names
        return SearchSpace(
            [
                RangeParameter(name=name, parameter_type=ParameterType.FLOAT, lower=0.0, upper=1.0)
                for name in names
            ]
        )

    def transform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """Replace each point's parameters by its features; none (Ax's empty fixed features) stay none."""
        points = [point for point in observation_features if point.parameters]
        for point, row in zip(points, self._features([p.parameters for p in points]).tolist(), strict=True):
            point.parameters = dict(zip(self._space.feature_names, row, strict=True))
        return observation_features

    def untransform_observation_features(
        self, observation_features: list[ObservationFeatures]
    ) -> list[ObservationFeatures]:
        """The points of the given features; nothing stays nothing."""
        for point in filter(lambda point: point.parameters, observation_features):
            row = np.array([[point.parameters[name] for name in self._space.feature_names]], dtype=np.float64)
            point.parameters = ax_point(self._space, self._space.decode(self._space.from_features(row)[0]))
        return observation_features

    def transform_experiment_data(self, experiment_data: ExperimentData) -> ExperimentData:
        """Replace the columns of the parameters by those of the features."""
        arms = experiment_data.arm_data
        names = [p.name for p in self._space.spec.parameters]
        rows = self._features(
            [dict(zip(names, row, strict=True)) for row in arms[names].to_numpy(dtype=object)]
        )
        frame = pd.DataFrame(rows, index=arms.index, columns=self._space.feature_names)
        frame["metadata"] = arms["metadata"]
        return ExperimentData(arm_data=frame, observation_data=experiment_data.observation_data)

    def _features(self, points: Sequence[dict[str, Any]]) -> Codes:
        """Of flat points: Ax has filled in inactive parameters, so their columns are put at rest again."""
        return self._space.features(self._space.encode(points))
