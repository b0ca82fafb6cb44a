"""The batched map function: any callable is a labeller; labels come in order, from the stored bytes."""

import numpy as np
import pytest
from PIL import Image
from tiny import SimpleLabeller, encoded, pixels_of, scene, simple_spec

from fgbg_depth.depth.label_batch import LabelBatch, decode_image
from fgbg_depth.errors import ShardError
from fgbg_depth.render.png import encode_depth
from fgbg_depth.statistics import DepthSums, Sums

ROWS = [{"bytes": encoded(Image.fromarray(scene(i, 32, 32)), "JPEG", quality=90), "path": None} for i in range(20)]


def empty_sums(top: int = 65535) -> Sums:
    return Sums(32, {"fg_bg_depth": DepthSums(top)})


def summed(images: bool, depth: bool) -> Sums:
    """The sums of one pass over the rows, one row at a time."""
    sums = empty_sums()
    label = SimpleLabeller(simple_spec())
    for row in ROWS:
        if images:
            sums.add_image(Image.fromarray(pixels_of(row)), len(row["bytes"]))
        if depth:
            stored = label(pixels_of(row)[None])
            sums.depths["fg_bg_depth"].add(stored, len(encode_depth(stored[0])))
    return sums


@pytest.mark.parametrize("batch_size", [1, 6, 20, 64])
@pytest.mark.parametrize("bits", [8, 16])
def test_labels_are_in_order_for_any_batch_size(batch_size: int, bits: int) -> None:
    spec = simple_spec(bits=bits)
    labeller, sums, reported = SimpleLabeller(spec, batch_size), empty_sums(spec.levels), []
    columns = LabelBatch(labeller, sums, True, on_rows=reported.append)(ROWS)
    assert list(columns) == ["fg_bg_depth"] and sum(reported) == len(ROWS)
    assert labeller.calls == -(-len(ROWS) // batch_size) and labeller.images == len(ROWS)
    for row, label in zip(ROWS, columns["fg_bg_depth"], strict=True):
        wanted = SimpleLabeller(spec)(pixels_of(row)[None])[0]
        assert np.array_equal(pixels_of(label).astype(wanted.dtype), wanted)
    if bits == 16:
        assert sums.to_dict() == summed(images=True, depth=True).to_dict()


def test_decoding_counts_images_and_labelling_need_not() -> None:
    sums = empty_sums()
    for row in ROWS:
        assert np.array_equal(np.asarray(decode_image(row, sums)), pixels_of(row))
    assert sums.to_dict() == summed(images=True, depth=False).to_dict()
    sums = empty_sums()
    LabelBatch(SimpleLabeller(simple_spec()), sums, count_images=False)(ROWS)
    assert sums.to_dict() == summed(images=False, depth=True).to_dict()


def test_errors_of_the_labeller_are_raised() -> None:
    class Fails(SimpleLabeller):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            if self.calls == 1:
                raise RuntimeError("CUDA out of memory")
            return super().__call__(images)

    with pytest.raises(RuntimeError, match="out of memory"):
        LabelBatch(Fails(simple_spec()), empty_sums(), True)(ROWS)


def test_labels_of_another_shape_or_type_are_refused() -> None:
    class Small(SimpleLabeller):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            return super().__call__(images)[:, ::2, ::2]

    class Floats(SimpleLabeller):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            return super().__call__(images).astype(np.float32)

    with pytest.raises(ShardError, match="shape"):
        LabelBatch(Small(simple_spec()), empty_sums(), True)(ROWS)
    with pytest.raises(TypeError, match="float32"):
        LabelBatch(Floats(simple_spec()), empty_sums(), True)(ROWS)


def test_repeated_calls_give_the_same_bytes() -> None:
    runs = [LabelBatch(SimpleLabeller(simple_spec()), empty_sums(), True)(ROWS) for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]


def test_damaged_images_raise_an_error() -> None:
    bad = [*ROWS[:3], {"bytes": ROWS[3]["bytes"][:200], "path": None}]
    with pytest.raises(OSError, match=r"(?i)truncated"):
        LabelBatch(SimpleLabeller(simple_spec()), empty_sums(), True)(bad)
