"""The matting models that `cutouts` offers, and what is known about the terms of their weights."""

from __future__ import annotations

from dataclasses import dataclass

from fgbg_depth.errors import MattingError

DEFAULT_MODEL = "birefnet-general-lite"
DOWNLOADS = "https://github.com/danielgatis/rembg/releases/download/v0.0.0"  # Source: rembg's session classes
UNKNOWN = "unknown"


@dataclass(frozen=True)
class MattingModel:
    """One line of the table.

    Args:
        name: rembg's name of the session.
        suits: what it is good for, in a few words.
        license: of the weights; starts with `UNKNOWN` if nobody has stated one.
        terms: address of the page that states this licence, or where it was asked for.
        home: address of the model's authors.
        file: name of the file among rembg's downloads.
    """

    name: str
    suits: str
    license: str
    terms: str
    home: str
    file: str

    @property
    def url(self) -> str:
        """Where rembg downloads the weights."""
        return f"{DOWNLOADS}/{self.file}"


_BIREFNET = "https://github.com/ZhengPeng7/BiRefNet"
_U2NET = "https://github.com/xuebinqin/U-2-Net"


def _birefnet(variant: str, suits: str, file: str) -> MattingModel:
    # Source of the licence: the author's answer in this thread, "All the codes and weights are under the MIT license."
    return MattingModel(f"birefnet-{variant}", suits, "MIT", f"{_BIREFNET}/issues/316", _BIREFNET, file)


def _u2net(name: str, suits: str) -> MattingModel:
    # The repository's licence is Apache-2.0. No page states one for the weights; rembg's users asked in this thread.
    words, terms = f"{UNKNOWN} (the authors' code: Apache-2.0)", "https://github.com/danielgatis/rembg/issues/837"
    return MattingModel(name, suits, words, terms, _U2NET, f"{name}.onnx")


# Only models that run on this machine and answer with one matte. rembg also has sessions that send the photograph to a
# company's server (withoutbg, atlascloud), that need prompts (sam), and that find clothes (u2net_cloth_seg).
MODELS = (
    _birefnet("general-lite", "any object; the default", "BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx"),
    _birefnet("general", "any object; larger and slower", "BiRefNet-general-epoch_244.onnx"),
    _birefnet("portrait", "people", "BiRefNet-portrait-epoch_150.onnx"),
    _birefnet("massive", "any object; trained on more data", "BiRefNet-massive-TR_DIS5K_TR_TEs-epoch_420.onnx"),
    _birefnet("hrsod", "the main object of large pictures", "BiRefNet-HRSOD_DHU-epoch_115.onnx"),
    _birefnet("dis", "thin structures", "BiRefNet-DIS-epoch_590.onnx"),
    MattingModel(
        "isnet-general-use",
        "any object",
        f"{UNKNOWN} (the authors' code: Apache-2.0)",
        "https://github.com/xuebinqin/DIS/issues/150",
        "https://github.com/xuebinqin/DIS",
        "isnet-general-use.onnx",
    ),
    _u2net("u2net", "any object; older"),
    _u2net("u2netp", "any object; older, 5 MB"),
    _u2net("u2net_human_seg", "people; older"),
    MattingModel("silueta", "any object; older, 44 MB", UNKNOWN, f"{_U2NET}/issues/295", _U2NET, "silueta.onnx"),
    MattingModel(
        "bria-rmbg",
        "any object",
        "CC BY-NC 4.0: no commercial use",
        "https://huggingface.co/briaai/RMBG-2.0",
        "https://huggingface.co/briaai/RMBG-2.0",
        "bria-rmbg-2.0.onnx",
    ),
)


def find_model(name: str) -> MattingModel:
    """The entry of a model.

    Raises:
        MattingError: the table has no such model.
    """
    for model in MODELS:
        if model.name == name:
            return model
    raise MattingError(f"there is no matting model {name!r}.\n  Models: {', '.join(model.name for model in MODELS)}.")
