"""Run the shards of a build: in this process, in local worker processes, or on a Ray cluster.

An engine knows the interfaces of `job` only, so it can run any work that is divided into tasks.
"""
