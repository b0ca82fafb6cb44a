"""Recipes: every field is checked, explained and survives YAML."""

import contextlib
import dataclasses
from typing import Any, Literal, get_args, get_origin

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
    load_recipe,
    parse_recipe,
    parse_size,
)

FIELDS = {f.name: f for f in dataclasses.fields(Recipe)}
PRINTABLE = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20)


def values_of(name: str) -> st.SearchStrategy[Any]:
    """Any allowed value of one field, as YAML would hold it."""
    hint, limits = HINTS[name], OPTIONS[name]
    if get_origin(hint) is Literal:
        return st.sampled_from(get_args(hint))
    if hint is bool:
        return st.booleans()
    if hint is int:
        return st.integers(int(limits.low), int(limits.high))
    if name in ("foreground_min", "foreground_max"):
        return st.just(FIELDS[name].default)  # they depend on each other; tested below
    if hint is float:
        return st.floats(limits.low, limits.high)
    if name == "depth_input":
        return st.sampled_from(["auto", "native", "480x640", "32x32"])
    if hint is str:
        return PRINTABLE
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
    ("ground_band", [0.9, 0.1], "below"),
    ("ground_band", [0.5], "two numbers"),
    ("ground_band", "0.5 0.9", "two numbers"),
    ("ground_band", [0.5, "x"], "number"),
    ("ground_band", [-0.1, 0.9], "0 to 1"),
    ("depth_range", [1, 1], "below"),
    ("depth_range", [0, float("inf")], "number"),
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
    ("foreground_max", 100, "mix units"),
    ("sizes", 224, "Known keys"),
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


def test_a_file_that_is_not_there_or_not_text(tmp_path: Any) -> None:
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
