"""The MNIST trial of the tutorial "Multi-Objective NAS with Ax": `python -m paretonas_trainer`.

Nothing is imported here: `arguments` and `data` find a mistake before torch is loaded, which takes seconds.
"""
