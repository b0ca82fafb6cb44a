"""DenseDepth in transformers' form, and the conversion of the authors' weights to it.

The model is `configuration`, `modeling` and `image_processing`; `transformers_hooks` registers it. `download` fetches
the authors' Keras files and `convert` turns one into a model folder: `keras_file` reads the file, `keras_graph` or, for
a weights-only file, `keras_names` recognises the network, and `report` describes the result.
"""
