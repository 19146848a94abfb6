"""Python functions as trials: how one is stored for the processes that call it, and when it counts as changed."""

import base64
import functools
import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

from paretonas.api import InvalidDocument, NASExperiment, Problem
from paretonas.backends.local import files
from paretonas.backends.local.store import EXPERIMENT_FILE, StoreError, exclusive, read_trials
from paretonas.call_function import FUNCTION_FILE
from paretonas.engine.wording import count
from paretonas.extras import Extra, require_module

Function = Callable[[dict[str, Any]], Any]
"""From a trial's parameters to its metrics, by name; a generator gives the metrics of each step."""


def store_function(function: Function, experiment: NASExperiment, folder: Path) -> None:
    """Store the function for the trials of an experiment, in its folder.

    Raises:
        InvalidDocument: The function cannot be sent to another process.
        StoreError: The folder has results of another version of the function, or cannot be used.
    """
    file, code = folder / FUNCTION_FILE, digest(function)
    stored = {
        "digest": code,
        "needed": sorted(experiment.spec.needed_metrics - experiment.spec.formulas.keys()),
        "path": [folder or str(Path.cwd()) for folder in sys.path],
        "function": base64.b64encode(_pickle(function)).decode(),
    }
    with exclusive(folder):
        if _differs(file, code) and (results := _results(folder)):
            raise StoreError(
                f"{folder} has {count(results, 'result')} of another version of the function, which would not compare; "
                f"rename the experiment, or delete the stored one: paretonas delete {experiment.name}"
            )
        try:
            files.write(file, json.dumps(stored))
        except OSError as error:
            raise StoreError(f"cannot write {file}: {error.strerror}; free space, or give another runs=") from error


def _differs(file: Path, code: str) -> bool:
    """Whether another function was stored before, by the same version of Python: others compile to other code."""
    try:
        before = str(json.loads(file.read_text(encoding="utf-8"))["digest"])
    except FileNotFoundError:
        return False
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{file} cannot be read: {error}; remove it") from error
    return before != code and before.split(maxsplit=1)[0] == code.split(maxsplit=1)[0]


def _results(folder: Path) -> int:
    """The number of stored trials with a result."""
    if not (folder / EXPERIMENT_FILE).exists():
        return 0
    return sum(t.status.state == "Succeeded" and bool(t.status.attempts) for t in read_trials(folder))


def _pickle(function: Function) -> bytes:
    require_module("cloudpickle", Extra.LOCAL)
    import cloudpickle  # noqa: PLC0415 # after the check

    if not callable(function):
        problem = Problem("function", "is not a function", "pass a function from parameters to metrics", repr(function))
        raise InvalidDocument([problem])
    try:
        pickled: bytes = cloudpickle.dumps(function)
    except Exception as error:  # noqa: BLE001 # whatever the objects that it uses raise
        message = f"cannot be sent to a process of its own: {' '.join(str(error).split())}"
        remedy = "create what it uses (files, connections, locks, devices) inside the function"
        raise InvalidDocument([Problem("function", message, remedy)]) from None
    return pickled


def digest(function: object) -> str:
    """A digest of a function's code with the functions and plain values of the notebook that it uses.

    Comments, names of files and places in them do not count, so a cell that is run again gives the same one. It is only
    compared for the same version of Python, whose name it begins with.
    """
    parts = "\n".join(_parts(function, set()))
    return f"{sys.implementation.cache_tag} {hashlib.sha256(parts.encode()).hexdigest()}"


def _parts(of: object, seen: set[int]) -> Iterator[str]:
    """What makes up a function, as text."""
    if isinstance(of, functools.partial):
        yield from (part for value in (of.func, *of.args, *of.keywords.values()) for part in _parts(value, seen))
    elif isinstance(of, FunctionType):
        if id(of) in seen:
            return
        seen.add(id(of))
        yield from _code(of.__code__)
        cells = [cell.cell_contents for cell in of.__closure__ or () if not _empty(cell)]
        used = [of.__globals__[name] for name in _names(of.__code__) if name in of.__globals__]
        own = used if of.__module__ == "__main__" else []
        for value in (*cells, *(of.__defaults__ or ()), *(of.__kwdefaults__ or {}).values(), *own):
            yield from _parts(value, seen)
    elif isinstance(of, (bool, int, float, str, bytes, type(None))):
        yield repr(of)
    elif isinstance(of, (tuple, list)):
        yield from (part for value in of for part in _parts(value, seen))
    elif isinstance(of, Mapping):
        yield from (part for key, value in of.items() for item in (key, value) for part in _parts(item, seen))
    elif callable(of) and isinstance(call := getattr(type(of), "__call__", None), FunctionType):  # noqa: B004 # its code
        yield from _parts(call, seen)


def _empty(cell: Any) -> bool:
    try:
        return cell.cell_contents is cell
    except ValueError:  # a function that is not defined yet
        return True


def _code(code: CodeType) -> Iterator[str]:
    yield code.co_code.hex()
    yield " ".join((*code.co_names, *code.co_varnames))
    for value in code.co_consts:
        if isinstance(value, CodeType):
            yield from _code(value)
        else:  # the order of a set is another in each process
            yield repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)


def _names(code: CodeType) -> list[str]:
    inner = (name for value in code.co_consts if isinstance(value, CodeType) for name in _names(value))
    return [*code.co_names, *inner]
