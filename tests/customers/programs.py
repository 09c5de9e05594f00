"""``manage.py`` as a program of its own, which tells at its end how much memory it took at most."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
# What wait4() tells of a child counts the memory of the parent that it was forked from; this does not.
_PROGRAM = """
import atexit, resource, runpy, sys
limit = int(sys.argv.pop(1))
if limit:
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
def told():
    text = open("/proc/self/status").read()
    print("peak", text.split("VmHWM:")[1].split()[0], file=sys.stderr)
atexit.register(told)
del sys.argv[0]
sys.path[0] = sys.argv[0].rpartition("/")[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(arguments: tuple[Any, ...], *, cwd: Path, environment: dict[str, str], limit: int = 0) -> Any:
    """Start it; ``limit``: of its address space, in bytes."""
    return subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(limit), str(ROOT / "manage.py"), *map(str, arguments)],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def peak(err: str) -> int:
    """Return the most memory that a program took, in MB, by what it said at its end."""
    found = re.findall(r"^peak (\d+)$", err, re.MULTILINE)
    return int(found[-1]) // 1024
