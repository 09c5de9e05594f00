"""Do the lines of each record stand together in the file? Then they need not be sorted first."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterable, Sequence
from itertools import groupby

_BUCKETS = 256
_MOST = 12_000_000  # runs that are remembered, 8 bytes each; a file with more is sorted on disk
_FLOATED = re.compile(r"\.0+$")


class Together:
    """Learns from the ids, line by line, whether each stands in one run of lines only.

    It may say no where the answer is yes, never the other way round: ids that may be read as the same
    count as the same.
    """

    def __init__(self, *, is_grouped: bool) -> None:
        self.is_grouped = is_grouped
        self.runs = [array("q") for _bucket in range(_BUCKETS)]
        self.count = 0
        self.last = ""

    def see(self, texts: Sequence[str]) -> None:
        """Take the ids of some lines into account; empty ones are refused and tell nothing."""
        if self.count > _MOST:
            return
        found: Iterable[str] = (text for text in texts if text)
        if self.is_grouped:
            found = (text for text, _lines in groupby(found))
        runs, last = self.runs, self.last
        for text in found:
            name = text.strip()
            while name[:1] == "'":  # a cell made safe for spreadsheets, perhaps with blanks behind
                name = name[1:].lstrip()
            if "." in name:
                name = _FLOATED.sub("", name)
            if not name or (name == last and self.is_grouped):
                continue
            last = name
            self.count += 1
            number = hash(name)
            runs[number & (_BUCKETS - 1)].append(number)
        self.last = last

    def stand(self) -> bool:
        """Say whether no id came again after another one (without groups: came again at all)."""
        return self.count <= _MOST and all(len(set(run)) == len(run) for run in self.runs)
