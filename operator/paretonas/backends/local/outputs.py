"""The output folders of trials below a folder."""

from collections.abc import Sequence
from pathlib import Path

from paretonas.api import NASExperiment, NASTrial
from paretonas.backends.output_folders import find_output, remove_output
from paretonas.jobs.job import Removal


class FolderOutputs:
    """Finds and removes the output folders of one experiment's trials."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def find(self, trial: NASTrial) -> str | None:
        """The folder in which a trial has kept something, below the root; None if there is none."""
        return find_output(self._root, trial)

    def remove(self, experiment: NASExperiment, trials: Sequence[NASTrial]) -> Removal:  # noqa: ARG002 # of the port
        """Remove the folders at once."""
        gone, problem = set[str](), ""
        for trial in trials:
            try:
                remove_output(self._root, trial)
                gone.add(trial.name)
            except OSError as error:
                why = f"{error.filename or 'a file in it'}: {error.strerror or error}"
                problem = f"the output folder of {trial.name} cannot be removed ({why}); remove it"
        return Removal(frozenset(gone), problem)
