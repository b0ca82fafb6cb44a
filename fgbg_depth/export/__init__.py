"""Export a finished dataset into formats that other tools read: plain folders, COCO, YOLO, WebDataset.

`run.export` does the work. `selection` reads the chosen rows, `folder` knows what a folder already holds, and each
format is one file with a subclass of `format.Format`, listed in `formats`.
"""
