"""What went wrong, where, and what to do: the messages people read instead of tracebacks."""


class FgBgError(Exception):
    """Base of every error this project raises on purpose. The command line prints its text and exits."""

    exit_code = 1


class UsageError(FgBgError):
    """The command was typed wrong: an unknown option, two that exclude each other, a missing argument."""

    exit_code = 2


class RecipeError(FgBgError):
    """A recipe has an unknown key, or a value outside its allowed range."""

    exit_code = 2


class SourceError(FgBgError):
    """A background or a cut-out cannot be used."""


class PlacementError(FgBgError):
    """A cut-out cannot be placed in the frame."""


class DepthError(FgBgError):
    """A depth model cannot be found, loaded or trusted."""


class ShardError(FgBgError):
    """A shard cannot be made or read."""


class OutputError(FgBgError):
    """The output folder cannot be used: read-only, full, busy, or not one of ours."""


class EngineError(FgBgError):
    """Workers died or could not be started."""


class HubError(FgBgError):
    """The Hub said no, or could not be reached."""
