"""Files that somebody made to hurt: written in pieces, so that no test holds one in memory."""

from __future__ import annotations

import gzip
import io
import os
import socket
import struct
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

HEADER = b"id,customer,date,quantity,unit price\n"
GOOD = b"A%d,C1,2026-05-01,1,1\n"
GOODS = b"".join(GOOD % n for n in range(50))
SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{}</sheetData></worksheet>'
_ROW = '<row r="{0}">{1}</row>'
_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
    '<Override PartName="/xl/worksheets/sheet1.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Target="{}" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/{}"/></Relationships>'
)
_BOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="a" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
_LAUGHS = (
    '<!DOCTYPE lol [<!ENTITY a0 "ha">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)


def cell(text: str, name: str = "") -> str:
    at = f' r="{name}"' if name else ""
    return f'<c{at} t="inlineStr"><is><t>{text}</t></is></c>'


def head() -> str:
    return _ROW.format(1, "".join(cell(name) for name in HEADER.decode().strip().split(",")))


def book(*pieces: str, doctype: str = "") -> Callable[[Path], None]:
    """Return what writes a workbook whose sheet is made of pieces."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as pack:
            pack.writestr("[Content_Types].xml", _TYPES)
            pack.writestr("_rels/.rels", _RELATIONS.format("xl/workbook.xml", "officeDocument"))
            pack.writestr("xl/workbook.xml", _BOOK)
            pack.writestr(
                "xl/_rels/workbook.xml.rels", _RELATIONS.format("worksheets/sheet1.xml", "worksheet")
            )
            before, after = SHEET.split("{}")
            with pack.open("xl/worksheets/sheet1.xml", "w") as part:
                part.write((doctype + before).encode())
                for piece in pieces:
                    part.write(piece.encode())
                part.write(after.encode())

    return write


def plain(*pieces: bytes, times: int = 1) -> Callable[[Path], None]:
    """Return what writes pieces, the last of them many times."""

    def write(path: Path) -> None:
        with path.open("wb") as stream:
            for piece in pieces[:-1]:
                stream.write(piece)
            for _time in range(times):
                stream.write(pieces[-1])

    return write


def packed(*pieces: bytes, times: int = 1) -> Callable[[Path], None]:
    """Do the same packed; each time is a packed member that was made once."""
    return plain(*(gzip.compress(piece, 1, mtime=0) for piece in pieces), times=times)


def sparse(size: int) -> Callable[[Path], None]:
    """Return what writes a header and a line of so many NULs that takes no place on the disk."""

    def write(path: Path) -> None:
        path.write_bytes(HEADER)
        os.truncate(path, len(HEADER) + size)

    return write


def _socket(path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    here = Path.cwd()
    try:
        os.chdir(path.parent)  # names of sockets are short
        listener.bind(path.name)
    finally:
        os.chdir(here)
        listener.close()


def _cut(write: Callable[[Path], None]) -> Callable[[Path], None]:
    def write_and_cut(path: Path) -> None:
        write(path)
        os.truncate(path, path.stat().st_size - 60)

    return write_and_cut


def _lying_zip(path: Path) -> None:
    """Write a workbook whose directory says that the sheet has 100 bytes."""
    book(head(), "<row/>" * 2_000_000)(path)
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = struct.pack("<I", 100)
    path.write_bytes(data)


def _other_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as pack:
        pack.writestr("readme.txt", "no workbook")


def _many_texts() -> Iterator[str]:
    yield head()
    for number in range(2, 200):
        yield _ROW.format(number, "".join(cell("x" * 30_000) for _cell in range(5)))


WRITE: dict[str, Callable[[Path], None]] = {
    "empty": plain(b""),
    "blank": plain(b"\n\r\n  \n"),
    "header-only": plain(HEADER),
    "directory": lambda path: path.mkdir(),
    "fifo": lambda path: os.mkfifo(path),
    "socket": _socket,
    "headers-twice": plain(b"id,id,customer,date,quantity,unit price\n", GOODS),
    "mixed-newlines": plain(HEADER, GOODS.replace(b"\n", b"\r\n", 20), b"B1,C1,2026-05-01,1,1\rB2,C1,x\n"),
    "carriage-returns-only": plain((HEADER + GOODS).replace(b"\n", b"\r")),
    "utf-16": plain((HEADER + GOODS).decode().encode("utf-16")),
    "utf-16-without-mark": plain((HEADER + GOODS).decode().encode("utf-16-le")),
    "utf-32": plain((HEADER + GOODS).decode().encode("utf-32")),
    "gbk": plain("编号,客户,日期,数量,单价\nA,青山,2026-05-01,1,1\n".encode("gbk")),
    "gbk-broken": plain("编号,客户,日期,数量,单价\n".encode("gbk") + b"A,\x81\xff,2026-05-01,1,1\n" * 50),
    "nul": plain(HEADER, GOODS, b"N,C\0,2026-05-01,1,1\n"),
    "nul-only": plain(b"\0" * 4096, times=256),
    "surrogates": plain(HEADER, GOODS, b"S,\xed\xa0\x80,2026-05-01,1,1\n"),
    "many-columns": plain(b"a," * 400_000 + b"\n" + GOODS),
    "a-million-columns": plain(b"", b"column,", times=1_000_000),
    "a-million-columns-in-a-line": plain(HEADER, GOODS, b"," * 900_000 + b"\n"),
    "endless-line": plain(b"", b"x" * 65_536, times=100),
    "endless-line-behind": plain(HEADER + GOODS, b"x" * 65_536, times=100),
    "quotes-never-closed": plain(HEADER, b'A,"never closed,2026-05-01,1,1\n', times=20_000),
    "quotes-nested": plain(HEADER, b'a"b,"c,x""y\n', times=20_000),
    "quotes-only": plain(HEADER, b'"' * 65_536, times=40),
    "quoted-newlines": plain(HEADER + b'"', b"\n", times=300_000),
    "gz-cut": _cut(packed(HEADER + GOODS * 99)),
    "gz-garbage-behind": plain(gzip.compress(HEADER + GOODS, mtime=0), b"garbage"),
    "gz-in-gz": plain(gzip.compress(gzip.compress(HEADER + GOODS, mtime=0), mtime=0)),
    "text-called-gz": plain(HEADER, GOODS),
    "zip": _other_zip,
    "xlsx-cut": _cut(book(head())),
    "xlsx-lies": _lying_zip,
    "xlsx-bomb": book(head(), *["<row/>" * 100_000] * 90),
    "xlsx-entities": book(head(), _ROW.format(2, cell("&a9;")), doctype=_LAUGHS),
    "xlsx-outside": book(
        _ROW.format(2, cell("&x;")), doctype='<!DOCTYPE x [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    ),
    "xlsx-row-far-below": book(head(), _ROW.format(2_000_000_000, cell("x"))),
    "xlsx-column-far-right": book(head(), _ROW.format(2, cell("x", "ZZZZZZ2"))),
    "xlsx-no-number": book(head(), '<row r="-5"><c t="n"><v>1e999</v></c><c t="d"><v>never</v></c></row>'),
    "xlsx-odd-characters": book(head(), _ROW.format(2, cell("a_x0000_b") + cell("_xD800_"))),
}
"""Small enough for every run."""

HEAVY: dict[str, Callable[[Path], None]] = {
    "gz-bomb": packed(HEADER, b"0" * 10_000_000, times=260),
    "gz-bomb-of-lines": packed(HEADER, b"A,C1,2026-05-01,1\n" * 500_000, times=300),
    "a-line-of-1-gb": sparse(10**9),
    "a-line-of-1-gb-packed": packed(HEADER + GOODS, b"x" * 10_000_000, times=100),
    "100-mb-of-newlines": plain(b"", b"\n" * 1_000_000, times=100),
    "100-mb-of-newlines-behind": plain(HEADER, b"\n" * 1_000_000, times=100),
    "100-mb-of-line-ends": plain(HEADER, b"\r\n" * 500_000, times=100),
    "100-mb-of-quotes": plain(HEADER, b'A,"never closed,2026-05-01,1,1\n' * 30_000, times=100),
    "xlsx-of-long-texts": book(*_many_texts()),
}
"""Those take seconds each."""


def buffered(name: str, folder: Path) -> io.BytesIO | None:
    """Return a file as somebody would upload it; nothing where a browser could not."""
    path = folder / name
    WRITE[name](path)
    return io.BytesIO(path.read_bytes()) if path.is_file() else None
