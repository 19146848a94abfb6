"""TensorBoard event files → the metrics of a trial.

Any image that writes TensorBoard scalars is a trial: torch, Lightning, tensorboardX, TensorFlow 2 and JAX all
write the same files. They are read here without TensorBoard or protobuf, in small pure steps: `crc32c` checks
bytes, `records` finds them in a file, `events` finds scalars in them, `curve` and `runs` say which of these count,
`reading` makes one value per metric of them; only `folder` opens files. `process` does it all in a process apart.
"""

from paretonas.metrics.log_folder import LogFolder
from paretonas.metrics.reader import LogReader, count_logged, read
from paretonas.metrics.reduction import Reading, Unread, Wanted

__all__ = ["LogFolder", "LogReader", "Reading", "Unread", "Wanted", "count_logged", "read"]
