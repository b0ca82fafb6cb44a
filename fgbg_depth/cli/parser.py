"""The parser of the command line: errors in two lines, with the option, command or value that was probably meant."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn

from fgbg_depth.errors import UsageError

_PLAINER = (
    (r"^argument (?=-)", ""),
    (r"invalid int value: ('.*')", r"\1 is not a whole number."),
    (r"invalid float value: ('.*')", r"\1 is not a number."),
    (r"^the following arguments are required: (.*)", r"missing: \1."),
)


class CommandParser(argparse.ArgumentParser):
    """Like argparse's, except for the messages: argparse prints the usage of all options before each error."""

    def error(self, message: str) -> NoReturn:
        """Print what is wrong and where the help is, and exit with 2.

        Args:
            message: argparse's own, or one of this class.
        """
        for pattern, replacement in _PLAINER:
            message = re.sub(pattern, replacement, message)
        print(f"{UsageError.__name__}: {message}\n  See: {self.prog} --help", file=sys.stderr)
        self.exit(UsageError.exit_code)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Print; argparse's own ignores an output that was closed, so that the exit code would be 0."""
        if message:
            (file or sys.stderr).write(message)

    def parse_args(  # type: ignore[override]  # argparse allows any namespace object
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Parse all arguments; exits with 2 if one is unknown, or if there are none."""
        words = sys.argv[1:] if args is None else args
        if not words:
            self.print_help(sys.stderr)
            self.exit(UsageError.exit_code)
        if words[0].startswith("-") and not any(flag.startswith(words[0]) for flag in self._option_string_actions):
            self.error(f"{words[0]} stands before the command; write {self.prog} COMMAND {words[0]} ...")
        options, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self._command_of(options)._refuse(unknown)
        return options

    def _command_of(self, options: argparse.Namespace) -> CommandParser:
        """The parser of the subcommand that was given, which knows the options that are possible."""
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                command = action.choices.get(getattr(options, action.dest, ""))
                if isinstance(command, CommandParser):
                    return command
        return self

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        option = next((word for word in unknown if word.startswith("-")), None)
        if option is None:
            hint = " A folder or file needs its option in front of it." if os.path.exists(unknown[0]) else ""
            self.error(f"unexpected argument {unknown[0]!r}.{hint}")
        option = option.split("=", 1)[0]
        self.error(f"there is no option {option}.{did_you_mean(option, self._option_string_actions)}")

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a value that is not among the choices; called by argparse."""
        if action.choices is None or value in action.choices:
            return
        allowed = [str(choice) for choice in action.choices]
        if isinstance(action, argparse._SubParsersAction):
            self.error(f"there is no command {value!r}.{did_you_mean(value, allowed)} Commands: {', '.join(allowed)}.")
        raise argparse.ArgumentError(
            action, f"{value!r} is not allowed.{did_you_mean(str(value), allowed)} Allowed: {', '.join(allowed)}."
        )


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean X?`, with the known word that is most similar; "" if none is."""
    similar = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {similar[0]}?" if similar else ""


def number(kind: type[int] | type[float], allowed: str = "") -> Callable[[str], int | float]:
    """A `type=` for argparse that reads a number.

    Args:
        kind: int refuses 2.5.
        allowed: the range, for the message; it is not checked.
    """
    name = "a whole number" if kind is int else "a number"

    def read(text: str) -> int | float:
        try:
            return kind(text)
        except ValueError:
            range_ = f" ({allowed})" if allowed else ""
            raise argparse.ArgumentTypeError(f"{text!r} is not {name}{range_}.") from None

    return read


def count(text: str) -> int:
    """A `type=` for argparse: a whole number from 0."""
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; allowed: a whole number from 0.")
    return int(text)
