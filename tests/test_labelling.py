"""The batched map function: any callable labels, in order, from the stored bytes."""

import numpy as np
import pytest
from PIL import Image
from tiny import SimpleLabeller, encoded, pixels_of, scene, simple_spec

from fgbg_depth.depth.label_batch import LabelBatch
from fgbg_depth.errors import ShardError
from fgbg_depth.render.png import encode_depth
from fgbg_depth.statistics import Sums

ROWS = [{"bytes": encoded(Image.fromarray(scene(i, 32, 32)), "JPEG", quality=90), "path": None} for i in range(20)]


def summed(images: bool, depth: bool) -> Sums:
    """What one plain pass over the rows counts."""
    sums = Sums(32, 65535)
    label = SimpleLabeller(simple_spec())
    for row in ROWS:
        if images:
            sums.add_image(Image.fromarray(pixels_of(row)), len(row["bytes"]))
        if depth:
            stored = label(pixels_of(row)[None])
            sums.add_depth(stored, len(encode_depth(stored[0])))
    return sums


@pytest.mark.parametrize("batch_size", [1, 6, 20, 64])
@pytest.mark.parametrize("bits", [8, 16])
def test_labels_in_order_whatever_the_batches(batch_size: int, bits: int) -> None:
    spec = simple_spec(bits=bits)
    labeller, sums, told = SimpleLabeller(spec, batch_size), Sums(32, spec.levels), []
    columns = LabelBatch(labeller, sums, on_rows=told.append)(ROWS)
    assert list(columns) == ["fg_bg_depth"] and sum(told) == len(ROWS)
    assert labeller.calls == -(-len(ROWS) // batch_size) and labeller.images == len(ROWS)
    for row, label in zip(ROWS, columns["fg_bg_depth"], strict=True):
        wanted = SimpleLabeller(spec)(pixels_of(row)[None])[0]
        assert np.array_equal(pixels_of(label).astype(wanted.dtype), wanted)
    if bits == 16:
        assert sums.to_dict() == summed(images=True, depth=True).to_dict()


def test_counting_alone_and_labelling_alone() -> None:
    sums = Sums(32, 65535)
    assert LabelBatch(None, sums)(ROWS) == {}
    assert sums.to_dict() == summed(images=True, depth=False).to_dict()
    sums = Sums(32, 65535)
    LabelBatch(SimpleLabeller(simple_spec()), sums, count_images=False)(ROWS)
    assert sums.to_dict() == summed(images=False, depth=True).to_dict()


def test_a_labeller_that_fails_is_heard() -> None:
    class Fails(SimpleLabeller):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            if self.calls == 1:
                raise RuntimeError("CUDA out of memory")
            return super().__call__(images)

    with pytest.raises(RuntimeError, match="out of memory"):
        LabelBatch(Fails(simple_spec()), Sums(32, 65535))(ROWS)


def test_labels_of_another_shape_or_type_are_refused() -> None:
    class Small(SimpleLabeller):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            return super().__call__(images)[:, ::2, ::2]

    class Floats(SimpleLabeller):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            return super().__call__(images).astype(np.float32)

    with pytest.raises(ShardError, match="shape"):
        LabelBatch(Small(simple_spec()), Sums(32, 65535))(ROWS)
    with pytest.raises(TypeError, match="float32"):
        LabelBatch(Floats(simple_spec()), Sums(32, 65535))(ROWS)


def test_the_same_bytes_every_time() -> None:
    runs = [LabelBatch(SimpleLabeller(simple_spec()), Sums(32, 65535))(ROWS) for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]


def test_damaged_images_are_heard() -> None:
    bad = [*ROWS[:3], {"bytes": ROWS[3]["bytes"][:200], "path": None}]
    with pytest.raises(OSError, match=r"(?i)truncated"):
        LabelBatch(SimpleLabeller(simple_spec()), Sums(32, 65535))(bad)
