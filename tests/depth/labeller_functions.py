"""Labeller functions for tests, good and bad; the tests start them in a Python of their own. Needs only numpy."""

import os
import sys
import time

import numpy as np

calls = 0


def brightness(images, device="cpu"):
    """0.5 to 20.5 by brightness: darker is farther; black is invalid."""
    depth = 20.5 - images.astype(np.float32).mean(axis=-1) * np.float32(20 / 255)
    return depth.astype(np.float32), images.any(axis=-1)


def disparity(images):
    depth, valid = brightness(images)
    return np.where(valid, 1 / depth, np.float32(np.nan)).astype(np.float32)


def farther_to_the_right(images):
    return np.broadcast_to(1 + np.arange(images.shape[2], dtype=np.float32), images.shape[:3]).copy()


def noisy(images):
    """Writes to stdout by print and by file descriptor, and 1 MB to stderr, at every call."""
    print("a line on stdout")
    os.write(1, b'{"shape": [1, 2, 3]}\n')
    sys.stderr.write("x" * 1_000_000 + "\n")
    return brightness(images)


def reads_stdin(images):
    return input()


def crashes(images):
    """Ends the process at the second batch."""
    global calls
    calls += 1
    if calls == 2:
        for line in range(100):
            print("last words", line, file=sys.stderr)
        os._exit(3)
    return brightness(images)


def is_killed(images):
    os.kill(os.getpid(), 9)


def raises(images):
    """Raises at every second batch."""
    global calls
    calls += 1
    if calls % 2 == 0:
        raise ValueError("weights are missing")
    return brightness(images)


def out_of_memory(images):
    """Fails for batches of more than 2 rows."""
    if len(images) > 2:
        raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
    return brightness(images)


def never_enough_memory(images):
    raise MemoryError


def exits(images):
    sys.exit(5)


def sleeps(images):
    """Writes its process id to $PID_FILE and does not return."""
    with open(os.environ["PID_FILE"] + ".part", "w") as stream:
        stream.write(str(os.getpid()))
    os.rename(os.environ["PID_FILE"] + ".part", os.environ["PID_FILE"])
    time.sleep(600)


def reports_environment(images, device):
    """The first values: is the device cuda:1, number of threads, is PYTHONPATH set, is this file's folder first."""
    depth = np.ones(images.shape[:3], np.float32)
    first = sys.path[0] == os.path.dirname(os.path.abspath(__file__))
    values = [device == "cuda:1", int(os.environ.get("OMP_NUM_THREADS", 0)), "PYTHONPATH" in os.environ, first]
    depth[0, 0, :4] = np.array(values, np.float32) + 1
    return depth


def small(images):
    return brightness(images)[0][:, ::2, ::2]


def doubles(images):
    return brightness(images)[0].astype(np.float64)


def a_list(images):
    return brightness(images)[0].tolist()


def a_wrong_map(images):
    return brightness(images)[0], np.ones(images.shape[:3], np.uint8)


def infinite(images):
    depth = brightness(images)[0]
    depth[:, 0] = np.inf
    return depth


def infinite_where_invalid(images):
    depth, valid = infinite(images), np.ones(images.shape[:3], bool)
    valid[:, 0] = False
    return depth, valid


def zeros(images):
    depth = brightness(images)[0]
    depth[:, 0] = 0
    return depth


def nothing_valid(images):
    return np.full(images.shape[:3], np.nan, np.float32)


def constant(images):
    return np.ones(images.shape[:3], np.float32)


def scaled_by_batch(images):
    depth = brightness(images)[0]
    return (depth / depth.max()).astype(np.float32)


def random(images):
    return np.random.uniform(1, 2, images.shape[:3]).astype(np.float32)


for function in list(globals().values()):
    if callable(function) and getattr(function, "__module__", None) == __name__:
        function.kind, function.version = "metric", "1"
disparity.kind = "relative_disparity"
scaled_by_batch.kind = "relative_depth"
brightness.reach_m = 21.0
brightness.license = "mit"
