"""The reader: everything that reads rows of a built dataset goes through this package.

`opening.open_files` opens a dataset's files (a folder, an fsspec URL, one commit on the Hub), and `parquet` reads row
groups and columns of one file. On these stand `reader.DatasetReader` (rows by number, filters, samples, sources; for
the app), `samples` (for card and verify) and `load.load` (for training).
"""
