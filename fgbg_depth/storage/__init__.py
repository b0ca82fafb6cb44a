"""Files of an output in a local folder or at an fsspec URL: written atomically, hashed, locked; and parquet files."""
