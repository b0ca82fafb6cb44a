"""The stream of predicted labels: any callable is a labeller; labels come in order, from the stored bytes."""

import io
import threading
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from tiny import SimpleLabeller, encoded, scene, simple_spec

from fgbg_depth.depth.label_batch import Facts, LabelStream, PredictedLabel, StoredRow
from fgbg_depth.errors import ShardError
from fgbg_depth.render.codecs import decode_rgb
from fgbg_depth.render.png import encode_depth
from fgbg_depth.statistics import DepthSums, Sums

ROWS = [StoredRow(encoded(Image.fromarray(scene(i, 32, 32)), "JPEG", quality=90), {"number": i}) for i in range(20)]


def decoded(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)))


def empty_sums(top: int = 65535) -> Sums:
    return Sums(32, {"fg_bg_depth": DepthSums(top)})


def labelled(labeller: SimpleLabeller, sums: Sums | None = None, count_images: bool = True) -> list[PredictedLabel]:
    """The labels of all rows."""
    return list(LabelStream(labeller, sums or empty_sums(), count_images).label(ROWS, len(ROWS)))


def summed(images: bool, depth: bool) -> Sums:
    """The sums of one pass over the rows, one row at a time."""
    sums = empty_sums()
    label = SimpleLabeller(simple_spec())
    for row in ROWS:
        pixels = decoded(row.image)
        if images:
            sums.add_image(Image.fromarray(pixels), len(row.image))
        if depth:
            stored = label(pixels[None])
            sums.depths["fg_bg_depth"].add(stored, len(encode_depth(stored[0])))
    return sums


