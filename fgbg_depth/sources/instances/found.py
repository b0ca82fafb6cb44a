"""The instances of an annotated data set that are used, and how many are left out and why."""

from __future__ import annotations

from collections import Counter

from fgbg_depth.errors import SourceError
from fgbg_depth.recipe.addresses import Address
from fgbg_depth.sources.folder import FolderListing, SourceFile


class Found:
    """Collects instances."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._files: list[SourceFile] = []
        self._left_out: Counter[str] = Counter()
        self._classes: set[str] = set()

    def accepts(self, class_name: str, longer_side: float) -> bool:
        """Whether an instance is of a wanted class and large enough; counts it if it is not.

        Args:
            longer_side: of the instance's box, in pixels.
        """
        self._classes.add(class_name)
        if self._address.classes and class_name not in self._address.classes:
            self.leave_out("of another class")
            return False
        if longer_side < self._address.min_side:
            self.leave_out(f"smaller than {self._address.min_side} pixels")
            return False
        return True

    def add(self, file: SourceFile) -> None:
        self._files.append(file)

    def leave_out(self, reason: str) -> None:
        self._left_out[reason] += 1

    def listing(self, where: str, license_note: str = "") -> FolderListing:
        """All instances that are used.

        Raises:
            SourceError: there is none.
        """
        counts = ", ".join(f"{number:,} {reason}" for reason, number in self._left_out.most_common())
        if not self._files:
            classes = f" Its classes are {', '.join(sorted(self._classes))}." if self._classes else ""
            raise SourceError(
                f"{where} has no instance that can be used (left out: {counts or 'none'}).{classes}\n"
                "  Check the path, or use other options: ?min_side=32 takes smaller instances."
            )
        ignored = f"instances left out of {where.rsplit('/', 1)[-1]}: {counts}" if counts else ""
        return FolderListing(self._files, ignored, license_note=license_note)
