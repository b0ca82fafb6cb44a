"""How fast DenseDepth labels, in each precision, beside the plain way, and what each precision costs in accuracy.

    python benchmarks/depth.py                                   # this machine's best device, released network
    python benchmarks/depth.py --device cpu --sizes 224x224 --precisions fp32 bf16 --no-compile

The plain way, first in each table, is the authors' own: fp32, eager, 2 images a call. `labeller` rows are the whole
labelling of 224x224 rows: upload, resize, model, back to the row's size, stored values, download. Weights are random;
speed does not depend on them. The peak is what a large matrix product or convolution reaches, whichever is faster, in
the same precision in this run.
On a CPU the seconds are those the process got, divided by its threads, so that a busy machine shows in no figure.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).parent.parent))

from fgbg_depth.depth.densedepth.configuration import DenseDepthConfig
from fgbg_depth.depth.densedepth.image_processing import DenseDepthImageProcessor
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation
from fgbg_depth.depth.devices import DTYPES, arithmetic, pick_batch, pick_device
from fgbg_depth.depth.labeller import TorchLabeller
from fgbg_depth.depth.spec import DepthSpec, metric_scale
from fgbg_depth.recipe import parse_size

VARIANTS = {"released": {}, "current": {"decoder_width": 832, "leaky_after_conv_a": True}}
ROW = 224


@dataclass
class Line:
    way: str
    precision: str
    batch: int
    images_s: float
    memory_gb: float | None = None
    peak_share: float | None = None
    error: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument("--variant", choices=VARIANTS, default="released")
    parser.add_argument("--sizes", nargs="+", default=["480x640", "224x224"], help="input sizes, HEIGHTxWIDTH")
    parser.add_argument(
        "--precisions", nargs="+", choices=DTYPES, help="default: all; fp32 and bf16 on a CPU, where fp16 takes minutes"
    )
    parser.add_argument("--batch", type=int, default=0, help="images a call; 0 = as the labeller would choose")
    parser.add_argument("--seconds", type=float, default=3.0, help="time to measure each line for")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True, help="torch.compile too")
    options = parser.parse_args()
    device = pick_device(options.device)
    if device.type == "cpu":
        torch.set_num_threads(1)  # as the labeller, so that its figures compare with the others
    precisions = options.precisions or (["fp32", "bf16"] if device.type == "cpu" else list(DTYPES))
    model = make_model(options.variant).to(device)
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
            lines.append(measure(model, "eager", precision, batch, size, device, options.seconds))
            if options.compile:
                lines.append(measure(model, "compiled", precision, batch, size, device, options.seconds))
            lines.append(measure_labeller(options.variant, precision, batch, size, device, options.seconds))
        for line in lines:
            line.peak_share = line.images_s * flops / peaks[line.precision]
        show(lines)


def make_model(variant: str) -> DenseDepthForDepthEstimation:
    torch.manual_seed(0)
    model = DenseDepthForDepthEstimation(DenseDepthConfig(**VARIANTS[variant])).eval().requires_grad_(False)
    model.conv3.weight *= 100  # a fresh network starts from one depth everywhere; give its output some spread
    return model


def measure(
    model: torch.nn.Module,
    way: str,
    precision: str,
    batch: int,
    size: tuple[int, int],
    device: torch.device,
    seconds: float,
    plain: bool = False,
) -> Line:
    layout = torch.contiguous_format if plain else torch.channels_last
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(batch, 3, *size, generator=generator).to(device)
    with arithmetic("fp32"), torch.inference_mode():
        exact = model.to(dtype=torch.float32).raw(pixels[:2]).float()
    model = model.to(dtype=DTYPES[precision], memory_format=layout)
    pixels = pixels.to(DTYPES[precision]).contiguous(memory_format=layout)
    run: Callable[[torch.Tensor], torch.Tensor] = torch.compile(model.raw) if way == "compiled" else model.raw
    with arithmetic(precision), torch.inference_mode():
        images_s, memory = timed(lambda: run(pixels), batch, device, seconds)
        error = float((run(pixels)[:2].float() - exact).square().mean().sqrt() / exact.std())
    model.to(dtype=torch.float32)
    return Line(way, precision, batch, images_s, memory, error=error)


def measure_labeller(
    variant: str, precision: str, batch: int, size: tuple[int, int], device: torch.device, seconds: float
) -> Line:
    spec = DepthSpec(model=variant, precision=precision, input_size=f"{size[0]}x{size[1]}", **metric_scale(10.0))
    processor = DenseDepthImageProcessor(size={"height": size[0], "width": size[1]})
    labeller = TorchLabeller(make_model(variant), processor, spec, device, batch)
    rng = np.random.Generator(np.random.Philox(0))
    rows = rng.integers(0, 256, (2 * batch, ROW, ROW, 3), dtype=np.uint8)
    images_s, memory = timed(lambda: labeller(rows), len(rows), device, seconds)
    return Line("labeller", precision, batch, images_s, memory)


def timed(run: Callable[[], object], images: int, device: torch.device, seconds: float) -> tuple[float, float | None]:
    """Images a second, and the peak of the device's memory in GB."""
    run()  # warm up, compile
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with finished(device):
        start, calls = clock(device), 0
        while calls < 1 or clock(device) - start < seconds:
            run()
            calls += 1
            if device.type == "cuda" and calls % 4 == 0:
                torch.cuda.synchronize(device)  # calls return at once there; do not run far ahead
    elapsed_s = clock(device) - start
    memory = torch.cuda.max_memory_allocated(device) / 1e9 if device.type == "cuda" else None
    return images * calls / elapsed_s, memory


