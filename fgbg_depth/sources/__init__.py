"""Backgrounds and cut-outs: found, decoded, checked and prepared by `load`, stored as the configs `bg` and `fg` and
read back by `prepared`.
"""
