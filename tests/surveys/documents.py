"""Definitions for tests: small ones that can be published as they are."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Json = Any


def both(english: str, chinese: str = "") -> dict[str, str]:
    """Return a text in the two languages."""
    return {"en": english, "zh-hans": chinese or f"{english}（中）"}


NPS: Json = {
    "format": 1,
    "languages": ["en", "zh-hans"],
    "title": both("Two questions, 30 seconds", "两个问题，30 秒"),
    "pages": [
        {
            "questions": [
                {
                    "code": "nps",
                    "kind": "nps",
                    "text": both("How likely are you to recommend us?", "您有多大可能推荐我们？"),
                    "required": True,
                    "ends": {"low": both("not at all", "完全不会"), "high": both("certainly", "一定会")},
                    "follow_up": {
                        "low": both("What let you down most?", "哪件事最让您失望？"),
                        "middle": both("What should we do better?", "我们该改进什么？"),
                        "high": both("What do you like most?", "您最满意什么？"),
                    },
                },
                {
                    "code": "call",
                    "kind": "contact",
                    "text": both("May we call you?", "要我们打电话给您吗？"),
                    "visible_if": {
                        "match": "all",
                        "tests": [{"question": "nps", "op": "<=", "value": 6}],
                    },
                },
            ]
        }
    ],
    "thanks": {
        "any": both("Thank you.", "谢谢您。"),
        "low": both("Thank you. We are sorry.", "谢谢您，非常抱歉。"),
    },
}

EVERY: Json = {
    "format": 1,
    "languages": ["en", "zh-hans"],
    "title": both("Every kind"),
    "intro": both("It takes a minute."),
    "pages": [
        {
            "title": both("First"),
            "questions": [
                {"code": "ces", "kind": "ces", "points": 5, "text": both("It was easy."), "required": True},
                {"code": "csat", "kind": "csat", "text": both("How satisfied are you?")},
                {"code": "stars", "kind": "rating", "points": 10, "text": both("The product?")},
                {
                    "code": "cause",
                    "kind": "single",
                    "text": both("Why?"),
                    "choices": [
                        {"code": "price", "text": both("Price")},
                        {"code": "service", "text": both("Service")},
                    ],
                },
            ],
        },
        {
            "title": both("Second"),
            "questions": [
                {
                    "code": "wishes",
                    "kind": "multiple",
                    "text": both("What would you like?"),
                    "choices": [
                        {"code": "faster", "text": both("Faster")},
                        {"code": "cheaper", "text": both("Cheaper")},
                        {"code": "nearer", "text": both("Nearer")},
                    ],
                },
                {
                    "code": "words",
                    "kind": "text",
                    "text": both("In your words?"),
                    "visible_if": {
                        "match": "any",
                        "tests": [
                            {"question": "cause", "op": "is", "value": "service"},
                            {"question": "wishes", "op": "includes", "value": "faster"},
                        ],
                    },
                },
                {"code": "again", "kind": "yes_no", "text": both("Would you come back?")},
                {"code": "since", "kind": "date", "text": both("Since when?")},
            ],
        },
    ],
    "thanks": {"any": both("Thank you.")},
}


def nps() -> Json:
    """Return a survey of one score, why, and whether one may call."""
    return deepcopy(NPS)


def every() -> Json:
    """Return a survey with every kind of question but that of a call, on two pages."""
    return deepcopy(EVERY)


def question(document: Json, code: str) -> Json:
    """Return one question of a document, to be changed in place."""
    return next(one for page in document["pages"] for one in page["questions"] if one["code"] == code)