def clock(device: torch.device) -> float:
    return time.process_time() / torch.get_num_threads() if device.type == "cpu" else time.perf_counter()


@contextmanager
def finished(device: torch.device) -> Iterator[None]:
    """Nothing pending before and after."""
    wait = {"cuda": torch.cuda.synchronize, "mps": torch.mps.synchronize}.get(device.type, lambda: None)
    wait()
    yield
    wait()


def count_macs(model: torch.nn.Module, size: tuple[int, int]) -> int:
    """Multiplications of all convolutions for one image, counted without computing any."""
    total = 0

    def count(conv: torch.nn.Module, inputs: tuple, output: torch.Tensor) -> None:
        nonlocal total
        total += output[0].numel() * conv.weight[0].numel()

    with torch.device("meta"):
        twin = type(model)(model.config).eval()
    for module in twin.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(count)
    twin.raw(torch.empty(1, 3, *size, device="meta"))
    return total


def peak_flops(precision: str, device: torch.device) -> float:
    """The faster of a matrix product and a 3x3 convolution: on some CPUs the product is the slower by far."""
    side, channels, size = (8192, 1024, 128) if device.type == "cuda" else (1024, 256, 56)
    dtype = DTYPES[precision]
    left = torch.rand(side, side, device=device).to(dtype)
    conv = torch.nn.Conv2d(channels, channels, 3, padding=1, device=device, dtype=dtype)
    conv = conv.to(memory_format=torch.channels_last)
    image = torch.rand(4, channels, size, size, device=device).to(dtype, memory_format=torch.channels_last)
    with arithmetic(precision), torch.inference_mode():
        products_s, _ = timed(lambda: left @ left, 1, device, 1.0)
        convs_s, _ = timed(lambda: conv(image), 1, device, 1.0)
    return max(products_s * 2 * side**3, convs_s * 2 * image.numel() * channels * 9)


def hardware(device: torch.device) -> str:
    if device.type == "cuda":
        gpu = torch.cuda.get_device_properties(device)
        what = f"{gpu.name}, {gpu.total_memory / 1e9:.0f} GB, CUDA {torch.version.cuda}"
    else:
        what = f"{cpu_name()}, {torch.get_num_threads()} threads"
    return f"{what}; torch {torch.__version__}, Python {platform.python_version()}"


def cpu_name() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as stream:
            return next(line.split(":")[1].strip() for line in stream if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def show(lines: list[Line]) -> None:
    print("| way | precision | batch | images/s | x plain | peak | memory | error of raw |")
    print("|---|---|---|---|---|---|---|---|")
    for line in lines:
        memory = "" if line.memory_gb is None else f"{line.memory_gb:.1f} GB"
        error = "" if line.error is None else f"{line.error:.1e} sd"
        faster = line.images_s / lines[0].images_s
        print(
            f"| {line.way} | {line.precision} | {line.batch} | {line.images_s:.3g} | {faster:.2f} "
            f"| {line.peak_share:.0%} | {memory} | {error} |"
        )


if __name__ == "__main__":
    main()
