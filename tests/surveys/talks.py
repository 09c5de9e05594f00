"""Guides and interviews, made by the verbs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from customers.models import Customer, User
from surveys.guides import writing
from surveys.interviews import holding
from surveys.interviews.said import Held, Said
from surveys.models import Guide, Interview
from tests.factories import NOW

WHO: dict[str, Any] = {"by": None, "at": NOW}


def words(english: str, chinese: str = "") -> dict[str, str]:
    return {"en": english, "zh-hans": chinese or f"中 {english}"}


def document(*extra: dict[str, Any]) -> dict[str, Any]:
    """Return a guide of two questions: one about causes, one with codes of its own; and ``extra``."""
    back = [{"code": code, "text": words(code)} for code in ("yes", "no")]
    return {
        "format": 1,
        "questions": [
            {
                "code": "why",
                "text": words("Why did you leave?", "您为什么离开？"),
                "prompts": [words("Ask for an example.")],
                "codes": "causes",
            },
            {"code": "back", "text": words("Would you come back?"), "prompts": [], "codes": back},
            *extra,
        ],
    }


def guide(code: str = "exit", *, purpose: str = "exit", asks: Any = None) -> Guide:
    """Return a guide, made once."""
    found = Guide.objects.filter(code=code).first()
    return found or writing.create_guide(
        code,
        name_en=f"Guide {code}",
        name_zh=f"提纲 {code}",
        purpose=purpose,
        document=document() if asks is None else asks,
        **WHO,
    )


def said(*causes: str, **values: Any) -> Held:
    """Return what was written down: causes to the first question, and ``note``, ``quote`` beside them."""
    words_of = {name: values.pop(name) for name in ("note", "quote") if name in values}
    if values.get("may_quote"):
        values = {"agreed_how": "spoken", "agreed_on": NOW.date(), **values}
    return Held(answers={"why": Said(tuple(causes), **words_of)}, **values)


def begun(customer: Customer, *, by: User | None = None, at: datetime = NOW, **values: Any) -> Interview:
    """Return an interview that is being held with the customer's main contact."""
    asked = values.pop("guide", None) or guide()
    contact = customer.contacts.filter(is_main=True).first()
    return holding.begin(customer, asked, contact=contact, by=by, at=at, **values)


def held(
    customer: Customer, *causes: str, by: User | None = None, at: datetime = NOW, **values: Any
) -> Interview:
    """Return an interview that was held and finished."""
    asked = values.pop("guide", None)
    interview = begun(customer, by=by, at=at, guide=asked)
    return holding.finish(interview, said(*causes, **values), revision=interview.revision, by=by, at=at)
