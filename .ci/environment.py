"""Make the virtual environment and install pinned requirements, only when they changed.

Standard library only: this runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / "bin"
LEAST = (3, 11)


def main(requirements: str) -> None:
    """Bring ``.venv`` to the state of the file ``requirements``; say what is done."""
    if sys.version_info < LEAST:
        sys.exit(
            f"Liuke needs Python {LEAST[0]}.{LEAST[1]} or newer, this is {sys.version.split()[0]}. "
            "Say which: make run PYTHON=/path/to/python3.11"
        )
    started = time.monotonic()
    wanted = fingerprint(ROOT / requirements)
    stamp = VENV / f".installed-{requirements}"
    if not (BIN / "python").exists() or not works():
        print(f"Making the virtual environment {VENV.name} …", flush=True)
        try:
            venv.create(VENV, clear=True, with_pip=True)
        except (subprocess.CalledProcessError, OSError) as error:
            sys.exit(
                f"Python cannot make a virtual environment here ({error}). "
                "On Debian: apt-get install python3-venv"
            )
    if stamp.exists() and stamp.read_text() == wanted:
        return
    print(f"Installing {requirements} (pinned, with hashes; half a minute the first time) …", flush=True)
    pip = [str(BIN / "python"), "-m", "pip", "install", "-qq", "--no-compile", "--disable-pip-version-check"]
    done = subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / requirements)], check=False)
    if done.returncode:
        sys.exit(f"Installing {requirements} failed; pip's own words stand above.")
    stamp.write_text(wanted)
    if requirements == "requirements-dev.txt":  # it holds all of requirements.txt
        (VENV / ".installed-requirements.txt").write_text(fingerprint(ROOT / "requirements.txt"))
    print(f"Installed in {time.monotonic() - started:.0f} s.", flush=True)


def fingerprint(path: Path) -> str:
    """Return what an installation of ``path`` depends on."""
    return hashlib.sha256(path.read_bytes() + sys.version.encode()).hexdigest()


def works() -> bool:
    """Say whether the environment's Python starts (its base may be gone after an upgrade)."""
    asked = [str(BIN / "python"), "-c", "import pip"]
    return subprocess.run(asked, check=False, capture_output=True).returncode == 0


if __name__ == "__main__":
    main(sys.argv[1])
