"""Training: a small network, its losses and scores, and `evaluate`, which tells what it learns from a dataset.

The network, losses and scores work on tensors alone. `examples/train.py` shows the whole way, from `fgbg_depth.load` to
a checkpoint.
"""
