"""Cut-outs made from photographs: a matte from a model or from a file, colours without the old background, a crop,
checks, and a file `SOURCES.md` that says where they come from. `make.make_cutouts` is the whole of it.
"""
