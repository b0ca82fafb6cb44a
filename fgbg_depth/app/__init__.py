"""The app: browse a dataset in the browser. Needs gradio, markdown-it-py, nh3, pyarrow, numpy and Pillow; no torch.

`launch` starts the server, `page` lays out the controls, `handlers` and `endpoints` answer events and API calls.
The `view_*` modules turn rows and statistics into plain values and render the templates with them.
"""
