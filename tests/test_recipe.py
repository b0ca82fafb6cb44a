"""Recipes: every field is checked and explained, and YAML text gives the same recipe back."""

import contextlib
import dataclasses
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fgbg_depth.errors import RecipeError
from fgbg_depth.recipe import (
    HINTS,
    OPTIONS,
    Recipe,
    defaults,
    demo_recipe,
    from_dict,
    from_stored,
    load_recipe,
    parse_recipe,
    parse_size,
)

FIELDS = {f.name: f for f in dataclasses.fields(Recipe)}
PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


def values_of(name: str) -> st.SearchStrategy[Any]:
    """Any allowed value of one field, as YAML would contain it."""
    hint, limits = HINTS[name], OPTIONS[name]
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(int(limits.low), int(limits.high))
    if name in ("foreground_min", "foreground_max"):
        return st.just(FIELDS[name].default)  # each limits the other; `test_foreground_range` covers them
    if hint is float:
        return st.floats(limits.low, limits.high)
    if name == "depth_input":
        return st.sampled_from(["auto", "native", "480x640", "32x32"])
    if hint is str:
        return PRINTABLE
    if hint == tuple[str, ...]:
        return st.lists(PRINTABLE, max_size=3)
    number = st.floats(limits.low or 0, limits.high or 1e6)
    return st.tuples(number, number).filter(lambda p: p[0] < p[1]).map(list)


@given(st.fixed_dictionaries({}, optional={name: values_of(name) for name in FIELDS}))
def test_yaml_round_trip(values: dict[str, Any]) -> None:
    recipe = from_dict(values)
    assert parse_recipe(recipe.to_yaml()) == recipe
    assert from_dict(recipe.to_dict()) == recipe
    assert {k: v for k, v in recipe.to_dict().items() if k in values} == values


@given(st.floats(0.01, 1), st.floats(0.01, 1), st.sampled_from([1, 224]))
def test_foreground_range(a: float, b: float, unit: int) -> None:
    low, high = sorted((a, b))
    low, high = (low, high) if unit == 1 else (1.5 + low * unit, 1.5 + high * unit)
    recipe = Recipe(foreground_min=low, foreground_max=high, size=100)
    scale = 100 if unit == 1 else 1
    assert recipe.foreground_range_px() == (low * scale, high * scale)


def test_every_field_is_explained() -> None:
    text = Recipe().to_yaml()
    for name, options in OPTIONS.items():
        assert len(options.help) > 10, name
        assert f"{name}:" in text and options.help in text


def test_defaults_are_valid_and_the_demo_is_too() -> None:
    assert from_dict(defaults()) == Recipe()
    assert demo_recipe().backgrounds == "demo"


BAD: list[tuple[str, Any, str]] = [
    ("size", 0, "16 to 4096 px"),
    ("size", 15, "16 to 4096 px"),
    ("size", 224.0, "whole number"),
    ("size", "224", "whole number"),
    ("size", True, "whole number"),
    ("size", None, "whole number"),
    ("size", [224], "whole number"),
    ("placements", 0, "1 to 100000"),
    ("placements", 10**30, "1 to 100000"),
    ("seed", -1, "0 to"),
    ("holdout", 0.51, "0 to 0.5"),
    ("holdout", float("nan"), "0 to 0.5"),
    ("holdout", float("inf"), "0 to 0.5"),
    ("mirror", "yes", "true, false"),
    ("mirror", 1, "true, false"),
    ("placement", "anywhere", "uniform, ground"),
    ("depth_bits", 12, "16, 8"),
    ("depth_bits", True, "16, 8"),
    ("jpeg_subsampling", "4:2:2", "4:2:0, 4:4:4"),
    ("image_format", ["jpeg"], "jpeg, png"),
    ("image_format", {"a": 1}, "jpeg, png"),
    ("ground_band", [0.9, 0.1], "less than"),
    ("ground_band", [0.5], "two numbers"),
    ("ground_band", "0.5 0.9", "two numbers"),
    ("ground_band", [0.5, "x"], "number"),
    ("ground_band", [-0.1, 0.9], "0 to 1"),
    ("depth_range", [1, 1], "less than"),
    ("depth_range", [0, float("inf")], "number"),
    ("depth_range", [0, 10**400], "below 1.8e308"),
    ("depth_input", "480", "HEIGHTxWIDTH"),
    ("depth_input", "0x480", "HEIGHTxWIDTH"),
    ("depth_input", "99999x480", "HEIGHTxWIDTH"),
    ("name", "", "empty"),
    ("name", " ", "empty"),
    ("name", 5, "quotes"),
    ("name", "two\nlines", "line breaks"),
    ("name", "esc\x1b[31m", "control"),
    ("name", "\ud800", "control"),
    ("backgrounds", None, "text"),
    ("foreground_min", 0.9, "foreground_max"),
    ("foreground_max", 100, "different units"),
    ("depth_model", None, "for no depth, write none"),
    ("jpeg_subsampling", 14520, 'quotes: jpeg_subsampling: "4:2:0"'),
    ("sizes", 224, "did you mean size?"),
    ("background", "bg", "did you mean backgrounds?"),
    ("zzz", 224, "Known keys"),
    ("__class__", 1, "Known keys"),
    (5, 1, "Known keys"),
]


