"""The one dataset that this server shows: opened at the first visit, and again when it was built anew."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress

from fgbg_depth.errors import FgBgError, OutputError
from fgbg_depth.read.reader import Browser

NOTHING_BUILT = OutputError(
    "No dataset has been built yet.\n"
    "  Build the demo in a minute or so: python builder.py build\n"
    "  Or name one: python app.py FOLDER, or python app.py user/name for one on the Hub."
)


class Opened:
    """Gives the browser, or raises what is wrong and what to do."""

    def __init__(self, source: str | None, revision: str | None = None) -> None:
        self.source, self._revision = source, revision
        self._browser: Browser | None = None
        self._lock = threading.Lock()

    def __call__(self) -> Browser:
        """The dataset as it is now.

        Raises:
            FgBgError: it is missing, half-built, foreign or out of reach.
        """
        if not self.source:
            raise NOTHING_BUILT
        with self._lock:
            if self._browser is None or self._browser.files.stamp() != self._browser.stamp:
                self._browser = None
                self._browser = Browser.open(self.source, self._revision)
                threading.Thread(target=_quietly(self._browser.warm), daemon=True).start()
            return self._browser


def _quietly(work: Callable[[], None]) -> Callable[[], None]:
    def run() -> None:
        with suppress(FgBgError):  # it runs ahead of need; whoever needs it gets the message
            work()

    return run
