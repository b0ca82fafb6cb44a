"""What does a network learn from the dataset? Five ways of making rows from the same sources, tested on unseen ones.

    python -m benchmarks.study --backgrounds PHOTOS --foregrounds CUTOUTS    # makes rows and trains what is missing
    python -m benchmarks.study --report                                      # writes the tables of docs/study.md
    python -m benchmarks.study --picture                                     # writes docs/study.png

Without photographs all sources are rendered, and only the rendered scenes are tested. Each run is added to the results
when it is finished, so an interrupted study continues where it was, and other ways can run beside it (`--ways`) once
the rows are made. docs/study.md describes the study.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock

from benchmarks.study import learning, unseen
from benchmarks.study.notebook import notebook_rows
from benchmarks.study.picture import write_picture
from benchmarks.study.references import reference_scores
from benchmarks.study.report import update_document
from benchmarks.study.sources import Sources, prepare_sources
from benchmarks.study.ways import EXTRA_WAYS, SIZE, WAYS, Rows, to_distance, unseen_varied, way_rows
from benchmarks.table import cpu_name

ROOT = Path(__file__).parents[2]
RESULTS, DOCUMENT, PICTURE = ROOT / "benchmarks/study_results.json", ROOT / "docs/study.md", ROOT / "docs/study.png"
STEPS, SEEDS, SCENES = 2500, 3, 80


def planned(ways: list[str], seeds: int, steps: int, runs: list[dict[str, Any]]) -> Iterator[tuple[str, int]]:
    """(way, seed) of the runs that are missing: all ways with the first seed, then with the next."""
    finished = {(run["way"], run["seed"], run["steps"]) for run in runs}
    for seed in range(seeds):
        for way in ways:
            if (way, seed, steps) not in finished:
                yield way, seed


def scores(way: str, trained: learning.Trained, left_out: Rows, tests: dict[str, unseen.Unseen]) -> dict[str, Any]:
    """Scores on the rows that the way left out (but not the worst tenth) and on what no way has seen."""
    found: dict[str, Any] = {}
    if way != "e":
        mattes, outputs = learning.predict(trained.network, left_out.pictures)
        found["own"] = unseen.mask_scores(mattes, left_out.mattes)
        if (chosen := left_out.photographs).any():
            found["own photographs"] = unseen.mask_scores(mattes[chosen], left_out.mattes[chosen])
        if way != "a":  # whose depth has no unit
            found |= unseen.all_depth_scores(
                "own", to_distance(way, outputs), unseen.Unseen(*left_out.labels()), ("median", "none")
            )
    for name, test in tests.items():
        mattes, outputs = learning.predict(trained.network, test.pictures)
        found[name] = unseen.mask_scores(mattes, test.mattes)
        if test.depth_m is not None:
            alignments = ("affine", "median") if way == "a" else ("affine", "median", "none")
            found |= unseen.all_depth_scores(name, to_distance(way, outputs), test, alignments)
    return {name: {key: round(value, 5) for key, value in each.items()} for name, each in found.items()}


def load_tests(sources: Sources, work: Path, scenes: int) -> dict[str, unseen.Unseen]:
    """The test sets by name."""
    tests = {"rendered": unseen.rendered(scenes, SIZE, work / "scenes")}
    held = [sources.files("held", kind) for kind in ("backgrounds", "foregrounds")]
    if all(held):
        tests["photographs"] = unseen.photographs(held[0], held[1], SIZE)
        made = notebook_rows(held[0], held[1], SIZE, lambda pictures: pictures[..., 0])  # its depth is not used
        tests["notebook"] = unseen.Unseen(made["pictures"], made["masks"])
        tests["standing"] = unseen.photographs(held[0], held[1], SIZE, standing=True)
        tests["varied"] = unseen.Unseen(*unseen_varied(sources, work))
    return tests


def run_study(options: argparse.Namespace) -> None:
    photographs = {"backgrounds": options.backgrounds, "foregrounds": options.foregrounds}
    given = {kind: folder for kind, folder in photographs.items() if folder}
    options.work.mkdir(parents=True, exist_ok=True)
    sources = prepare_sources(options.work / "sources", given)
    tests = load_tests(sources, options.work, options.scenes)
    if not read_results(options.results)["references"]:
        references = reference_scores(tests["rendered"], way_rows("c", sources, options.work), sources)
        with changed_results(options.results) as results:
            results["references"] = references
    for way, seed in planned(options.ways, options.seeds, options.steps, read_results(options.results)["runs"]):
        rows, left_out = way_rows(way, sources, options.work)
        trained = learning.train(rows, seed, options.steps)
        torch.save(trained.network.state_dict(), network_file(options.work, way, seed, options.steps))
        run = {
            "way": way, "seed": seed, "steps": options.steps, "batch": learning.BATCH, "rows": len(rows),
            "tests": {name: len(test.pictures) for name, test in tests.items()} | {"own": len(left_out)},
            "cpu_s": round(trained.cpu_s, 1), "wall_s": round(trained.wall_s, 1), "curve": trained.curve,
            "processor": cpu_name(), "torch": torch.__version__, "scores": scores(way, trained, left_out, tests),
        }  # fmt: skip
        with changed_results(options.results) as results:
            results["runs"].append(run)
        print(f"({way}) seed {seed}, {run['wall_s']:.0f} s: {json.dumps(run['scores'])}", flush=True)


def network_file(work: Path, way: str, seed: int, steps: int) -> Path:
    """Where the weights of a run are kept."""
    return work / f"network-{way}-{seed}-{steps}.pt"


def read_results(path: Path) -> dict[str, Any]:
    """Finished runs and the scores of references; none of them where there is no file."""
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {"references": {}, "runs": []} | results


@contextmanager
def changed_results(path: Path) -> Iterator[dict[str, Any]]:
    """The results, written back in one step; studies of other ways may run beside this one. A run takes a line."""
    with FileLock(f"{path}.lock"):
        results = read_results(path)
        yield results
        references, runs = json.dumps(results["references"]), ",\n".join(json.dumps(run) for run in results["runs"])
        temporary = path.with_name(f".{path.name}.part")
        temporary.write_text(f'{{"references": {references},\n"runs": [\n{runs}\n]}}\n', encoding="utf-8")
        temporary.replace(path)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.study", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backgrounds", type=Path, help="folder of photographs; about a quarter is held out")
    parser.add_argument("--foregrounds", type=Path, help="folder of cut-outs with transparency; likewise")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "fgbg-depth-study",
                        help="folder for sources, rows and networks (default: %(default)s)")  # fmt: skip
    parser.add_argument("--ways", nargs="+", choices=[*WAYS, *EXTRA_WAYS], default=list(WAYS), help="(default: a to e)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="runs of each way (default: %(default)s)")
    parser.add_argument("--steps", type=int, default=STEPS, help="steps of each run (default: %(default)s)")
    parser.add_argument("--scenes", type=int, default=SCENES, help="rendered test scenes (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="(default: benchmarks/study_results.json)")
    parser.add_argument("--report", action="store_true", help="only write the tables of docs/study.md")
    parser.add_argument("--picture", action="store_true", help="only write docs/study.png, from the networks in --work")
    options = parser.parse_args(arguments)
    if (options.backgrounds is None) != (options.foregrounds is None):
        parser.error("--backgrounds and --foregrounds belong together: give both, or neither for rendered sources.")
    torch.set_num_threads(1)
    if options.report:
        update_document(DOCUMENT, json.loads(options.results.read_text()))
    elif options.picture:
        networks = {way: network_file(options.work, way, 0, options.steps) for way in ("a", "b", "d")}
        write_picture(PICTURE, networks, unseen.rendered(options.scenes, SIZE, options.work / "scenes"))
    else:
        run_study(options)


if __name__ == "__main__":
    main()
