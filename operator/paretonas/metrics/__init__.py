"""TensorBoard event files → the metrics of a trial.

Any image that writes TensorBoard scalars is a trial: torch, Lightning, tensorboardX, TensorFlow 2 and JAX all
write the same files. They are read here without TensorBoard or protobuf, in small pure steps: `crc32c` checks
bytes, `records` finds them in a file, `events` finds scalars in them, `reading` makes one value per metric of
these; only `reader` opens files.
"""

from paretonas.metrics.reader import LogReader, logged, read
from paretonas.metrics.reading import Reading, Wanted

__all__ = ["LogReader", "Reading", "Wanted", "logged", "read"]
