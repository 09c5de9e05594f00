"""No ``{% translate … as name %}`` of a template hides what the view gave it under the same name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.template.base import Lexer, TokenType

STRING = re.compile(r""""[^"]*"|'[^']*'""")
WORDED = re.compile(r"^(?:blocktranslate\b.*? asvar|translate\b.* as) (\w+)")
SET = re.compile(r" as(?:var)? (\w+)")
READ = re.compile(r"(?<![\w.|])[a-z_]\w*\b(?!=)")
OPENS = ("if", "for", "with", "block", "blocktranslate")


def hidden(source: str) -> set[str]:
    """Return the names that are worded in one place and read in another where nothing was said of them."""
    tokens = [one for one in Lexer(source).tokenize() if one.token_type in (TokenType.VAR, TokenType.BLOCK)]
    blocks = [STRING.sub('""', one.contents) for one in tokens if one.token_type == TokenType.BLOCK]
    worded = {found[1] for one in blocks if (found := WORDED.match(one))}
    found: set[str] = set()
    known: list[set[str]] = [set()]  # the names set so far, of each tag that is open
    ended: list[list[set[str]]] = [[]]  # those set by the branches before, of each tag that is open
    for token in tokens:
        body = STRING.sub('""', token.contents)
        tag = body.split()[0] if token.token_type == TokenType.BLOCK else ""
        rest = body.removeprefix(tag).partition(" in ")[2] if tag == "for" else body.removeprefix(tag)
        if tag not in ("block", "endblock", "load"):
            found |= (set(READ.findall(SET.sub("", rest))) & worded) - known[-1]
        if tag in OPENS:
            own = set(re.findall(r"(\w+)=", body)) | set(re.findall(r"\w+", body.partition(" in ")[0]))
            known.append(known[-1] | (own if tag in ("for", "with", "blocktranslate") else set()))
            ended.append([])
            if tag == "blocktranslate":
                known[-2].update(SET.findall(body))
        elif tag in ("elif", "else", "empty"):
            ended[-1].append(known[-1])
            known[-1] = set(known[-2])
            ended[-1] += [set()] if tag == "empty" else []
        elif tag.removeprefix("end") in OPENS:
            last, before = known.pop(), ended.pop()
            if tag == "endif" and before:
                known[-1] |= last.intersection(*before)
        else:
            known[-1].update(SET.findall(body) if tag else ())
    return found


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('{% if a %}{% translate "x" as text %}{% endif %}{{ text|upper }}', {"text"}),
        ("{{ text }}{% blocktranslate asvar text trimmed %}x{% endblocktranslate %}", {"text"}),
        ('{% translate "x" as text %}{{ text }}', set()),
        ('{{ one.text }}{% include "a" with text=b only %}{% translate "x" as text %}{{ text }}', set()),
        ('{% if a %}{% translate "x" as t %}{% else %}{% translate "y" as t %}{% endif %}{{ t }}', set()),
        ('{% for t in rows %}{{ t }}{% endfor %}{% translate "x" as t %}{{ t }}', set()),
    ],
)
def test_what_is_hidden_is_found(source, names):
    assert hidden(source) == names


def test_no_words_of_a_template_hide_what_the_view_gave_it():
    root = Path(settings.BASE_DIR)
    paths = [
        path
        for folder in ("config", "customers", "surveys", "loyalty", "retention")
        for path in (root / folder).rglob("templates/**/*.html")
    ]
    assert len(paths) > 300
    found = {path.relative_to(root).as_posix(): hidden(path.read_text()) for path in paths}
    assert {path: names for path, names in found.items() if names} == {}
