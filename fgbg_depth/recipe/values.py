"""Check one value of a recipe field, and say what is allowed."""

from __future__ import annotations

import math
import os
import re
from typing import Any, Literal, TypeVar, get_args, get_origin

from fgbg_depth.errors import RecipeError
from fgbg_depth.recipe.fields import FieldOptions

Number = TypeVar("Number", int, float)


def checked(key: str, value: Any, hint: Any, options: FieldOptions) -> Any:
    """`value` as the field's type.

    Numbers, flags and arrays of numpy are converted to Python's; a path is accepted where a text is.

    Args:
        key: the field's name, for messages.
        hint: the field's type: int, float, bool, str, a `Literal`, a pair of floats (`| None`), or any number of texts.
    Raises:
        RecipeError: the type or the value is not allowed; the message has the key, the value and what is allowed.
    """
    if callable(to_python := getattr(value, "tolist", None)):  # numpy's scalars and arrays
        value = to_python()
    if get_origin(hint) is Literal:
        return _choice(key, value, get_args(hint))
    if hint is bool:
        if type(value) is not bool:
            raise RecipeError(f"{key} is {show(value)}; allowed: true, false.")
        return value
    if hint is str:
        return _text(key, value, options)
    if hint is int:
        return _number(key, value, int, options)
    if hint is float:
        return _number(key, value, float, options)
    if hint == tuple[str, ...]:
        return _texts(key, value, options)
    if value is None and type(None) in get_args(hint):
        return None
    if not isinstance(value, (list, tuple)) or len(value) != 2:
        raise RecipeError(f"{key} is {show(value)}; allowed: two numbers, such as [0.1, 0.9].")
    return tuple(_number(key, item, float, options) for item in value)


def _choice(key: str, value: Any, allowed: tuple[Any, ...]) -> Any:
    if type(value) is not bool and value in allowed:
        return allowed[allowed.index(value)]  # 16, where the value is 16.0
    advice = ""
    with_colon = next((choice for choice in allowed if isinstance(choice, str) and ":" in choice), None)
    if with_colon and type(value) is int:
        advice = f'\n  Put it in quotes: {key}: "{with_colon}". YAML reads digits with colons as a base-60 number.'
    raise RecipeError(f"{key} is {show(value)}; allowed: {', '.join(map(str, allowed))}.{advice}")


def _text(key: str, value: Any, options: FieldOptions) -> str:
    text = value
    if isinstance(value, os.PathLike):
        text = os.fspath(value)
    if value is None:
        raise RecipeError(f"{key} is null; allowed: a text{options.null_advice and f' ({options.null_advice})'}.")
    if type(text) is not str:
        raise RecipeError(f'{key} is {show(value)}; allowed: a text. Put it in quotes: {key}: "..."')
    if not text.isprintable():
        raise RecipeError(f"{key} is {show(value)}; line breaks and control characters are not allowed.")
    return text


def _texts(key: str, value: Any, options: FieldOptions) -> tuple[str, ...]:
    if not isinstance(value, (list, tuple)):
        raise RecipeError(f"{key} is {show(value)}; allowed: a list of texts, such as [a.jpg, b.jpg].")
    texts = tuple(_text(key, item, options) for item in value)
    if not all(text.strip() for text in texts):
        raise RecipeError(f"{key} is {show(value)}; an empty text is not allowed in it.")
    return texts


def _number(key: str, value: Any, kind: type[Number], options: FieldOptions) -> Number:
    low, high = options.low, options.high
    allowed = "a whole number" if kind is int else "a number"
    if low is not None:
        allowed += f" from {low} to {high}{' ' + options.unit if options.unit else ''}"
    is_number = type(value) is int or (kind is float and type(value) is float and math.isfinite(value))
    if not is_number or (low is not None and high is not None and not low <= value <= high):
        raise RecipeError(f"{key} is {show(value)}; allowed: {allowed}.")
    try:
        return kind(value)
    except OverflowError as e:  # a whole number beyond the range of float
        raise RecipeError(f"{key} is {show(value)}; allowed: {allowed} below 1.8e308.") from e


def check_program_name(model: str) -> None:
    """Check that a depth model that starts with exec: names no program of one computer.

    A published recipe would have a path of the maker's computer, and a downloaded one could start any program.

    Raises:
        RecipeError: it is not exec:MODULE:FUNCTION.
    """
    if model.startswith("exec:") and not re.fullmatch(r"exec:[\w.-]+:\w+", model):
        raise RecipeError(
            f"depth_model is {show(model)}; in a recipe allowed: exec:MODULE:FUNCTION, which names no program of one "
            "computer.\n  State the program on the command line, --depth-model exec:PYTHON:MODULE:FUNCTION, or in the "
            "environment variable FGBG_DEPTH_EXEC."
        )


def show(value: Any) -> str:
    """A value for a message, shortened to 80 characters."""
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


def parse_size(text: str) -> tuple[int, int] | None:
    """`"480x640"` as (height, width) in pixels, each 1 to 8192; None if `text` is not a size."""
    parts = text.lower().split("x")
    if len(parts) == 2 and all(p.isascii() and p.isdigit() and 0 < int(p) <= 8192 for p in parts):
        return int(parts[0]), int(parts[1])
    return None
