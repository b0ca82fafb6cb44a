"""A row before it has pixels: which cut-out goes where (`layers`), decided from keyed randomness."""
