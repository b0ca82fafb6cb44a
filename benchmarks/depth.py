"""Speed and accuracy of labelling with DenseDepth in each precision, compared with the authors' way of running it.

    python benchmarks/depth.py                                   # the best device of this machine, released network
    python benchmarks/depth.py --device cpu --sizes 224x224 --precisions fp32 bf16 --no-compile

The first row of each table, `plain`, is the authors' way: fp32, eager, 2 images per call. The "form for prediction" is
what labels are made with on a GPU (`densedepth/inference.py`), the "training form" on a CPU. `labeller` is the complete
labelling of 224x224 rows: upload, resize, model, resize to the row's size, conversion to stored values, download. The
weights are random; speed does not depend on them. "peak" is the share of the arithmetic rate that a large matrix
product or convolution, whichever is faster, reaches in the same precision in this run. On a CPU, time is the CPU time
of the process divided by its threads, so that other work on the machine does not change the results.
"""

from __future__ import annotations

import argparse
import copy
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from table import cpu_name

from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
from fgbg_depth.depth.densedepth.image_processing import DenseDepthImageProcessor
from fgbg_depth.depth.densedepth.inference import InferenceDenseDepth
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation
from fgbg_depth.depth.devices import DTYPES, arithmetic, pick_batch, pick_device
from fgbg_depth.depth.labeller import TorchLabeller
from fgbg_depth.depth.spec import DepthSpec, metric_scale
from fgbg_depth.recipe import parse_size

VARIANTS: dict[str, dict[str, Any]] = {
    "released": {},
    "current": {"decoder_width": 832, "leaky_after_conv_a": True},
}
ROW = 224  # side of the rows' images
EAGER, PREDICTION = "training form", "form for prediction"
CUDNN, COMPILED = "for prediction, cudnn benchmark", "for prediction, compiled"


@dataclass
class Line:
    """One row of the table. `peak_share` is on [0, 1]; `error` is in deviations of the exact output."""

    method: str
    precision: str
    batch: int
    images_s: float
    memory_gb: float | None = None
    peak_share: float | None = None
    error: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--variant", choices=VARIANTS, default="released", help="network (default: %(default)s)")
    parser.add_argument("--sizes", nargs="+", default=["480x640", "224x224"], help="input sizes, HEIGHTxWIDTH")
    parser.add_argument(
        "--precisions", nargs="+", choices=DTYPES, help="default: all; on a CPU fp32 and bf16, as fp16 takes minutes"
    )
    parser.add_argument("--batch", type=int, default=0, help="images per call; 0 = the labeller's own choice")
    parser.add_argument("--seconds", type=float, default=3.0, help="measuring time per line (default: %(default)s)")
    parser.add_argument(
        "--compile", action=argparse.BooleanOptionalAction, default=True, help="also measure torch.compile"
    )
    options = parser.parse_args()
    device = pick_device(options.device)
    if device.type == "cpu":
        torch.set_num_threads(1)  # as the labeller, so that its figures compare with the others
    precisions = options.precisions or (["fp32", "bf16"] if device.type == "cpu" else list(DTYPES))
    model = make_model(options.variant)
    model.to(device)  # type: ignore[arg-type]  # the stub of transformers' wrapper is wrong, here and below
    methods = [EAGER, PREDICTION]
    if device.type != "cuda":
        print("no GPU: cudnn's benchmark mode is not measured")
    else:
        methods.append(CUDNN)
    if options.compile:
        methods.append(COMPILED)
    print(hardware(device))
    peaks = {precision: peak_flops(precision, device) for precision in dict.fromkeys(["fp32", *precisions])}
    print("peak, TFLOP/s: " + ", ".join(f"{p} {peaks[p] / 1e12:.3g}" for p in peaks))
    for size in map(parse_size, options.sizes):
        assert size is not None
        flops = 2 * count_macs(model, size)
        print(f"\n{options.variant} at {size[0]}x{size[1]}, {flops / 1e9:.1f} GFLOP an image\n")
        lines = [measure(model, "plain (as the authors')", "fp32", 2, size, device, options.seconds, plain=True)]
        batch = options.batch or pick_batch(device, size)
        for precision in precisions:
            for method in methods:
                lines.append(measure(model, method, precision, batch, size, device, options.seconds))
            lines.append(measure_labeller(options.variant, precision, batch, size, device, options.seconds))
        for line in lines:
            line.peak_share = line.images_s * flops / peaks[line.precision]
        print_table(lines)


def make_model(variant: str) -> DenseDepthForDepthEstimation:
    """A network with random weights, in evaluation mode."""
    torch.manual_seed(0)
    model = DenseDepthForDepthEstimation(DenseDepthConfig(**VARIANTS[variant]))
    model.train(False).requires_grad_(False)
    model.conv3.weight *= 100  # an untrained network predicts almost one depth everywhere; spread its output
    return model


def measure(
    model: DenseDepthForDepthEstimation,
    method: str,
    precision: str,
    batch: int,
    size: tuple[int, int],
    device: torch.device,
    seconds: float,
    plain: bool = False,
) -> Line:
    """Speed and error of the network alone, on random images of this size (height, width)."""
    layout = torch.contiguous_format if plain else torch.channels_last
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(batch, 3, *size, generator=generator).to(device)
    with arithmetic("fp32"), torch.inference_mode():
        exact = model.raw(pixels[:2]).float()
    model = copy.deepcopy(model)
    network: Any = model if plain or method == EAGER else InferenceDenseDepth(model)
    network.to(dtype=DTYPES[precision], memory_format=layout)
    pixels = pixels.to(DTYPES[precision]).contiguous(memory_format=layout)
    run: Callable[[torch.Tensor], torch.Tensor] = torch.compile(network.raw) if method == COMPILED else network.raw
    with arithmetic(precision), torch.inference_mode():
        cudnn: Any = torch.backends.cudnn
        if method == CUDNN:  # not in builds: the last bits would differ between runs
            cudnn.benchmark, cudnn.deterministic = True, False
        images_s, memory = timed(lambda: run(pixels), batch, device, seconds)
        error = float((run(pixels)[:2].float() - exact).square().mean().sqrt() / exact.std())
    return Line(method, precision, batch, images_s, memory, error=error)


