"""Faults for the loopback Hub: which request fails, and how."""

import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

TEMPORARY_KINDS = ("500", "503", "429", "reset", "lost", "stall")


@dataclass
class Fault:
    """How a request fails.

    Args:
        kind: a status code as text ("503"); "reset": the connection is closed before anything is done; "lost":
            the request is carried out and the connection closed before the response; "stall": the connection is
            closed after `stall_s` without an answer; "late": carried out, answered after `stall_s`.
        on: regular expression that is searched in "METHOD /path".
        times: number of matching requests that fail.
        skip: number of matching requests that succeed before the first fault.
    """

    kind: str
    on: str = ""
    times: int = 1
    skip: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "injected fault"
    stall_s: float = 3.0


class Faults:
    """The faults of a Hub: first the rules, then `chance`, a function of the request's line. `done` lists past ones."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []
        self.chance: Callable[[str], Fault | None] | None = None
        self.done: list[tuple[str, str]] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        self.rules.append(fault)

    def clear(self) -> None:
        self.rules.clear()
        self.chance = None

    def take(self, line: str) -> Fault | None:
        """The fault for a request, or None."""
        with self._lock:
            fault = self._take(line)
            if fault is not None:
                self.done.append((fault.kind, line))
            return fault

    def _take(self, line: str) -> Fault | None:
        for fault in self.rules:
            if fault.times > 0 and re.search(fault.on, line):
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                fault.times -= 1
                return fault
        return self.chance(line) if self.chance else None


def random_faults(rng: random.Random, probability: float) -> Callable[[str], Fault | None]:
    """A function that lets each request fail with this probability, in a random temporary way."""

    def chance(line: str) -> Fault | None:
        if rng.random() >= probability:
            return None
        kind = rng.choice(TEMPORARY_KINDS)
        return Fault(kind, headers={"Retry-After": "0"} if kind == "429" else {}, stall_s=1.5)

    return chance
