"""The names of the data sets that can be trained on; `data` has MNIST, `cnn.datasets` the others."""

DATASETS = ("mnist", "fashion-mnist", "kmnist", "cifar10", "folder")
