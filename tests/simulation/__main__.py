"""`make simulate`: many schedules, one seed after the other; or one seed, call by call."""

import time
from collections import Counter
from collections.abc import Iterator

import click
from tests.simulation.promises import Violation
from tests.simulation.schedule import Kind, schedule
from tests.simulation.simulate import simulate

_EVERY = 2000
"""Seeds between two lines of progress."""


@click.command()
@click.option("--seeds", default=8_000, help="How many schedules.")
@click.option("--first", default=0, help="The first seed.")
@click.option("--seed", type=int, help="Replay this one, with a trace of calls, faults and states.")
def main(seeds: int, first: int, seed: int | None) -> None:
    """The engine over simulated ports, under faults before and after every call."""
    if seed is None:
        _many(range(first, first + seeds))
    else:
        _one(seed)


def _many(seeds: range) -> None:
    faults, checks, calls, passes, broken = Counter[Kind](), Counter[str](), 0, 0, list[int]()
    begin = time.perf_counter()
    for done, seed in enumerate(seeds, 1):
        try:
            report = simulate(schedule(seed))
        except Violation as violation:
            broken.append(seed)
            click.echo(f"seed {seed}: {violation}")
        else:
            faults, checks = faults + report.faults, checks + report.checks
            calls, passes = calls + report.calls, passes + report.passes
        if done % _EVERY == 0 or done == len(seeds):
            seconds = time.perf_counter() - begin
            click.echo(f"{done:,} schedules in {seconds:.0f} s, {60 * done / seconds:,.0f} a minute")
    click.echo(f"\n{passes:,} passes, {calls:,} calls to ports, {sum(faults.values()):,} faults injected")
    click.echo("\n".join(_table(faults)))
    click.echo(f"\n{sum(checks.values()):,} checks of {len(checks)} promises")
    click.echo("\n".join(_table(checks)))
    if broken:
        raise SystemExit(f"\n{len(broken)} schedules broke a promise; replay one: make simulate SEED={broken[0]}")
    click.echo("\nevery promise was kept")


def _one(seed: int) -> None:
    chosen = schedule(seed)
    click.echo(f"{chosen.scenario}\n" + "\n".join(f"job {n}: {f}" for n, f in enumerate(chosen.fates, 1)))
    try:
        report = simulate(chosen, trace=click.echo)
    except Violation as violation:
        raise SystemExit(f"\n{violation}") from violation
    click.echo(f"\nevery promise was kept: {report.passes} passes, {report.calls} calls")


def _table(counts: "Counter[Kind] | Counter[str]") -> Iterator[str]:
    width = max(map(len, counts), default=0)
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        yield f"  {name:{width}} {count:>9,}"


if __name__ == "__main__":
    main()