@pytest.mark.parametrize("batch_size", [1, 6, 20, 64])
@pytest.mark.parametrize("bits", [8, 16])
def test_labels_are_in_order_for_any_batch_size(batch_size: int, bits: int) -> None:
    spec = simple_spec(bits=bits)
    labeller, sums = SimpleLabeller(spec, batch_size), empty_sums(spec.levels)
    reported: list[int] = []
    labels = list(LabelStream(labeller, sums, True, on_rows=reported.append).label(iter(ROWS), len(ROWS)))
    assert sum(reported) == len(labels) == len(ROWS)
    assert labeller.calls == -(-len(ROWS) // batch_size) and labeller.images == len(ROWS)
    for row, label in zip(ROWS, labels, strict=True):
        wanted = SimpleLabeller(spec)(decoded(row.image)[None])[0]
        assert np.array_equal(decoded(label.image).astype(wanted.dtype), wanted)
    if bits == 16:
        assert sums.to_dict() == summed(images=True, depth=True).to_dict()


def test_checks_get_the_facts_and_the_label_of_their_row() -> None:
    def check(facts: Facts, stored: np.ndarray) -> dict[str, np.float32]:
        return {"number": np.float32(facts["number"]), "sum": np.float32(stored.sum())}

    labeller = SimpleLabeller(simple_spec(), 3)
    labels = list(LabelStream(labeller, empty_sums(), True, check=check).label(ROWS, len(ROWS)))
    assert [label.checks["number"] for label in labels] == list(range(len(ROWS)))
    assert [label.checks["sum"] for label in labels] == [np.float32(decoded(x.image).sum()) for x in labels]


def test_labelling_counts_images_only_if_they_are_not_counted_yet() -> None:
    sums = empty_sums()
    labelled(SimpleLabeller(simple_spec()), sums, count_images=False)
    assert sums.to_dict() == summed(images=False, depth=True).to_dict()


def test_no_rows_have_no_labels() -> None:
    assert list(LabelStream(SimpleLabeller(simple_spec()), empty_sums(), True).label([], 0)) == []


def test_rows_are_read_only_a_few_batches_ahead() -> None:
    read = []

    def rows() -> Iterator[StoredRow]:
        for index in range(200):
            read.append(index)
            yield ROWS[index % len(ROWS)]

    labels = LabelStream(SimpleLabeller(simple_spec(), 4), empty_sums(), True).label(rows(), 200)
    for count in range(1, 101):
        next(labels)
        assert len(read) <= count + 4 * 8
    labels.close()  # type: ignore[attr-defined]  # a caller that fails closes it; nothing may wait for ever


class Asynchronous(SimpleLabeller):
    """Starts a batch and returns at once, as a GPU does; notes the order of what it is asked for."""

    def __init__(self, batch_size: int = 4) -> None:
        super().__init__(simple_spec(), batch_size)
        self.events: list[tuple[str, int]] = []
        self.threads: set[int] = set()

    def rows_per_call(self, rows: int) -> int:
        return self.batch_size

    def start(self, images: np.ndarray, batch_size: int | None = None) -> Callable[[], np.ndarray]:
        number = self.calls
        self.events.append(("start", number))
        self.threads.add(threading.get_ident())
        stored = self(images)

        def finish() -> np.ndarray:
            self.events.append(("finish", number))
            self.threads.add(threading.get_ident())
            return stored

        return finish


def test_a_batch_is_started_before_the_one_before_it_is_waited_for() -> None:
    labeller = Asynchronous()
    assert labelled(labeller) == labelled(SimpleLabeller(simple_spec(), 4))
    starts = {number: i for i, (what, number) in enumerate(labeller.events) if what == "start"}
    finishes = {number: i for i, (what, number) in enumerate(labeller.events) if what == "finish"}
    assert sorted(starts) == sorted(finishes) == list(range(5))
    assert all(starts[number + 1] < finishes[number] for number in range(4))
    assert all(finishes[number] < starts[number + 2] for number in range(3))
    assert len(labeller.threads) == 1  # a CUDA context is used by one thread


def test_a_labeller_that_chooses_its_batches_is_told_their_size() -> None:
    class Even(Asynchronous):
        passed: list[tuple[int, int | None]] = []  # noqa: RUF012

        def rows_per_call(self, rows: int) -> int:
            return rows // 3

        def start(self, images: np.ndarray, batch_size: int | None = None) -> Callable[[], np.ndarray]:
            self.passed.append((len(images), batch_size))
            return super().start(images, batch_size)

    labelled(Even(16))
    assert Even.passed == [(6, 6), (6, 6), (6, 6), (2, 6)]


def test_errors_of_the_labeller_are_raised() -> None:
    class Fails(SimpleLabeller):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            if self.calls == 1:
                raise RuntimeError("CUDA out of memory")
            return super().__call__(images)

    with pytest.raises(RuntimeError, match="out of memory"):
        labelled(Fails(simple_spec()))


def test_labels_of_another_shape_or_type_are_refused() -> None:
    class Small(SimpleLabeller):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            return super().__call__(images)[:, ::2, ::2]

    class Floats(SimpleLabeller):
        def __call__(self, images: np.ndarray) -> np.ndarray:
            return super().__call__(images).astype(np.float32)

    with pytest.raises(ShardError, match="shape"):
        labelled(Small(simple_spec()))
    with pytest.raises(TypeError, match="float32"):
        labelled(Floats(simple_spec()))


def test_repeated_calls_give_the_same_bytes() -> None:
    runs = [labelled(SimpleLabeller(simple_spec())) for _ in range(3)]
    assert runs[0] == runs[1] == runs[2]


@pytest.mark.parametrize(
    "damage, reason",
    [
        (lambda data: data[:200], "(?i)truncated|Premature|header"),
        (lambda data: data[:-30], "Premature end of JPEG file"),
        (lambda data: data[:-2], "Premature end of JPEG file"),
        (lambda data: b"no image", "cannot identify"),
        (lambda data: encoded(Image.new("RGB", (16, 32)), "JPEG"), "it has 16x32 pixels, not 32x32"),
        (lambda data: encoded(Image.new("RGB", (16, 32)), "PNG"), "it has 16x32 pixels, not 32x32"),
    ],
)
def test_a_damaged_image_is_an_error_that_names_the_row(damage: Callable[[bytes], bytes], reason: str) -> None:
    bad = [*ROWS[:11], StoredRow(damage(ROWS[11].image), {}), *ROWS[12:]]
    with pytest.raises(ShardError, match="row 11 of the shard: fg_bg cannot be decoded") as caught:
        list(LabelStream(SimpleLabeller(simple_spec()), empty_sums(), True).label(bad, len(bad)))
    caught.match(reason)


@pytest.mark.parametrize("image_format", ["PNG", "JPEG"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_images_of_every_kind_that_a_dataset_stores_are_labelled(image_format: str, mode: str) -> None:
    row = StoredRow(encoded(Image.fromarray(scene(0, 32, 32)).convert(mode), image_format), {})
    (label,) = LabelStream(SimpleLabeller(simple_spec()), empty_sums(), True).label([row], 1)
    assert np.array_equal(decoded(label.image), SimpleLabeller(simple_spec())(decode_rgb(row.image)[None])[0])
