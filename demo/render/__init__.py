"""Renders the bundled backgrounds and cut-outs with numpy alone.

Backgrounds are scenes of solids that are ray-cast to a picture and its exact depth; cut-outs are bodies described by
signed distance functions that are sphere-traced to RGBA.
"""
