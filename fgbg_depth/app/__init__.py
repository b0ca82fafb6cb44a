"""The demo: look around in a dataset with a browser. Needs gradio, pyarrow, numpy and Pillow; no torch."""
