"""Call a labeller function and check what it returns; run as a script, it does so in a Python of its own, over pipes.

Another Python starts this file by its path. That Python may lack this package and may be older, so this file imports
only numpy and the standard library, and works with Python 3.8 and numpy 1.17.

    PYTHON runner.py MODULE FUNCTION

The parent process writes requests to stdin and reads one reply for each from stdout. Both are a line of JSON followed
by the bytes of an array in C order. The first reply describes the function and has no array.

    request  {"shape": [N, H, W, 3], "device": "cpu"}   uint8
    reply    {"shape": [N, H, W]}                       float32, NaN = invalid
    or       {"error": "...", "type": "ValueError", "traceback": "..."}     no array
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import json
import os
import queue
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:  # annotations are not evaluated, so they may use what Python 3.8 and numpy 1.17 lack
    from collections.abc import Callable
    from io import BufferedReader, BufferedWriter
    from typing import Any

    from numpy.typing import NDArray

    Request = tuple[NDArray[np.uint8], str]

EXIT_GRACE_S = 2.0  # after the parent closed the pipe or died, a call that is still running is ended by force


class ContractError(Exception):
    """The function does not return what docs/labellers.md demands."""


def load_function(module: str, name: str) -> tuple[Callable[..., Any], str | None]:
    """The function `name` of a module, given by its name or by the path of its .py file.

    Returns:
        the function, and the path of the file with its code; None if that is not known.
    Raises:
        ContractError: the module has no such function.
        Exception: whatever importing the module raises.
    """
    if module.endswith(".py"):
        path = os.path.abspath(module)
        sys.path.insert(0, os.path.dirname(path))  # as for a script: modules beside the file can be imported
        stem = os.path.splitext(os.path.basename(path))[0]
        spec = importlib.util.spec_from_file_location(stem, path)
        assert spec is not None and spec.loader is not None  # it is a .py file
        loaded = importlib.util.module_from_spec(spec)
        sys.modules[stem] = loaded
        spec.loader.exec_module(loaded)
    else:
        loaded = importlib.import_module(module)
    function = getattr(loaded, name, None)
    if not callable(function):
        raise ContractError(f"{module} has no function {name}")
    return function, getattr(loaded, "__file__", None)


def describe(function: Callable[..., Any], source: str | None) -> dict[str, Any]:
    """What a function states about itself by its attributes, and the digest of its code.

    Args:
        source: path of the file that has the function; None if it is not known.
    Returns:
        kind, version, license, reach_m and range as stated, None where not stated; `digest`: SHA-256 of the file.
    Raises:
        ContractError: the file with the code cannot be read.
    """
    try:
        with open(source or "", "rb") as stream:
            digest = hashlib.sha256(stream.read()).hexdigest()
    except OSError as e:
        raise ContractError(f"the file with its code cannot be read: {e}") from e
    stated = {name: getattr(function, name, None) for name in ("kind", "version", "license", "reach_m", "range")}
    stated["digest"] = digest
    return stated


def call(function: Callable[..., Any], images: NDArray[np.uint8], device: str) -> NDArray[np.float32]:
    """Depth maps of a batch, checked.

    Args:
        function: takes images and, if it has a parameter of that name, `device`; returns depth or (depth, valid).
        images: (N, H, W, 3) uint8 sRGB.
        device: "cpu", "cuda", "cuda:N" or "mps".
    Returns:
        (N, H, W) float32; NaN = invalid.
    Raises:
        ContractError: the result has a wrong type, shape or value.
        Exception: whatever the function raises.
    """
    result = function(images, device=device) if _takes_device(function) else function(images)
    depth, valid = result if isinstance(result, tuple) and len(result) == 2 else (result, None)
    shape = images.shape[:3]
    _check_array("depth", depth, np.float32, shape)
    if valid is not None:
        _check_array("the validity map", valid, np.bool_, shape)
        depth = np.where(valid, depth, np.float32(np.nan))
    infinite = int(np.isinf(depth).sum())
    if infinite:
        raise ContractError(
            f"{infinite} of {depth.size} depth values are infinite. Mark pixels without depth by NaN, or by False in "
            "a validity map"
        )
    return np.ascontiguousarray(depth)


def _takes_device(function: Callable[..., Any]) -> bool:
    try:
        return "device" in inspect.signature(function).parameters
    except (TypeError, ValueError):  # a callable without a readable signature
        return False


def _check_array(what: str, array: Any, dtype: type, shape: tuple[int, ...]) -> None:
    if not isinstance(array, np.ndarray):
        advice = "; convert it: .cpu().numpy()" if type(array).__module__.split(".")[0] == "torch" else ""
        raise ContractError(f"{what} is a {type(array).__module__}.{type(array).__name__}, not a numpy array{advice}")
    if array.shape != shape:
        raise ContractError(f"{what} has the shape {array.shape}, but must have {shape}")
    if array.dtype != dtype:
        raise ContractError(f"{what} is {array.dtype}, but must be {np.dtype(dtype)}")


def main() -> None:
    """Answer requests until stdin ends."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What the function prints goes to stderr, and what it reads from stdin is empty: the pipes carry only messages.
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if os.path.abspath(path) != here]  # our modules are not top-level ones
    received: queue.Queue[Request | None] = queue.Queue()
    threading.Thread(target=_receive, args=(requests, received), daemon=True).start()
    try:
        function, source = load_function(sys.argv[1], sys.argv[2])
        _send(replies, describe(function, source))
    except BaseException as e:  # SystemExit, too: a module may end the process when it is imported
        _send_error(replies, e)
        return
    while True:
        request = received.get()
        if request is None:
            return
        images, device = request
        try:
            depth = call(function, images, device)
        except BaseException as e:
            _send_error(replies, e)
        else:
            _send(replies, {"shape": depth.shape}, depth)


def _receive(requests: BufferedReader, received: queue.Queue[Request | None]) -> None:
    """Pass requests on. Runs in a thread of its own, so that the end of the parent is noticed during a call."""
    try:
        for line in iter(requests.readline, b""):
            header = json.loads(line.decode())
            images = np.empty(header["shape"], np.uint8)
            if requests.readinto(images.data.cast("B")) != images.size:
                break
            received.put((images, header["device"]))
    finally:
        received.put(None)
        time.sleep(EXIT_GRACE_S)
        os._exit(1)


def _send(replies: BufferedWriter, header: dict[str, Any], array: NDArray[np.float32] | None = None) -> None:
    try:
        replies.write(json.dumps(header, default=str).encode() + b"\n")
        if array is not None:
            replies.write(array.data.cast("B"))
        replies.flush()
    except BrokenPipeError:  # the parent is gone
        os._exit(1)


def _send_error(replies: BufferedWriter, error: BaseException) -> None:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    _send(replies, {"error": str(error), "type": type(error).__name__, "traceback": "".join(lines)})


if __name__ == "__main__":
    main()
