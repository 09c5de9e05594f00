"""How a survey will look on the customer's phone, drawn beside the form in which it is written."""

from __future__ import annotations

from django.template.loader import render_to_string
from django.utils import translation
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from surveys.definition import Definition, said, words_language
from surveys.pages.asking import fields


def preview_of(definition: Definition, language: str) -> SafeString:
    """Return all pages of a survey, one below the other, in a language."""
    words = words_language(language)
    with translation.override(words):
        slots = [("slot-1", gettext("tomorrow morning")), ("slot-2", gettext("tomorrow afternoon"))]
        pages = [
            {
                "title": said(page.title, language),
                "fields": fields(page.questions, language=language, answers={}, slots=slots),
                "conditional": [one for one in page.questions if one.visible_if],
            }
            for page in definition.pages
        ]
        context = {
            "title": said(definition.title, language),
            "intro": said(definition.intro, language),
            "pages": pages,
            "thanks": said(definition.thanks.get("any", {}), language),
            "lang": language,
            "words": words,
        }
        return mark_safe(render_to_string("surveys/preview.html", context))
