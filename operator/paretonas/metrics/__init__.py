"""Reading a trial's metrics from TensorBoard event files.

Any program that writes TensorBoard scalars can be a trial: torch, Lightning, tensorboardX, TensorFlow 2 and JAX all
write the same files. They are read here without TensorBoard or protobuf, in small steps: `crc32c` computes checksums,
`tfrecord` finds the records of a file, `events` finds the scalars in records, `curve` and `run_choice` decide which of
them count, and `reduction` reduces them to one value per metric. `live_curves` reads logs on while they grow, and
`thinning` makes long curves short. Only `log_folder` and `reader` open files, and `reader_process` does all of it in a
separate process.
"""

from paretonas.metrics.curve import Points
from paretonas.metrics.findings import Series
from paretonas.metrics.live_curves import LiveCurves
from paretonas.metrics.log_folder import LogFolder
from paretonas.metrics.reader import LogReader, count_logged, read
from paretonas.metrics.reduction import Logged, Reading, Unread, Wanted

__all__ = [
    "LiveCurves",
    "LogFolder",
    "LogReader",
    "Logged",
    "Points",
    "Reading",
    "Series",
    "Unread",
    "Wanted",
    "count_logged",
    "read",
]
