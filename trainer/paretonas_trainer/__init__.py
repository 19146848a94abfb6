"""The trials of the examples: `python -m paretonas_trainer`.

It trains the perceptron of the tutorial "Multi-Objective NAS with Ax", or with `--model cnn` a convolutional network.

Nothing is imported here: `arguments` and `data` find a mistake before torch is loaded, which takes seconds.
"""
