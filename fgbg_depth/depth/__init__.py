"""Depth models: which there are, what their values mean, and the labeller that runs them in batches.

Importing this package is cheap: torch and transformers are imported by the functions that need them.
"""
