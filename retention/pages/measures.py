"""The measures: what each counts, of how many customers it is known, how new it is, who uses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext
from django.views.decorators.http import require_safe

from customers.access import allow
from customers.ground.localtime import day_of
from customers.models.people import Role
from retention.measures import Measure, every, own, sources
from retention.measures.own import OwnTerm
from retention.models import MeasureCoverage, MeasureState
from retention.pages.editor.controls import unit_of
from retention.pages.rules import SEES_RULES
from retention.rules import uses

PAGE = 50


@dataclass(frozen=True)
class Shown:
    """One measure, ready to show; ``share`` in percent, ``None`` before it was counted."""

    code: str
    label: str
    help: str
    unit: str
    source: str
    share: int | None
    known: int
    customers: int
    newest: date | None
    uses: uses.Uses


@require_safe
@allow(*SEES_RULES)
def measure_list(request: HttpRequest) -> HttpResponse:
    """List the measures, or those of which code, name or sentence contains what was searched."""
    query = request.GET.get("q", "").strip()[:80]
    made = list(own.known(also_retired=False).values())
    found: list[Measure | OwnTerm] = [one for one in (*every().values(), *made) if _matches(one, query)]
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    codes = [_code(one) for one in page]
    kept = {row.code: row for row in MeasureCoverage.objects.filter(code__in=codes)}
    used = uses.of_measures()
    context = {
        "page": page,
        "rows": [
            shown(one, kept.get(code), used.get(code, uses.Uses()))
            for code, one in zip(codes, page, strict=True)
        ],
        "query": query,
        "state": MeasureState.objects.first(),
        "all": len(every()) + len(made),
        "may_make": request.user.role == Role.ADMIN,
    }
    return render(request, "retention/measure_list.html", context)


def _code(one: Measure | OwnTerm) -> str:
    return one.key if isinstance(one, OwnTerm) else one.code


def _source(one: Measure | OwnTerm) -> str:
    return gettext("Own measures") if isinstance(one, OwnTerm) else str(sources()[one.source].label)


def _matches(one: Measure | OwnTerm, query: str) -> bool:
    texts = (_code(one), str(one.label), str(one.help), _source(one))
    return all(any(word in text.lower() for text in texts) for word in query.lower().split())


def shown(one: Measure | OwnTerm, kept: MeasureCoverage | None, used: uses.Uses) -> Shown:
    share = None if kept is None or not kept.customers else 100 * kept.known // kept.customers
    return Shown(
        code=_code(one),
        label=str(one.label),
        help=str(one.help),
        unit=unit_of(one.unit),
        source=_source(one),
        share=share,
        known=kept.known if kept else 0,
        customers=kept.customers if kept else 0,
        newest=day_of(kept.newest_day) if kept and kept.newest_day else None,
        uses=used,
    )
