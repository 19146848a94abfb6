"""What a trial trains, and on what."""

from dataclasses import dataclass

import torch

from paretonas_trainer.arguments import Trial
from paretonas_trainer.cnn.arguments import CnnTrial
from paretonas_trainer.dataset import Batches, Order, load
from paretonas_trainer.model import Classifier, MnistModel, WholeEpoch
from paretonas_trainer.ranks import Ranks

WHOLE_SET = 10_000  # images to a batch of a perceptron's validation: it needs no gradients, and fits any device
VALIDATION_BATCH = 500  # images, of convolutional networks: their feature maps are many times larger than the images


@dataclass(frozen=True)
class Task:
    """A network to train, its training data, and the images that it is validated on after each epoch."""

    model: Classifier
    epoch: WholeEpoch
    validation: Batches


def perceptron_task(trial: Trial, order: Order, device: torch.device) -> Task:
    """The tutorial's network on MNIST."""
    model = MnistModel(trial)
    images, labels = load(trial.data_dir, "train", device)
    epoch = WholeEpoch(Batches(images, labels, trial.batch_size, order))
    return Task(model, epoch, Batches(*load(trial.data_dir, "t10k", device), WHOLE_SET))


def cnn_task(trial: CnnTrial, ranks: Ranks, order: Order, device: torch.device) -> Task:
    """A convolutional network on its data set; its sketch is written to the output folder.

    Raises:
        ImpossibleError: the parameters describe no network.
        DataError: the data set has too few images, or they cannot be read.
    """
    from paretonas_trainer.cnn import datasets  # noqa: PLC0415 # imports torchvision, which a perceptron does not need
    from paretonas_trainer.cnn.model import CnnModel  # noqa: PLC0415 # as above

    found = datasets.load(trial.dataset, trial.data_dir, device, trial.train_images, trial.image_size)
    size = trial.training.batch_size
    batches = max(1, len(found.train[1]) // ranks.world // size)
    model = CnnModel(trial, found.image, found.classes, batches, device)
    if trial.output_dir is not None and ranks.first:
        model.draw(trial.output_dir)
    # Whole batches only: batch normalisation says little of a few images, and a compiler wants one shape.
    epoch = WholeEpoch(Batches(*found.train, size, order, whole_only=True))
    return Task(model, epoch, Batches(*found.validation, VALIDATION_BATCH))
