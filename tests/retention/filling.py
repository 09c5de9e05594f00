"""A form as somebody without script meets it: its fields with their values, and its buttons."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any


class Form(HTMLParser):
    """Reads the form that holds the editor; ``values`` may be changed, ``press`` sends it."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.buttons: list[str] = []
        self.text: list[str] = []
        self._select, self._area = "", ""
        self._first: str | None = None
        self.inside = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        """Note fields, chosen options and buttons."""
        at = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = "data-guard" in at
        if not self.inside:
            return
        name = at.get("name", "")
        if tag == "input" and name:
            if at.get("type") not in ("checkbox", "radio") or "checked" in at:
                self.values.setdefault(name, []).append(at.get("value", ""))
        elif tag == "button" and name:
            self.buttons.append(at["value"])
        elif tag == "select":
            self._select, self._first = name, None
        elif tag == "textarea":
            self._area = name
        elif tag == "option" and self._select:
            if self._first is None:
                self._first = at["value"]
            if "selected" in at:
                self.values[self._select] = [at["value"]]

    def handle_endtag(self, tag: str) -> None:
        """A list without a choice sends its first option."""
        if tag == "select" and self._select:
            self.values.setdefault(self._select, [self._first or ""])
            self._select = ""
        if tag == "textarea":
            self._area = ""
        if tag == "form":
            self.inside = False

    def handle_data(self, data: str) -> None:
        """Keep what stands in text areas, and the text that is read."""
        if self._area:
            self.values[self._area] = [data.strip("\n")]
        if self.inside:
            self.text.append(data)

    def sends(self, act: str = "", **changed: Any) -> dict[str, Any]:
        """Return what is sent when a button of the editor is pressed, or the form's own."""
        if act:
            assert act in self.buttons, (act, self.buttons)
        data: dict[str, Any] = dict(self.values)
        for key, value in changed.items():
            data[key.replace("__", ".").replace("_at_", "-")] = value
        return {**data, "condition.act": act} if act else data
