"""Training: a small network, its losses and scores, and `evaluate`, which tells what it learns from a dataset.

Only `torch` is needed. `examples/train.py` shows the whole way from `fgbg_depth.load` to a checkpoint.
"""
