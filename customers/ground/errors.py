"""The one base of everything that the product refuses to do."""

from __future__ import annotations

from django.utils.functional import Promise


class Refused(Exception):
    """A request that the rules of the product do not allow, worded for the person who asked.

    Subclasses set ``code`` (stable, for programs) and ``message`` (translated lazily). Keyword
    arguments fill the message's named placeholders.
    """

    code: str = "refused"
    message: str | Promise = ""

    def __init__(self, message: str | Promise = "", **values: object) -> None:
        self.values = values
        self.text = message or self.message
        super().__init__(self.code)

    def __str__(self) -> str:
        text = str(self.text)
        return text % self.values if self.values else text
