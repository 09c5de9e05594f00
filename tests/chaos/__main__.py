"""``python -m tests.chaos``: set up the servers that may be broken, and run the chaos tests on them.

python -m tests.chaos                                  the short form of CI
python -m tests.chaos --seeds 20 --customers 100000 --kills 20
python -m tests.chaos -- -k storm                      what follows goes to pytest
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

import pytest

from tests.chaos import kit as bench
from tests.chaos.kit import SECRET, Kit, say


def main(words: list[str]) -> int:
    """Run and return pytest's exit code."""
    end = words.index("--") if "--" in words else len(words)
    own, rest = words[:end], words[end + 1 :]
    parser = argparse.ArgumentParser(prog="python -m tests.chaos")
    parser.add_argument("--seeds", type=int, default=1, help="how many (default: 1)")
    parser.add_argument("--first", type=int, default=1, help="the first seed (default: 1)")
    parser.add_argument("--customers", type=int, default=5_000, help="in the storm (default: 5000)")
    parser.add_argument("--kills", type=int, default=5, help="of embedded processes too (default: 5)")
    parser.add_argument(
        "--full", action="store_true", help="also what takes minutes: every guard, every wait"
    )
    asked = parser.parse_args(own)
    os.environ.update(
        CHAOS_SEEDS=str(asked.seeds),
        CHAOS_FIRST=str(asked.first),
        CHAOS_CUSTOMERS=str(asked.customers),
        CHAOS_KILLS=str(asked.kills),
        CHAOS_FULL="1" if asked.full else "",
        SECRET_KEY=SECRET,
        EMAIL_URL="memorymail://",
    )
    say(
        f"seeds {asked.first} to {asked.first + asked.seeds - 1}, "
        f"{asked.customers} customers, {asked.kills} kills"
    )
    with tempfile.TemporaryDirectory(prefix="liuke-chaos-") as folder, Kit(Path(folder)).running() as kit:
        os.environ["DATABASE_URL"] = kit.pg.address()
        bench.CURRENT = kit
        options = [
            "-m",
            "chaos",
            "-n0",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:randomly",
            "-q",
            "--durations=12",
        ]
        return int(pytest.main([str(Path(__file__).parent), *options, *rest]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
