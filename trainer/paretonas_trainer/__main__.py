"""`python -m paretonas_trainer`: exit code 0, 2 for wrong arguments or a missing extra, 3 for data or disk, else 1."""

import os
import shlex
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from typing import NoReturn

from paretonas_trainer import data
from paretonas_trainer.arguments import Predict, Prepare, Trial, parse
from paretonas_trainer.cnn.architecture import ImpossibleError
from paretonas_trainer.cnn.arguments import CnnTrial
from paretonas_trainer.ranks import Ranks

NOT_INSTALLED = 2
CANNOT_READ_OR_WRITE = 3
INTERRUPTED = 130  # as a shell reports SIGINT
EXTRA = "paretonas[trainer]"
BROUGHT = ("filelock", "PIL", "pytorch_lightning", "tensorboard", "torch")
"""What a perceptron imports and the extra brings; without torchvision, MNIST is fetched from elsewhere."""
FORMATS = {"val_acc": ".4f", "val_loss": ".4f", "num_params": ".0f", "macs": ".0f", "latency_ms": ".3f"}
"""What a trial prints at its end, and how."""


def run(argv: Sequence[str], md5: Mapping[str, str] = data.MD5) -> int:
    """Run a trial, prepare the data, whose files must match `md5`, or predict; return the exit code.

    Raises:
        SystemExit: code 2: the arguments are wrong.
    """
    asked = parse(argv)
    only_mnist = not isinstance(asked, CnnTrial) and getattr(asked, "dataset", "mnist") == "mnist"
    needed = BROUGHT if only_mnist else (*BROUGHT, "torchvision")
    if missing := [name for name in needed if find_spec(name) is None]:
        command = shlex.join([sys.executable, "-m", "pip", "install", EXTRA])
        sys.stderr.write(f"paretonas_trainer: needs {EXTRA} (without {', '.join(missing)}); to install it: {command}\n")
        return NOT_INSTALLED
    if isinstance(asked, Predict):
        from paretonas_trainer.predict import predict  # noqa: PLC0415 # imports torch

        return predict(asked)
    # One thread: more gain nothing for so small networks, trials beside each other would fight for the cores,
    # and the same seed gives the same metrics on any number of cores.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    try:
        dataset = "mnist" if isinstance(asked, Trial) else asked.dataset
        if dataset == "mnist":
            data.prepare(asked.data_dir, md5)
        else:
            from paretonas_trainer.cnn import datasets  # noqa: PLC0415 # imports torch and torchvision

            datasets.prepare(dataset, asked.data_dir)
        if isinstance(asked, Prepare):
            sys.stdout.write(f"{'MNIST' if dataset == 'mnist' else dataset} is in {asked.data_dir}\n")
        else:
            asked.log_dir.mkdir(parents=True, exist_ok=True)
            return _train(asked)
    except data.DataError as error:
        return _fail(str(error))
    except OSError as error:
        return _fail(f"{error}: check --log-dir and --output-dir, their access and free space")
    return 0


def _train(trial: Trial | CnnTrial) -> int:
    from paretonas_trainer.quick_import import import_lightning  # noqa: PLC0415 # slow from here on

    import_lightning()
    from paretonas_trainer.saved import ModelError  # noqa: PLC0415 # imports torch
    from paretonas_trainer.train import log_infeasible, train  # noqa: PLC0415 # imports Lightning

    ranks = Ranks.told_by()
    try:
        metrics = train(trial, ranks)
    except ModelError as error:
        return _fail(str(error))
    except ImpossibleError as error:
        if ranks.first:
            sys.stdout.write(f"infeasible: {error}\n")
            log_infeasible(trial.log_dir)
        return 0
    if not ranks.first:
        return 0
    told = [f"{name}: {metrics[name]:{form}}" for name, form in FORMATS.items() if name in metrics]
    sys.stdout.write(f"{', '.join(told)}, train_time: {metrics['train_time']:.1f} s\n")
    return 0


def _fail(message: str) -> int:
    sys.stderr.write(f"paretonas_trainer: {message}\n")
    return CANNOT_READ_OR_WRITE


def main() -> NoReturn:
    """Run the command line, and exit without destroying torch's objects one by one, which costs 0.6 s."""
    # TensorBoard's writing thread hands its error on to who flushes, where it is told: once is enough.
    threading.excepthook = lambda _: None
    try:
        code = run(sys.argv[1:])
    except SystemExit as end:
        code = int(end.code or 0)
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception:  # noqa: BLE001 # shown as the interpreter would show it
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    main()
