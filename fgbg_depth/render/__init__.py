"""Pixels and bytes: paste a cut-out (`blend`), encode and decode images (`png`, `jpeg`, `codecs`), and compose the rows
of a cut-out on a background (`compose`), for which `jpeg_strips` reuses the background's JPEG.
"""
