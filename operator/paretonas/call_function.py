"""The process of one trial that is a Python function: calls it, and logs what it returns.

It is started as ``python -m paretonas.call_function`` with the environment of a trial. `python/functions.py` has stored
the function in the folder of its experiment, two above the log folder. Only the standard library is imported before the
function, so that the process starts in no time.
"""

import base64
import json
import os
import pickle
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

FUNCTION_FILE: Final = "function.json"
"""In the experiment's folder: ``function``, by cloudpickle and in base64; ``needed``, the metrics that it must return;
``path``, where modules are imported from; ``digest``, of its code."""

_PLUGIN: Final = "scalars"
"""TensorBoard's, which shows curves."""


def main() -> None:
    """Call the function; the exit code is 1, after a line that says why, if it has given no result."""
    log_dir = Path(os.environ["PARETONAS_LOG_DIR"])
    file = log_dir.parents[1] / FUNCTION_FILE
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        sys.exit(f"{file} does not exist: this trial is a Python function, which pn.run(experiment, f) stores")
    path = stored["path"]
    sys.path[:] = [*path, *(folder for folder in sys.path if folder not in path)]
    function = pickle.loads(base64.b64decode(stored["function"]))  # noqa: S301 # the user's own, as any trial's script
    _log(function(json.loads(os.environ["PARETONAS_PARAMETERS"])), stored["needed"], log_dir)


def _log(returned: Any, needed: Sequence[str], log_dir: Path) -> None:
    """Write what the function has returned as scalars of TensorBoard. Exits if it is not what is needed."""
    from tensorboard.summary.writer.event_file_writer import EventFileWriter  # noqa: PLC0415 # see the module's docstring

    writer = EventFileWriter(str(log_dir))
    last: dict[str, float] = {}
    for step, metrics in enumerate(returned, 1) if isinstance(returned, Iterator) else [(0, returned)]:
        values = _numbers(metrics)
        last |= values
        writer.add_event(_event(step, values))
        writer.flush()
    writer.close()
    missing = [name for name in needed if name not in last]
    if missing:
        found = ", ".join(map(repr, last)) or "nothing"
        sys.exit(f"the function returned no {missing[0]!r}, only {found}; return a dict with {', '.join(needed)}")


def _numbers(metrics: Any) -> dict[str, float]:
    if not isinstance(metrics, Mapping):
        sys.exit(f"the function returned {metrics!r:.200}, which is not a dict of metrics, as {{'acc': 0.97}}")
    return {str(name): _number(name, value) for name, value in metrics.items()}


def _number(name: Any, value: Any) -> float:
    """The value as a number: Python's, NumPy's, or a tensor with one element."""
    if not isinstance(value, (str, bytes)):
        try:
            return float(value)
        except (TypeError, ValueError, RuntimeError, OverflowError):  # RuntimeError: a tensor of several elements
            pass
    sys.exit(f"the function returned {value!r:.200} for {name!r}, which is not a number")


def _event(step: int, values: Mapping[str, float]) -> Any:
    """An event with the values in double precision; TensorBoard's own functions would round them to single."""
    from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, types_pb2  # noqa: PLC0415 # as above

    plugin = summary_pb2.SummaryMetadata.PluginData(plugin_name=_PLUGIN)
    metadata = summary_pb2.SummaryMetadata(plugin_data=plugin, data_class=summary_pb2.DATA_CLASS_SCALAR)
    scalars = [
        summary_pb2.Summary.Value(
            tag=name,
            metadata=metadata,
            tensor=tensor_pb2.TensorProto(dtype=types_pb2.DT_DOUBLE, double_val=[value]),
        )
        for name, value in values.items()
    ]
    return event_pb2.Event(wall_time=time.time(), step=step, summary=summary_pb2.Summary(value=scalars))


if __name__ == "__main__":
    main()
