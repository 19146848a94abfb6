"""`make mutants`: bugs planted in the engine, each of which the simulation must find."""

import importlib.util
import sys
from dataclasses import dataclass
from types import ModuleType
from unittest.mock import patch

import click
from tests.simulation.planted import MUTANTS, Mutant
from tests.simulation.promises import Violation
from tests.simulation.schedule import schedule
from tests.simulation.simulate import simulate

from paretonas.engine.engine import Engine

_MODULES = (
    "early_stopping.curves",
    "early_stopping.dominance",
    "early_stopping.imputation",
    "early_stopping",
    "running_curves",
    "consequences",
    "reference_point",
    "trial_order",
    "goals",
    "decide",
    "pareto_front",
    "savings",
    "summary",
    "progress",
    "trial_indices",
    "warm_start",
    "retry",
    "outputs",
    "engine",
)
"""Of paretonas.engine, in the order of their imports."""

MOST_SCHEDULES = 10_000
"""A bug that shows in none of so many is not found."""


@dataclass(frozen=True, slots=True)
class Catch:
    """How it was found."""

    seed: int
    violation: Violation


def mutated(mutant: Mutant) -> type[Engine]:
    """The engine with the bug, made of copies of the modules; the real ones are left alone."""
    modules: dict[str, ModuleType] = {}
    with patch.dict(sys.modules):
        for name in _MODULES:
            modules[name] = _copy(name, mutant)
    engine: type[Engine] = modules["engine"].Engine
    return engine


def _copy(name: str, mutant: Mutant) -> ModuleType:
    spec = importlib.util.find_spec(f"paretonas.engine.{name}")
    assert spec is not None
    assert spec.loader is not None
    source = spec.loader.get_source(spec.name)  # type: ignore[attr-defined] # a loader of source files
    if name == mutant.module:
        if source.count(mutant.old) != 1:
            raise ValueError(f"{mutant.name}: {mutant.old!r} is not there once in engine/{name}.py")
        source = source.replace(mutant.old, mutant.new)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    exec(compile(source, f"<{mutant.name}>", "exec"), module.__dict__)  # noqa: S102 # our own source
    return module


def catch(mutant: Mutant, most: int = MOST_SCHEDULES) -> Catch | None:
    """The first seed that shows the bug."""
    engine = mutated(mutant)
    for seed in range(most):
        try:
            simulate(schedule(seed), engine)
        except Violation as violation:
            return Catch(seed, violation)
    return None


@click.command()
def main() -> None:
    """Let the simulation find each."""
    missed = 0
    for mutant in MUTANTS:
        caught = catch(mutant)
        missed += caught is None
        found = f"seed {caught.seed:<6} {caught.violation}" if caught else "NOT CAUGHT"
        click.echo(f"{mutant.name:50} {found[:120]}")
    click.echo(f"\n{len(MUTANTS) - missed} of {len(MUTANTS)} planted bugs were caught")
    raise SystemExit(missed)


if __name__ == "__main__":
    main()
