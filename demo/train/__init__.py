"""Trains the bundled depth network on rendered scenes with pasted cut-outs, measures it, and exports it.

Needs torch, transformers and fgbg_depth besides what `demo.render` needs.
"""
