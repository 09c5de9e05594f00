"""The measures: what each counts, of how many customers it is known, how new it is, who uses it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from customers.access import allow
from customers.ground.localtime import day_of
from retention.measures import Measure, every, sources
from retention.models import MeasureCoverage, MeasureState
from retention.pages.rules import SEES_RULES
from retention.rules import uses

PAGE = 50


@dataclass(frozen=True)
class Shown:
    """One measure, ready to show; ``share`` in percent, ``None`` before it was counted."""

    measure: Measure
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
    found = [measure for measure in every().values() if _matches(measure, query)]
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    kept = {row.code: row for row in MeasureCoverage.objects.filter(code__in=[m.code for m in page])}
    used = uses.of_measures()
    context = {
        "page": page,
        "rows": [_shown(one, kept.get(one.code), used.get(one.code, uses.Uses())) for one in page],
        "query": query,
        "state": MeasureState.objects.first(),
        "all": len(every()),
    }
    return render(request, "retention/measure_list.html", context)


def _matches(measure: Measure, query: str) -> bool:
    texts = (measure.code, str(measure.label), str(measure.help), str(sources()[measure.source].label))
    return all(any(word in text.lower() for text in texts) for word in query.lower().split())


def _shown(measure: Measure, kept: MeasureCoverage | None, used: uses.Uses) -> Shown:
    share = None if kept is None or not kept.customers else 100 * kept.known // kept.customers
    return Shown(
        measure=measure,
        source=str(sources()[measure.source].label),
        share=share,
        known=kept.known if kept else 0,
        customers=kept.customers if kept else 0,
        newest=day_of(kept.newest_day) if kept and kept.newest_day else None,
        uses=used,
    )
