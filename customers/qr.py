"""QR codes of addresses (ISO/IEC 18004), to be printed: level M, four modules of white around."""

from __future__ import annotations

import io

import segno

QUIET = 4
"""Modules of white around the code, which the standard asks for."""
PNG_SCALE = 12
"""Pixels of a module: about 500 in all, which prints sharp at 4 cm and more."""


def svg(address: str) -> bytes:
    """Return the code as an SVG file, of no fixed size, black on white whatever is behind it."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind="svg", border=QUIET, dark="#000", light="#fff", omitsize=True, xmldecl=False, nl=False
    )
    return out.getvalue()


def png(address: str) -> bytes:
    """Return the code as a PNG file."""
    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(
        out, kind="png", border=QUIET, scale=PNG_SCALE, dark="#000", light="#fff"
    )
    return out.getvalue()
