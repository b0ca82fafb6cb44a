"""A labeller function in a Python of its own: batches, errors, what it prints, and the end of its process."""

from __future__ import annotations

import ast
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from labeller_functions import brightness

from fgbg_depth.depth.external import runner
from fgbg_depth.depth.external.failures import FunctionError
from fgbg_depth.depth.external.labeller import ExternalLabeller
from fgbg_depth.depth.external.names import Program
from fgbg_depth.depth.external.process import LabellerProcess
from fgbg_depth.depth.spec import DepthSpec, decode_depth
from fgbg_depth.errors import DepthError

FUNCTIONS = Path(__file__).with_name("labeller_functions.py")
ROWS = np.random.default_rng(0).integers(1, 256, (5, 20, 20, 3), np.uint8)

Start = Callable[..., LabellerProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a function of labeller_functions.py in a process that the test need not close."""
    started = []

    def start(function: str, device: str = "cpu", module: str = str(FUNCTIONS)) -> LabellerProcess:
        started.append(LabellerProcess(Program(sys.executable, module, function), device))
        return started[-1]

    yield start
    for process in started:
        process.close()


def labeller(process: LabellerProcess, **spec: object) -> ExternalLabeller:
    return ExternalLabeller(process, DepthSpec(model=process.name, **spec), "cpu", 2)


def is_running(pid: int) -> bool:
    """Whether a process exists; one that has ended and was not yet waited for does not count."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], bool], seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_the_function_gives_the_same_values_in_both_processes(start: Start) -> None:
    rows = ROWS.copy()
    rows[0, 3, 4] = 0
    expected, valid = brightness(rows)
    found = start("brightness")(rows)
    assert found.dtype == np.float32
    assert np.array_equal(found, np.where(valid, expected, np.nan), equal_nan=True)
    assert np.isnan(found[0, 3, 4]) and np.isnan(found).sum() == 1


def test_labels_are_the_stored_values_of_any_number_of_rows(start: Start) -> None:
    rows = ROWS.copy()
    rows[1, 0] = 0
    label = labeller(start("brightness"))
    stored = label(rows)
    assert stored.dtype == np.uint16 and (stored[1, 0] == 0).all() and (stored == 0).sum() == 20
    expected = np.where(rows.any(axis=-1), brightness(rows)[0], np.nan)
    assert np.nanmax(np.abs(decode_depth(stored, label.spec) - expected)) <= 0.00051
    assert np.array_equal(np.concatenate([label(row[None]) for row in rows]), stored)
    assert label(rows[:0]).shape == (0, 20, 20)
    assert label.function.stated["license"] == "mit"


def test_the_mirrored_row_is_averaged(start: Start) -> None:
    assert np.array_equal(labeller(start("brightness"), flip=True).values(ROWS), brightness(ROWS)[0])
    to_the_right = start("farther_to_the_right")
    assert np.ptp(labeller(to_the_right).values(ROWS)) == 19
    assert (labeller(to_the_right, flip=True).values(ROWS) == 10.5).all()


def test_what_the_function_prints_and_reads_does_not_disturb_the_pipes(start: Start) -> None:
    noisy = start("noisy")
    for _ in range(3):
        assert np.array_equal(noisy(ROWS), brightness(ROWS)[0])
    with pytest.raises(FunctionError, match="failed with EOFError"):
        start("reads_stdin")(ROWS)


def test_a_process_that_ends_is_an_error_with_its_last_lines(start: Start) -> None:
    label = labeller(start("crashes"))
    with pytest.raises(DepthError, match="ended with exit code 3 while it labelled a batch of 2 rows") as caught:
        label.values(ROWS)
    assert str(caught.value).startswith("depth model exec:labeller_functions:crashes: ")
    assert str(caught.value).endswith("| last words 98\n  | last words 99")
    assert str(caught.value).count("last words") == 15
    with pytest.raises(DepthError, match=r"ended by SIGKILL \(most often: the system killed it for lack of memory\)"):
        start("is_killed")(ROWS)


def test_an_exception_is_an_error_with_its_traceback(start: Start) -> None:
    raises = start("raises")
    raises(ROWS)
    with pytest.raises(FunctionError, match="failed with ValueError: weights are missing\n  Its traceback:") as caught:
        raises(ROWS)
    assert "| ValueError: weights are missing" in str(caught.value) and "labeller_functions.py" in str(caught.value)
    assert np.array_equal(raises(ROWS), brightness(ROWS)[0])  # the process goes on
    with pytest.raises(FunctionError, match="failed with SystemExit: 5"):
        start("exits")(ROWS)


@pytest.mark.parametrize(
    "function, message",
    [
        ("small", r"depth has the shape \(2, 10, 10\), but must have \(2, 20, 20\)"),
        ("doubles", "depth is float64, but must be float32"),
        ("a_list", "depth is a builtins.list, not a numpy array"),
        ("a_wrong_map", "the validity map is uint8, but must be bool"),
        ("infinite", "40 of 800 depth values are infinite. Mark pixels without depth by NaN"),
        ("zeros", "40 of 800 depth values are 0 or below, but metres are above 0"),
        ("nothing_valid", "returns no valid value for 5 rows"),
    ],
)
def test_a_wrong_result_is_an_error_that_names_the_labeller(start: Start, function: str, message: str) -> None:
    with pytest.raises(DepthError, match=f"^depth model exec:labeller_functions:{function}:? .*{message}"):
        labeller(start(function))(ROWS)


def test_values_where_the_map_says_invalid_do_not_matter(start: Start) -> None:
    stored = labeller(start("infinite_where_invalid"))(ROWS)
    assert (stored[:, 0] == 0).all() and (stored[:, 1:] > 0).all()


def test_out_of_memory_halves_the_batch(start: Start, caplog: pytest.LogCaptureFixture) -> None:
    process = start("out_of_memory")
    label = ExternalLabeller(process, DepthSpec(model="m"), "cpu", 8)
    assert np.array_equal(label.values(ROWS), brightness(ROWS)[0])
    assert label.batch_size == 2 and "continuing with 4 rows" in caplog.text
    with pytest.raises(FunctionError, match="failed with MemoryError"):
        labeller(start("never_enough_memory")).values(ROWS)


def test_a_program_that_does_not_start_is_an_error(start: Start, tmp_path: Path) -> None:
    with pytest.raises(DepthError, match=r"labeller_functions\.py has no function nothing"):
        start("nothing")
    with pytest.raises(FunctionError, match="failed with ModuleNotFoundError: No module named 'no_such_module'"):
        start("predict", module="no_such_module")
    ending = tmp_path / "ending.py"
    ending.write_text("import sys\nprint('usage: ...')\nsys.exit(2)\n")
    with pytest.raises(FunctionError, match="exec:ending:predict failed with SystemExit: 2"):
        start("predict", module=str(ending))
    with pytest.raises(DepthError, match="cannot be started"):
        LabellerProcess(Program(str(FUNCTIONS), "m", "f"), "cpu")
    with pytest.raises(
        DepthError, match=r"ended with exit code 1 while it was started\.\n  It wrote nothing to stderr"
    ):
        LabellerProcess(Program("/bin/false", "m", "f"), "cpu")


def test_device_and_environment_of_the_function(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "/nowhere")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    on_cpu = start("reports_environment")(ROWS)[0, 0, :4] - 1
    on_gpu = start("reports_environment", "cuda:1")(ROWS)[0, 0, :4] - 1
    assert on_cpu.tolist() == [0, 1, 0, 1]  # one thread, as for the models that run in this process
    assert on_gpu.tolist() == [1, 7, 0, 1]


def test_our_modules_do_not_hide_those_of_the_other_python(tmp_path: Path) -> None:
    module = tmp_path / "imports.py"
    module.write_text("import importlib.util\nassert importlib.util.find_spec('stated') is None\n")
    with pytest.raises(DepthError, match="has no function predict"):  # so the assertion held
        LabellerProcess(Program(sys.executable, str(module), "predict"), "cpu")


def test_the_process_ends_with_the_object_that_started_it(start: Start) -> None:
    closed, deleted = start("brightness"), LabellerProcess(Program(sys.executable, str(FUNCTIONS), "brightness"), "cpu")
    pids = [closed._process.pid, deleted._process.pid]
    assert all(map(is_running, pids))
    closed.close()
    closed.close()  # a second time does nothing
    del deleted
    assert not any(map(is_running, pids))


START_AND_CALL = """
import sys, numpy as np
from fgbg_depth.depth.external.names import Program
from fgbg_depth.depth.external.process import LabellerProcess
LabellerProcess(Program(sys.executable, sys.argv[1], "sleeps"), "cpu")(np.ones((2, 8, 8, 3), np.uint8))
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_process_ends_with_its_parent_even_during_a_call(number: int, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    parent = subprocess.Popen(
        [sys.executable, "-c", START_AND_CALL, str(FUNCTIONS)],
        env=os.environ | {"PID_FILE": str(pid_file)},
        stderr=subprocess.DEVNULL,
    )
    assert wait_for(pid_file.exists)
    pid = int(pid_file.read_text())
    assert is_running(pid)
    parent.send_signal(number)
    parent.wait(20)
    assert wait_for(lambda: not is_running(pid))


def test_the_runner_works_with_python_3_8_and_without_this_package() -> None:
    source = Path(runner.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {str(node.module).split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names - set(sys.stdlib_module_names) == {"numpy"}
    assert "from __future__ import annotations" in source  # newer types in annotations are not evaluated
    newer_than_3_8 = ("removeprefix", "removesuffix", "file_digest", "zip(strict", "dataclass(slots", "pairwise")
    assert not [name for name in newer_than_3_8 if name in source]
