"""Depth models that transformers does not have: a function of another package, or one that runs in another Python."""