@pytest.mark.parametrize(("key", "value", "allowed"), BAD, ids=lambda v: repr(v)[:20])
def test_bad_values_name_key_value_and_range(key: Any, value: Any, allowed: str) -> None:
    with pytest.raises(RecipeError, match="recipe: ") as e:
        from_dict({key: value})
    text = str(e.value)
    assert str(key) in text and allowed in text
    if isinstance(value, (int, float, str)) and str(value).strip() and key in FIELDS:
        assert repr(value) in text or str(value) in text


@given(st.text(max_size=200))
def test_any_text_is_a_recipe_or_a_recipe_error(text: str) -> None:
    with contextlib.suppress(RecipeError):
        assert isinstance(parse_recipe(text), Recipe)


_SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.dates(), st.binary(max_size=5)
)
_VALUES = st.recursive(
    _SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=3), v, max_size=3), max_leaves=5
)


@given(st.sampled_from(sorted(FIELDS)), _VALUES)
def test_any_value_is_accepted_or_named(key: str, value: Any) -> None:
    try:
        recipe = from_dict({key: value})
    except RecipeError as e:
        assert key in str(e)
    else:
        assert parse_recipe(recipe.to_yaml()) == recipe


def test_numpy_values_and_paths_are_accepted() -> None:
    recipe = Recipe(
        backgrounds=Path("some") / "bg",  # type: ignore[arg-type]
        placements=np.int64(4),  # type: ignore[arg-type]
        seed=np.uint8(7),  # type: ignore[arg-type]
        holdout=np.float32(0.25),  # type: ignore[arg-type]
        mirror=np.bool_(False),  # type: ignore[arg-type]
        depth_bits=np.int16(8),  # type: ignore[arg-type]
        ground_band=np.array([0.5, 0.75]),  # type: ignore[arg-type]
    )
    assert recipe == Recipe(
        backgrounds=str(Path("some") / "bg"),
        placements=4,
        seed=7,
        holdout=0.25,
        mirror=False,
        depth_bits=8,
        ground_band=(0.5, 0.75),
    )
    assert {type(value) for value in recipe.to_dict().values()} <= {str, int, float, bool, list, type(None)}
    assert parse_recipe(recipe.to_yaml()) == recipe


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("placements", np.float64(4), "placements is 4.0; allowed: a whole number"),
        ("size", np.int64(3), "size is 3; allowed: a whole number from 16"),
        ("size", Path("224"), "size is PosixPath"),
        ("mirror", np.int64(1), "mirror is 1; allowed: true, false"),
        ("backgrounds", np.int64(1), "backgrounds is 1; allowed: a text"),
        ("ground_band", np.zeros(3), "ground_band is .*; allowed: two numbers"),
    ],
)
def test_bad_numpy_values_and_paths_are_refused(key: str, value: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        Recipe(**{key: value})


def test_an_unquoted_subsampling_says_to_use_quotes() -> None:
    with pytest.raises(RecipeError, match=r'mine.yaml: jpeg_subsampling is 14520; .*\n  Put it in quotes: .*"4:2:0"'):
        parse_recipe("jpeg_subsampling: 4:2:0", "mine.yaml")
    assert parse_recipe('jpeg_subsampling: "4:4:4"').jpeg_subsampling == "4:4:4"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size: 64\nseed: 1\nsize: 32\n", "mine.yaml: size is given twice, in lines 1 and 3"),
        ("{size: 64, size: 64}", "size is given twice, in lines 1 and 1"),
        ("size: 64\n\n\n'size': 64\n", "size is given twice, in lines 1 and 4"),
        ("placement: ground\nplacement_mode: ground\n", "placement_mode is given twice: placement is its old name"),
    ],
)
def test_a_key_given_twice_is_an_error(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe(text, "mine.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("size: 64\nseed: [1,\n", r"mine.yaml: not valid YAML: .* \(line 3, column 1\)"),
        ("size: \t64\n\t- x", r"not valid YAML: found character '\\t' .* \(line 1, column 7\)"),
        ("seed: 2001-99-99", "not valid YAML: month must be in 1..12"),
        ("- size", "has lines `key: value`, but this is a list"),
    ],
)
def test_text_that_is_not_a_recipe_says_where(text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        parse_recipe(text, "mine.yaml")


def test_a_stored_recipe_of_another_version_is_read(caplog: pytest.LogCaptureFixture) -> None:
    values = {**Recipe(size=64).to_dict(), "field_of_a_later_version": 3}
    values["placement"] = values.pop("placement_mode")
    assert from_stored(values) == Recipe(size=64)
    assert not caplog.records
    with pytest.raises(RecipeError, match="size is 3"):
        from_stored({"size": 3})


def test_replace_checks_names_and_values() -> None:
    assert Recipe().replace(size=64, placement="ground") == Recipe(size=64, placement_mode="ground")
    with pytest.raises(RecipeError, match="did you mean size"):
        Recipe().replace(sizes=3)
    with pytest.raises(RecipeError, match="size is 3"):
        Recipe().replace(size=3)


def test_a_file_that_is_missing_or_not_text(tmp_path: Any) -> None:
    with pytest.raises(RecipeError, match=r"none\.yaml"):
        load_recipe(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00name")
    with pytest.raises(RecipeError, match=r"binary\.yaml"):
        load_recipe(tmp_path / "binary.yaml")
    with pytest.raises(RecipeError, match="cannot read"):
        load_recipe(tmp_path)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("480x640", (480, 640)),
        ("32X32", (32, 32)),
        ("0x5", None),
        ("5", None),
        ("", None),
        ("٣x٣", None),
        ("1x2x3", None),
    ],
)
def test_parse_size(text: str, size: tuple[int, int] | None) -> None:
    assert parse_size(text) == size
