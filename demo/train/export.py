"""Convert trained weights to the model folder that the package bundles.

    python -m demo.train.export WEIGHTS.pt FOLDER [--figures FILE]

Weights are stored as float16, those of the normalisations as float32; the configuration makes them load as float32.
After `import fgbg_depth` the folder loads with `AutoModelForDepthEstimation.from_pretrained`.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from demo.train.train import demo_config
from fgbg_depth.depth.densedepth.image_processing import DenseDepthImageProcessor
from fgbg_depth.depth.densedepth.modeling import DenseDepthForDepthEstimation

INPUT = 192
CARD = Path(__file__).with_name("model_card.md")


def to_float16(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The state dict with convolutions in float16. Batch normalisation stays exact because it divides by variances."""
    return {
        name: (value.half() if value.is_floating_point() and "norm" not in name else value).contiguous()
        for name, value in state.items()
    }


def export(weights: Path, folder: Path, figures: str, scenes: str, pictures: str) -> None:
    """Write config.json, model.safetensors, preprocessor_config.json and README.md.

    Args:
        weights: a state dict written by `demo.train.train`.
        figures: Markdown printed by `demo.train.evaluate`, for the model card.
        scenes: number of training scenes, as the card says it.
        pictures: number of pictures shown in training, as the card says it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model = DenseDepthForDepthEstimation(demo_config())
    model.load_state_dict(torch.load(weights, weights_only=True))
    config = json.loads(model.config.to_json_string(use_diff=False))
    config |= {"architectures": [type(model).__name__], "dtype": "float32"}
    keep = set(demo_config().to_diff_dict()) | {"architectures", "dtype", "model_type"}
    text = json.dumps({name: config[name] for name in sorted(keep) if name in config}, indent=2)
    (folder / "config.json").write_text(text + "\n")
    save_file(to_float16(model.state_dict()), folder / "model.safetensors", metadata={"format": "pt"})
    DenseDepthImageProcessor(size={"height": INPUT, "width": INPUT}).save_pretrained(folder)
    card = CARD.read_text().replace("{figures}", figures.strip())
    (folder / "README.md").write_text(card.replace("{scenes}", scenes).replace("{pictures}", pictures))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--figures", type=Path, help="output of demo.train.evaluate, for the card")
    parser.add_argument("--scenes", default="17,000", help="number of training scenes, for the card")
    parser.add_argument("--pictures", default="about 200,000", help="pictures shown in training, for the card")
    options = parser.parse_args()
    figures = options.figures.read_text() if options.figures else "Not measured yet."
    export(options.weights, options.folder, figures, options.scenes, options.pictures)
