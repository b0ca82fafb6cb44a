"""`where`: a condition on a row's columns, written as text such as `boundary_recall > 0.5 and not flip`.

The text is parsed, never executed: comparisons, `and`, `or`, `not`, brackets, columns, numbers and quoted texts. It
becomes a pyarrow expression, so that parquet readers skip row groups that cannot contain a match.
"""

from __future__ import annotations

import ast
import difflib
import math
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from fgbg_depth.errors import UsageError
from fgbg_depth.schema import Column

EXAMPLE = 'x >= 0 and bg == "meadow" and not flip'
_KINDS = {"string": "text", "bool": "flag", "int32": "number", "float32": "number"}
_WORDS = {"text": "a text", "flag": "true or false", "number": "a number"}
_OPPOSITE: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip

Value = bool | int | float | str


def parse_where(text: str, columns: Sequence[Column]) -> pc.Expression:
    """The pyarrow expression that is true for the rows that match.

    A row whose number is missing (NaN) matches no comparison of it, also not under `not` or with `!=`.

        parse_where("0.2 <= boundary_recall < 0.5 or x > width", columns)
        parse_where('bg in ("meadow", "lake") and not flip', columns)

    Args:
        text: comparisons (`<`, `<=`, `>`, `>=`, `==`, `!=`, `in`, `not in`) of columns with numbers, quoted texts,
            True, False or other columns, combined by `and`, `or`, `not` and brackets. A bool column may stand alone.
        columns: the columns that the rows have.
    Raises:
        UsageError: the text is no such condition; the message names the wrong part.
    """
    try:
        node = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError) as e:
        raise _error(text, str(getattr(e, "msg", e)), "Equality is ==, texts are in quotes.") from e
    except (RecursionError, MemoryError) as e:
        raise _error(text[:80] + "...", "it has too many brackets", "Write a simpler condition.") from e
    return _Parser(text, columns).condition(node, negated=False)


