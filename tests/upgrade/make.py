"""Leave a small dump of the demo company for later versions to migrate: ``make dump``.

    python tests/upgrade/make.py

Written beside this file, once a version, for SQLite and PostgreSQL (a server of its own is started).
Plain SQL under xz, so that any client can load it; each stays below 300 kB.
"""

from __future__ import annotations

import lzma
import os
import secrets
import sqlite3
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LARGEST = 300_000  # bytes
CUSTOMERS, MONTHS, UNTIL, SEED = "65", "12", "2026-03-31", "1"


def main(root: Path = ROOT) -> None:
    """Build the demo in a fresh database of each kind, with the code in ``root``, and dump it."""
    sys.path.insert(0, str(ROOT / ".ci"))
    import services

    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "demo.sqlite3"
        build(root, f"sqlite:///{file}", folder)
        with sqlite3.connect(file) as kept:
            write(f"{version}.sqlite.sql.xz", "\n".join(kept.iterdump()))
        with services.postgres() as address:
            build(root, address, folder)
            dump = services.program("pg_dump", "/usr/lib/postgresql/*/bin/pg_dump")
            if not dump:
                raise services.Missing("pg_dump (apt-get install postgresql)")
            options = ["--no-owner", "--no-privileges", "--inserts", "--rows-per-insert=200"]
            told = subprocess.run([dump, *options, address], check=True, capture_output=True, text=True)
            lines = (line for line in told.stdout.splitlines() if not line.startswith("\\"))
            write(f"{version}.postgresql.sql.xz", "\n".join(lines))


def build(root: Path, address: str, folder: str) -> None:
    """Migrate an empty database and fill it with a small demo company."""
    env = {
        **os.environ,
        "DATABASE_URL": address,
        "SECRET_KEY": secrets.token_urlsafe(50),
        "DEBUG": "1",
        "DEMO_PASSWORD": "dump-of-the-demo",
        "LIUKE_VAR": folder,
    }
    company = ["demo", "--customers", CUSTOMERS, "--months", MONTHS, "--until", UNTIL, "--seed", SEED]
    for command in (["migrate", "--verbosity", "0"], ["createcachetable"], company):
        subprocess.run([sys.executable, "manage.py", *command], cwd=root, env=env, check=True)


def write(name: str, sql: str) -> None:
    """Write the dump; refuse one that a repository should not carry."""
    packed = lzma.compress(sql.encode(), preset=9 | lzma.PRESET_EXTREME)
    if len(packed) > LARGEST:
        sys.exit(f"{name} would be {len(packed):,} bytes: build a smaller company")
    (HERE / name).write_bytes(packed)
    sys.stdout.write(f"{name}: {len(packed):,} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else ROOT)
