"""Build a dataset: the pipeline from sources to card, one shard, slices, the dry run, and the `datasets` builder."""
