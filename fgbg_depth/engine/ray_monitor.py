"""Messages about a Ray cluster on stderr: why nothing happens, and that a node was lost.

Ray's own messages are many and go to stdout.
"""

from __future__ import annotations

import sys
import time
from typing import Any

SLOW_START_S = 30  # after the start without a finished shard for so long, say why
NODE_CHECK_S = 5  # time between two looks at the cluster's nodes


class ClusterMonitor:
    """Watches the progress of a build on a Ray cluster; `check` is called about once a second."""

    def __init__(self, ray: Any) -> None:
        self.ray, self.started_at = ray, time.monotonic()
        self.is_quiet = False  # a shard was finished, or the message about the slow start was printed
        self.next_node_check, self.num_nodes = self.started_at, 0

    def check(self, any_finished: bool) -> None:
        """Print what there is to say.

        Args:
            any_finished: whether a shard was finished since the last call.
        """
        now = time.monotonic()
        if not (any_finished or self.is_quiet) and now > self.started_at + SLOW_START_S:
            self.is_quiet = True
            print("Waiting for Ray: no CPU or GPU is free, or the first shards take long.", file=sys.stderr)
        self.is_quiet |= any_finished
        if now >= self.next_node_check:
            self.next_node_check = now + NODE_CHECK_S
            num_nodes = sum(node["Alive"] for node in self.ray.nodes())
            if num_nodes < self.num_nodes:
                print("A node of the cluster was lost. Other nodes build its shards again.", file=sys.stderr)
            self.num_nodes = num_nodes
