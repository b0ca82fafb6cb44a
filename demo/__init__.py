"""Makes what the package ships for a first run: rendered backgrounds, rendered cut-outs and a small depth network."""