def measure_labeller(
    variant: str, precision: str, batch: int, size: tuple[int, int], device: torch.device, seconds: float
) -> Line:
    """Speed of the complete labelling of rows with ROW x ROW images; `size` is the network's input."""
    spec = DepthSpec(model=variant, precision=precision, input_size=f"{size[0]}x{size[1]}", **metric_scale(10.0))
    processor = DenseDepthImageProcessor(size={"height": size[0], "width": size[1]})
    labeller = TorchLabeller(make_model(variant), processor, spec, device, batch)
    rng = np.random.Generator(np.random.Philox(0))
    rows = rng.integers(0, 256, (2 * batch, ROW, ROW, 3), dtype=np.uint8)
    images_s, memory = timed(lambda: labeller(rows), len(rows), device, seconds)
    return Line("labeller", precision, batch, images_s, memory)


def timed(run: Callable[[], object], images: int, device: torch.device, seconds: float) -> tuple[float, float | None]:
    """Images per second, and the peak of memory in GB: a GPU's, or what this process took besides (Linux)."""
    run()  # warms up and compiles
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    before_gb = reset_peak_gb()
    with finished(device):
        start, calls = clock(device), 0
        while calls < 1 or clock(device) - start < seconds:
            run()
            calls += 1
            if device.type == "cuda" and calls % 4 == 0:
                torch.cuda.synchronize(device)  # calls return before they are done; limit how many are queued
    elapsed_s = clock(device) - start
    memory = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None
    if device.type == "cpu" and before_gb is not None:
        memory = process_gb("VmHWM") - before_gb
    return images * calls / elapsed_s, memory


def reset_peak_gb() -> float | None:
    """Let the peak of this process's memory start from now; returns its memory in GB, None if that cannot be done."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
        return process_gb("VmRSS")
    except OSError:
        return None


def process_gb(field: str) -> float:
    """A field of /proc/self/status, in GB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field)) / 1e6


def clock(device: torch.device) -> float:
    """Seconds: CPU time per thread on a CPU, wall time on other devices."""
    return time.process_time() / torch.get_num_threads() if device.type == "cpu" else time.perf_counter()


@contextmanager
def finished(device: torch.device) -> Iterator[None]:
    """Wait for all work of the device, before and after the block."""
    wait = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(device.type, lambda: None)
    wait()
    yield
    wait()


def count_macs(model: DenseDepthForDepthEstimation, size: tuple[int, int]) -> int:
    """Multiplications of all convolutions for one image, counted on the meta device, which computes nothing."""
    total = 0

    def count(conv: torch.nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(conv.weight, torch.Tensor)
        total += output[0].numel() * conv.weight[0].numel()

    with torch.device("meta"):
        copy = DenseDepthForDepthEstimation(DenseDepthConfig(**model.config.to_diff_dict()))
    copy.train(False)
    for module in copy.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    copy.raw(torch.empty(1, 3, *size, device="meta"))
    return total


def peak_flops(precision: str, device: torch.device) -> float:
    """FLOP/s of a matrix product or a 3x3 convolution, the faster of them: on some CPUs the product is far slower."""
    side, channels, size = (8192, 1024, 128) if device.type == "cuda" else (1024, 256, 56)
    dtype = DTYPES[precision]
    left = torch.rand(side, side, device=device).to(dtype)
    conv = torch.nn.Conv2d(channels, channels, 3, padding=1, device=device, dtype=dtype)
    conv = conv.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch's stub lacks it
    image = torch.rand(4, channels, size, size, device=device).to(dtype, memory_format=torch.channels_last)
    with arithmetic(precision), torch.inference_mode():
        products_s, _ = timed(lambda: left @ left, 1, device, 1.0)
        convs_s, _ = timed(lambda: conv(image), 1, device, 1.0)
    return max(products_s * 2 * side**3, convs_s * 2 * image.numel() * channels * 9)


def hardware(device: torch.device) -> str:
    """The device and the versions, in one line."""
    if device.type == "cuda":
        gpu = torch.cuda.get_device_properties(device)
        what = f"{gpu.name}, {gpu.total_memory / 1e9:.0f} GB, CUDA {torch.version.cuda}"
    else:
        what = f"{cpu_name()}, {torch.get_num_threads()} threads"
    return f"{what}; torch {torch.__version__}, Python {platform.python_version()}"


def print_table(lines: list[Line]) -> None:
    """Print the lines as Markdown; the first is the baseline of the column `x plain`."""
    print("| method | precision | batch | images/s | x plain | peak | memory | error of raw |")
    print("|---|---|---|---|---|---|---|---|")
    for line in lines:
        memory = "" if line.memory_gb is None else f"{line.memory_gb:.2f} GB"
        error = "" if line.error is None else f"{line.error:.1e} sd"
        faster = line.images_s / lines[0].images_s
        print(
            f"| {line.method} | {line.precision} | {line.batch} | {line.images_s:.3g} | {faster:.2f} "
            f"| {line.peak_share:.0%} | {memory} | {error} |"
        )


if __name__ == "__main__":
    main()
