"""Is an output complete and correct? `check.verify` compares it with its manifest, recipe and prepared sources.

`files` checks names and hashes, `expected` computes what the output should contain, `shard` and `row_images` compare
rows with that, `computed_files` checks statistics.json and the card, and `labels` predicts depth again.
"""
