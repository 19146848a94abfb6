"""Shared parts of the search benchmarks: runs in processes of their own, results as JSON and Markdown."""

import argparse
import json
import logging
import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.rivals import METHODS
from benchmarks.tables import NAMES

Result = dict[str, Any]
"""One finished run: its key (what was run) and what was measured."""


def parser(description: str, *, methods: Sequence[str], tables: Sequence[str], seeds: int) -> argparse.ArgumentParser:
    """The options of both search benchmarks, with these defaults."""
    options = argparse.ArgumentParser(description=description)
    add = options.add_argument
    add("--methods", nargs="+", choices=METHODS, default=methods, help="default: %(default)s")
    add("--tables", nargs="+", choices=NAMES, default=tables, help="default: %(default)s")
    add("--seeds", type=int, default=seeds, metavar="N", help="seeds 0 to N-1; default: %(default)s")
    add("--json", type=Path, metavar="OUT", help="keep results here; what it holds is not run again")
    add("--merge", type=Path, nargs="+", default=[], metavar="FILE", help="show these earlier results too")
    return options


def measure(
    function: Callable[..., Result],
    keys: Sequence[Result],
    options: argparse.Namespace,
    summary: Callable[[Result], str],
) -> list[Result]:
    """Run `function(**key)` for each key that has no result yet.

    Args:
        function: Of a module's top level; returns what it measured.
        keys: What to run, in this order; all have the same fields.
        options: Parsed from `parser`.
        summary: Says on stderr how a run came out.

    Returns:
        One result for each run of this call, of `--json` and of `--merge`; that of `--json` where both have one.
    """
    fields = keys[0].keys()
    kept = _read(options.json, fields) if options.json and options.json.exists() else {}
    merged = {key: result for file in options.merge for key, result in _read(file, fields).items()}
    missing = [key for key in keys if tuple(key.values()) not in kept.keys() | merged.keys()]
    for number, key in enumerate(missing, start=1):
        result = key | in_own_process(function, key)
        kept[tuple(key.values())] = result
        name = " ".join(map(str, key.values()))
        print(f"[{number}/{len(missing)}] {name}: {summary(result)}", file=sys.stderr, flush=True)
        if options.json:
            options.json.write_text(json.dumps(list(kept.values())) + "\n")
    return list((merged | kept).values())


def in_own_process(function: Callable[..., Result], key: Result) -> Result:
    """Call `function(**key)` in a new process with one thread, so that no run is affected by another."""
    os.environ["OMP_NUM_THREADS"] = "1"  # read by numpy and torch when the child imports them
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=1, mp_context=spawn, initializer=_quiet) as process:
        return process.submit(function, **key).result()


def _quiet() -> None:
    """Silence the libraries' notes, which would hide the progress lines; errors are still raised."""
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; the first column holds names, the others numbers."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join(f"| {' | '.join(row)} |" for row in [header, rule, *rows])


def _read(file: Path, fields: Iterable[str]) -> dict[tuple[Any, ...], Result]:
    return {tuple(result[field] for field in fields): result for result in json.loads(file.read_text())}
