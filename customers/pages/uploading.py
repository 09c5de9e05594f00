"""Uploads from people whom nobody knows: cut off where they pass a limit, before anything fills up."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest


class TooMuch(FileUploadHandler):
    """Stops reading when the files of a request are larger than ``most`` bytes together."""

    def __init__(self, request: HttpRequest, *, most: int) -> None:
        super().__init__(request)
        self.left = most
        self.is_over = False

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Count, and pass on."""
        self.left -= len(raw_data)
        if self.left < 0:
            self.is_over = True
            raise StopUpload(connection_reset=True)
        return raw_data

    def file_complete(self, file_size: int) -> Any:
        """Leave the file to the handlers behind."""
        return None


def bound(request: HttpRequest, *, most: int) -> bool:
    """Read the form of a request that may bring at most ``most`` bytes; say whether it did not bring more."""
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        return False
    if length > most:
        return False  # not a byte of it is read
    handler = TooMuch(request, most=most)
    request.upload_handlers.insert(0, handler)
    len(request.POST)  # reads it
    return not handler.is_over
