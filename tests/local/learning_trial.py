"""A trial that learns, and logs its accuracy while it runs.

python learning_trial.py END SIZE SECONDS LOG_DIR
"""

import sys
from pathlib import Path

from quick_trial import learn  # type: ignore[import-not-found] # beside this file, which is only run as a script

if __name__ == "__main__":
    learn(float(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]), Path(sys.argv[4]))
