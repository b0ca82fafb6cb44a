"""A labeller function in a Python of its own: start it, send it batches of rows, read depth maps, and end it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
import weakref
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from fgbg_depth.depth.external.failures import labeller_error, last_lines
from fgbg_depth.depth.external.names import Program
from fgbg_depth.errors import DepthError

RUNNER = Path(__file__).with_name("runner.py")
CLOSE_S = 5.0  # more than the runner's EXIT_GRACE_S
KEPT_BYTES = 4000  # of stderr, for the error
# Labels must not depend on the number of cores; several cores are used by several workers.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME")  # they are for this Python and would mix its packages into the other


class LabellerProcess:
    """A running labeller program. It ends when it is closed, when this object is deleted, and when this process ends.

    Args:
        program: what to run.
        device: "cpu", "cuda", "cuda:N" or "mps"; passed to the function.
    Raises:
        DepthError: the program does not start, or has no such function.
    """

    def __init__(self, program: Program, device: str) -> None:
        self.name, self.device = program.name, device
        environment = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        if device == "cpu":
            environment |= ONE_THREAD
        try:
            self._process = subprocess.Popen(
                [program.python, str(RUNNER), program.module, program.function],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                start_new_session=True,  # Ctrl-C reaches this process, which then ends the program
            )
        except OSError as e:
            raise DepthError(
                f"depth model {self.name}: {program.python} cannot be started ({e}).\n  Check the path of the Python."
            ) from e
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._requests, self._replies = self._process.stdin, self._process.stdout
        self._stderr = _LastLines(self._process.stderr)
        self._finalizer = weakref.finalize(self, _close, self._process, self._stderr)
        self.stated = self._receive("while it was started")

    def __call__(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Depth maps of a batch.

        Args:
            images: (N, H, W, 3) uint8 sRGB, not empty.
        Returns:
            (N, H, W) float32; NaN = invalid.
        Raises:
            DepthError: the function fails or returns something wrong, or the process has ended.
        """
        header = {"shape": images.shape, "device": self.device}
        depth = np.empty(images.shape[:3], np.float32)
        during = f"while it labelled a batch of {len(images)} rows"
        try:
            self._requests.write(json.dumps(header).encode() + b"\n")
            self._requests.write(np.ascontiguousarray(images).data.cast("B"))
            self._requests.flush()
        except OSError as e:
            raise self._ended(during) from e
        self._receive(during)
        if self._replies.readinto(depth.data.cast("B")) != depth.nbytes:  # type: ignore[attr-defined]
            raise self._ended(during)
        return depth

    def close(self) -> None:
        """End the process, if it has not ended."""
        self._finalizer()

    def _receive(self, during: str) -> dict[str, Any]:
        """The next reply without its array.

        Raises:
            DepthError: it reports an error, or there is none because the process has ended.
        """
        line = self._replies.readline()
        if not line.endswith(b"\n"):
            raise self._ended(during)
        reply: dict[str, Any] = json.loads(line)
        if "error" in reply:
            raise labeller_error(self.name, reply["type"], reply["error"], reply["traceback"])
        return reply

    def _ended(self, during: str) -> DepthError:
        """The error for a process that ended without a reply."""
        with contextlib.suppress(OSError):  # what is buffered cannot be written any more
            self._requests.close()
        try:
            code = self._process.wait(CLOSE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        how = f"with exit code {code}"
        if code < 0:
            how = f"by {signal.Signals(-code).name}"
            how += " (most often: the system killed it for lack of memory)" if -code == signal.SIGKILL else ""
        self._stderr.join()
        shown = last_lines(self._stderr.end)
        wrote = f"\n  The last lines that it wrote to stderr:{shown}" if shown else "\n  It wrote nothing to stderr."
        return DepthError(f"depth model {self.name}: its process ended {how} {during}.{wrote}")


class _LastLines:
    """Reads a stream in a thread, so that the writer never waits, and keeps its end."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self._end = stream, b""
        self._thread = threading.Thread(target=self._read, daemon=True, name="labeller-stderr")
        self._thread.start()

    def _read(self) -> None:
        while chunk := os.read(self._stream.fileno(), 1 << 16):
            self._end = (self._end + chunk)[-KEPT_BYTES:]

    @property
    def end(self) -> str:
        """The last 4,000 bytes as text."""
        return self._end.decode("utf-8", "replace")

    def join(self) -> None:
        """Wait until the stream has ended; not for long, because a process that outlives the program may hold it."""
        self._thread.join(1)


def _close(process: subprocess.Popen[bytes], stderr: _LastLines) -> None:
    """End the process: it exits when its stdin ends, and is killed if it does not."""
    assert process.stdin and process.stdout
    with contextlib.suppress(OSError):
        process.stdin.close()
    try:
        process.wait(CLOSE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
    stderr.join()