class _Parser:
    """Turns the nodes of one parsed text into expressions."""

    def __init__(self, text: str, columns: Sequence[Column]) -> None:
        self.text, self.columns = text, {column.name: column for column in columns}

    def condition(self, node: ast.expr, negated: bool) -> pc.Expression:
        """The expression of a part that is true or false.

        `not` is moved inwards to the comparisons: pyarrow's own negation would match NaN.
        """
        if isinstance(node, ast.BoolOp):
            parts = [self.condition(value, negated) for value in node.values]
            return _combined(parts, all_of=isinstance(node.op, ast.And) != negated)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return self.condition(node.operand, not negated)
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            pairs = zip(operands, node.ops, operands[1:], strict=False)
            return _combined([self.comparison(*pair, negated) for pair in pairs], all_of=not negated)
        if isinstance(node, ast.Name):
            column = self.column(node)
            if column.type != "bool":
                hint = f"Compare it with something, such as {column.name} == ..."
                raise self.error(node, f"{column.name} is {_WORDS[_KINDS[column.type]]}, not a condition", hint)
            return pc.field(column.name) == pc.scalar(not negated)
        raise self.error(node, "not a comparison", _hint(node))

    def comparison(self, left: ast.expr, op: ast.cmpop, right: ast.expr, negated: bool) -> pc.Expression:
        """The expression of `left op right`, or of its opposite."""
        if type(op) not in _OPPOSITE:
            raise self.error(right, "`is` does not compare values", "Use == or !=.")
        kind_of_op = _OPPOSITE[type(op)] if negated else type(op)
        if kind_of_op in (ast.In, ast.NotIn):
            return self.membership(left, right, kind_of_op is ast.In)
        a, b = self.operand(left), self.operand(right)
        named = [column for column in (a, b) if isinstance(column, Column)]
        if not named:
            raise self.error(left, "there is no column in this comparison", "")
        self.check_kinds(left, a, b)
        if _kind(a) == "flag" and kind_of_op not in (ast.Eq, ast.NotEq):
            raise self.error(left, f"{named[0].name} is true or false, and has no order", f"Write {named[0].name}.")
        compared = _compare(_expression(a, b), kind_of_op, _expression(b, a))
        # NaN is unequal to everything, but `!=` must not find it
        return _combined([compared, *map(_has_value, named)], all_of=True) if kind_of_op is ast.NotEq else compared

    def membership(self, left: ast.expr, right: ast.expr, is_in: bool) -> pc.Expression:
        """The expression of `column in (value, ...)`, or of `not in`."""
        if not isinstance(left, ast.Name):
            raise self.error(left, "not a column", 'Before `in` comes a column, as in: bg in ("meadow", "lake").')
        if not isinstance(right, (ast.Tuple, ast.List, ast.Set)) or not right.elts:
            raise self.error(right, "not a list of values", 'After `in` comes a list, as in: bg in ("meadow", "lake").')
        column = self.column(left)
        values = [self.operand(item) for item in right.elts]
        for item, value in zip(right.elts, values, strict=True):
            if isinstance(value, Column):
                raise self.error(item, "a column, where a value should be", "Texts are in quotes.")
            self.check_kinds(item, column, value)
        equal = [_compare(_expression(column, value), ast.Eq, _expression(value, column)) for value in values]
        found = _combined(equal, all_of=False)
        return found if is_in else _combined([~found, _has_value(column)], all_of=True)

    def operand(self, node: ast.expr) -> Column | Value:
        """A column or a value."""
        if isinstance(node, ast.Name):
            return self.column(node)
        if isinstance(node, ast.Constant) and isinstance(node.value, (bool, int, float, str)):
            return self.checked(node, node.value)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner = node.operand.value if isinstance(node.operand, ast.Constant) else None
            if isinstance(inner, (int, float)) and not isinstance(inner, bool):
                return self.checked(node, -inner if isinstance(node.op, ast.USub) else inner)
        raise self.error(node, "neither a column nor a number, a quoted text, True or False", _hint(node))

    def checked(self, node: ast.expr, value: Value) -> Value:
        if isinstance(value, int) and abs(value) >= 2**63:
            raise self.error(node, "the number is too large", "")
        return value

    def column(self, node: ast.Name) -> Column:
        """The column that a name means."""
        column = self.columns.get(node.id)
        if column is None:
            names = [name for name, c in self.columns.items() if c.type != "image"]
            near = difflib.get_close_matches(node.id, names, n=1)
            hint = f"Did you mean {near[0]}? " if near else ""
            hint += f"The columns are {', '.join(names)}. Texts are in quotes."
            raise self.error(node, f"there is no column {node.id!r}", hint)
        if column.type == "image":
            raise self.error(node, f"{node.id} is an image, and images cannot be compared", "")
        return column

    def check_kinds(self, node: ast.expr, a: Column | Value, b: Column | Value) -> None:
        if _kind(a) != _kind(b):
            column, other = (a, b) if isinstance(a, Column) else (b, a)
            name = getattr(column, "name", "")
            written = other.name if isinstance(other, Column) else repr(other)
            message = f"{name} is {_WORDS[_kind(column)]}, but {written} is {_WORDS[_kind(other)]}"
            raise self.error(node, message, f"Write {name} or not {name}." if _kind(column) == "flag" else "")

    def error(self, node: ast.expr, reason: str, hint: str) -> UsageError:
        segment = ast.get_source_segment(self.text.strip(), node)
        return _error(self.text, reason if not segment or segment in reason else f"{segment}: {reason}", hint)


def _error(text: str, reason: str, hint: str) -> UsageError:
    return UsageError(f"where={text!r}: {reason}.\n  {hint + ' ' if hint else ''}Example: where={EXAMPLE!r}")


def _hint(node: ast.expr) -> str:
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.BitAnd, ast.BitOr)):
        return "Combine comparisons with `and` and `or`, not with & and |."
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
        return "Write `not`, not ~."
    return ""


def _kind(value: Column | Value) -> str:
    if isinstance(value, Column):
        return _KINDS[value.type]
    if isinstance(value, bool):
        return "flag"
    return "text" if isinstance(value, str) else "number"


def _expression(value: Column | Value, other: Column | Value) -> pc.Expression:
    """A column or a value as pyarrow has it; a number that a float32 column is compared with is rounded to float32."""
    if isinstance(value, Column):
        return pc.field(value.name)
    if isinstance(other, Column) and other.type == "float32":
        return pc.scalar(pa.scalar(float(value), pa.float32()))
    return pc.scalar(value)


def _has_value(column: Column) -> pc.Expression:
    """True where a column holds no NaN."""
    return pc.field(column.name) <= pc.scalar(math.inf) if column.type == "float32" else pc.scalar(True)


def _compare(a: pc.Expression, op: type[ast.cmpop], b: pc.Expression) -> pc.Expression:
    if op is ast.Lt:
        return a < b
    if op is ast.LtE:
        return a <= b
    if op is ast.Gt:
        return a > b
    if op is ast.GtE:
        return a >= b
    return a == b if op is ast.Eq else a != b


def _combined(parts: Sequence[pc.Expression], all_of: bool) -> pc.Expression:
    result = parts[0]
    for part in parts[1:]:
        result = result & part if all_of else result | part
    return result
