"""The one dataset that this server shows: opened at the first visit, and again after it was built again."""

from __future__ import annotations

import threading
from contextlib import suppress

from fgbg_depth.errors import FgBgError, OutputError, command
from fgbg_depth.read.reader import DatasetReader


class Opened:
    """Returns the dataset when called. Safe to share between threads.

    Args:
        source: a folder, or USER/NAME on the Hub; None if the user named no dataset and none has been built.
        revision: a tag, branch or commit on the Hub.
    """

    def __init__(self, source: str | None, revision: str | None = None) -> None:
        self.source, self._revision = source, revision
        self._browser: DatasetReader | None = None
        self._lock = threading.Lock()

    def __call__(self) -> DatasetReader:
        """The dataset in its current state.

        Raises:
            FgBgError: it is missing, not complete, not a dataset of this project, or cannot be reached.
        """
        if not self.source:
            raise OutputError(
                "No dataset has been built yet.\n"
                f"  Build the demo dataset, which takes about a minute: {command('build')}\n"
                f"  Or show another dataset, a folder or USER/NAME on the Hub: {command('app DATASET')}"
            )
        with self._lock:
            if self._browser is None or self._browser.files.stamp() != self._browser.stamp:
                self._browser = None
                self._browser = DatasetReader.open(self.source, self._revision)
                threading.Thread(target=_read_ahead, args=(self._browser,), daemon=True).start()
            return self._browser


def _read_ahead(browser: DatasetReader) -> None:
    """Read what filters need before a visitor uses one. A visitor who needs unreadable data gets the error then."""
    with suppress(FgBgError):
        browser.warm()
