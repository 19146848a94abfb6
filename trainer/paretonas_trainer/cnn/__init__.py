"""Convolutional networks with a variable depth: `python -m paretonas_trainer --model cnn`.

`network` builds one from an `Architecture`, and is the page to copy for a space of your own; `model` trains it; `costs`
counts and measures; `sketch` draws. Nothing is imported here, as arguments are checked before torch is loaded.
"""
