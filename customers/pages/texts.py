"""What texts say: how well they are read, those that are unclear, one text, the press that corrects."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from customers import showing
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Aspect, Cause, TextReading
from customers.text import answers, correct_reading, sources
from customers.text.showing import Quality, chips, quality

PAGE = 50
SEES = ("account_manager", "team_lead", "admin", "analyst")
CORRECTS = ("account_manager", "team_lead", "admin")


@require_safe
@allow(*SEES)
def text_quality(request: HttpRequest) -> HttpResponse:
    """Show how well texts are read, and the newest ones that nobody is sure about, aspect by aspect."""
    wanted = request.GET.get("aspect", "")
    aspect = wanted if wanted in Aspect.values else Aspect.SENTIMENT.value
    visible: Any = TextReading.objects.visible_to(request.user)  # type: ignore[attr-defined]
    found = visible.unsure(aspect).select_related("customer").order_by("-id")
    after = whole(request.GET.get("after"))
    if after is not None:
        found = found.filter(pk__lt=after)
    rows = list(found[: PAGE + 1])
    context = {
        "quality": [(one, _figures(one)) for one in quality()],
        "aspect": aspect,
        "rows": _with_texts(rows[:PAGE]),
        "answers": answers(aspect),
        "may_correct": request.user.role in CORRECTS,
        "views": [
            {"url": f"?aspect={code}", "label": str(label).capitalize(), "current": code == aspect}
            for code, label in Aspect.choices
        ],
        "older": f"?aspect={aspect}&after={rows[PAGE - 1].pk}" if len(rows) > PAGE else None,
        "newer": f"?aspect={aspect}" if after is not None else None,
    }
    return render(request, "customers/text/quality.html", context)


@require_safe
@allow(*SEES)
def text_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the text of a reading and all that it says; a press corrects it."""
    visible = TextReading.objects.visible_to(request.user)  # type: ignore[attr-defined]
    one = get_object_or_404(visible.select_related("customer"), pk=pk)
    kind, number = one.subject_kind, one.subject_id
    source = sources.named(kind)
    text = source.texts([number]).get(number) if source is not None else None
    if source is None or text is None:
        raise Http404
    rows = visible.filter(subject_kind=kind, subject_id=number)
    customer = one.customer
    context = {
        "text": text,
        "label": source.label,
        "customer": customer,
        "customer_url": showing.to("customer", customer.pk) if customer is not None else "",
        "chips": [
            (chip, answers(chip.aspect)) for chip in chips(rows, Cause.objects.all()).get((kind, number), [])
        ],
        "may_correct": request.user.role in CORRECTS,
    }
    return render(request, "customers/text/text.html", context)


@require_POST
@allow(*CORRECTS)
def text_correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Say what a text says in one aspect, or take back what was said."""
    visible = TextReading.objects.visible_to(request.user)  # type: ignore[attr-defined]
    reading = get_object_or_404(visible, pk=pk)
    code = request.POST.get("code", "")
    try:
        correct_reading(reading, code=code, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        said = _("Noted. It counts at the next training.") if code else _("What was said is taken back.")
        messages.success(request, said)
    wanted = request.POST.get("next", "")
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=None):
        return redirect(wanted)
    return redirect("customers:text", pk=reading.pk)


def _figures(one: Quality) -> list[tuple[str, str]]:
    """Return what the active training was worth on texts that it had not seen; label and figure each."""
    row = one.active
    if row is None:
        return []
    return [
        (_("Macro-F1"), f"{row.macro_f1:.2f}"),
        (_("of keywords"), f"{row.keyword_f1:.2f}"),
        (_("of always the most frequent"), f"{row.majority_f1:.2f}"),
        (_("Sure about"), f"{row.kept:.0%}"),
        (_("of these right"), f"{row.right_kept:.0%}"),
        (_("Confidence off by"), f"{row.calibration_error:.1%}"),
    ]


def _with_texts(rows: list[TextReading]) -> list[dict[str, Any]]:
    """Return readings with their texts, their marks and where they are looked at; texts that are gone not."""
    ids: dict[str, list[int]] = {}
    for row in rows:
        ids.setdefault(row.subject_kind, []).append(row.subject_id)
    texts = {
        (source.kind, pk): text
        for source in sources.every()
        if source.kind in ids
        for pk, text in source.texts(ids[source.kind]).items()
    }
    labels = {source.kind: source.label for source in sources.every()}
    shown = chips(rows, Cause.objects.filter(code__in={row.code for row in rows}))
    return [
        {
            "text": texts[key],
            "kind": labels[row.subject_kind],
            "chip": shown[key][0],
            "customer": row.customer,
            "url": reverse("customers:text", args=[row.pk]),
        }
        for row in rows
        if (key := (row.subject_kind, row.subject_id)) in texts
    ]
