"""Prometheus metrics: read from the database when asked, the same from every web process.

Gauges are questions (sixteen bounded queries); counters and histograms are what all processes have added to
``Tally`` so far. Without METRICS_TOKEN nobody gets them by HTTP: ``manage.py metrics`` prints them.
"""

from __future__ import annotations

import hmac
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import accumulate

from django.conf import settings
from django.db.models import Count, Min
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.registry import Collector

from customers.access import PUBLIC, allow
from customers.ground import backlog, clock, limits, pulse, tally
from customers.ground.models import Heartbeat, Tally
from customers.models import ImportBatch, TouchedCustomer
from retention.models import RetentionCase, SweepRun, SweepShard

COUNT_UP_TO = backlog.COUNT_UP_TO
COUNTERS = {
    "liuke_http_requests": ("Requests answered, by route", ["method", "route", "status"]),
    "liuke_drain_failures": ("Work that failed, by handler or poller", ["name"]),
}
HISTOGRAMS = {
    "liuke_http_request_seconds": ("Seconds that a request took, by route", ["route"]),
    "liuke_queue_seconds": ("Seconds from due to done, by handler", ["handler"]),
    "liuke_task_seconds": ("Seconds that work took, by handler, poller or task", ["name"]),
}


@require_safe
@allow(PUBLIC)
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer whoever brings the token; without one in the settings there is no such page.

    An address would be no proof: behind a proxy on this machine everybody comes from 127.0.0.1.
    """
    token = settings.METRICS_TOKEN
    if not token:
        raise Http404
    scheme, _blank, given = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        return HttpResponse(status=401, headers={"WWW-Authenticate": "Bearer"})
    return HttpResponse(exposition(), content_type=CONTENT_TYPE_PLAIN_0_0_4)


def exposition() -> bytes:
    """Return all metrics in the text format of Prometheus."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector())
    return generate_latest(registry)


class _Collector(Collector):
    """Asks the database at each scrape."""

    def collect(self) -> Iterable[Metric]:
        """Yield every family, those without a sample too."""
        at, real = clock.now(), clock.real_now()
        yield from _outbox(at=at, real=real)
        yield from _touched(at=at)
        yield from _sweeps()
        yield from _others(real=real)
        yield from _limits()
        yield from _tallies()

    def describe(self) -> Iterable[Metric]:
        """Nothing: registering must not ask the database."""
        return []


def _outbox(*, at: datetime, real: datetime) -> Iterator[Metric]:
    found = backlog.count(at=at, real=real)
    columns = {
        "undone": ("Work waiting to be done, counted up to 10,000", "waiting"),
        "late": ("Work that was due more than a minute ago", "late"),
        "leased": ("Work that some process has in hand", "running"),
        "failed": ("Work that failed and is tried again", "failed"),
        "dead": ("Work that is tried no more until somebody asks", "dead"),
    }
    for name, (text, attribute) in columns.items():
        family = GaugeMetricFamily(f"liuke_outbox_{name}", text, labels=["handler"])
        for handler, line in sorted(found.lines.items()):
            family.add_metric([handler], getattr(line, attribute))
        yield family
    oldest = found.total.oldest_due
    lag = max((at - oldest).total_seconds(), 0.0) if oldest else 0.0
    yield GaugeMetricFamily("liuke_outbox_lag_seconds", "Age of the oldest work that is due", value=lag)
    capped = float(found.is_capped)
    yield GaugeMetricFamily("liuke_outbox_capped", "1 when there is more than was counted", value=capped)


def _limits() -> Iterator[Metric]:
    family = GaugeMetricFamily(
        "liuke_limit_used_ratio", "Used share of each standing limit", labels=["limit"]
    )
    for use in limits.noted():
        family.add_metric([use.limit.code], use.used / use.limit.most)
    yield family


def _touched(*, at: datetime) -> Iterator[Metric]:
    marks = TouchedCustomer.objects.order_by("id")[: COUNT_UP_TO + 1].aggregate(
        number=Count("id"), oldest=Min("recorded_at")
    )
    text = "Marks of customers whose facts changed, counted up to 10,000"
    yield GaugeMetricFamily("liuke_touched_marks", text, value=min(marks["number"], COUNT_UP_TO))
    age = max((at - marks["oldest"]).total_seconds(), 0.0) if marks["oldest"] else 0.0
    text = "Age of the oldest fact that no sweep has looked at (an import of history brings old ones)"
    yield GaugeMetricFamily("liuke_touched_oldest_seconds", text, value=age)


def _sweeps() -> Iterator[Metric]:
    done = SweepRun.objects.filter(status=SweepRun.Status.DONE)
    full = (
        done.filter(scope__in=[SweepRun.Scope.FULL, SweepRun.Scope.CHANGED]).order_by("-day", "-pk").first()
    )
    touched = done.filter(scope=SweepRun.Scope.TOUCHED).order_by("-pk").first()
    phases = GaugeMetricFamily(
        "liuke_sweep_phase_seconds", "Seconds of the last finished sweep, by phase", labels=["scope", "phase"]
    )
    finished = GaugeMetricFamily(
        "liuke_sweep_last_success_timestamp_seconds", "When the last sweep ended well", labels=["scope"]
    )
    for scope, run in (("everybody", full), ("touched", touched)):
        if run is None:
            continue
        for phase, seconds in sorted(run.seconds.items()):
            phases.add_metric([scope, phase], seconds)
        if run.finished_at:  # of the product's clock: told in real time, as Prometheus counts
            finished.add_metric([scope], (run.finished_at - clock.offset()).timestamp())
    yield phases
    yield finished
    undone = (
        SweepShard.objects.filter(done_at__isnull=True, run__status=SweepRun.Status.RUNNING)
        .order_by()[:COUNT_UP_TO]
        .count()
    )
    yield GaugeMetricFamily("liuke_sweep_shards_undone", "Shards of running sweeps not done", value=undone)


def _others(*, real: datetime) -> Iterator[Metric]:
    family = GaugeMetricFamily("liuke_imports", "Imports that wait or run", labels=["status"])
    statuses = [ImportBatch.Status.WAITING, ImportBatch.Status.RUNNING]
    counted = dict(
        ImportBatch.objects.filter(status__in=statuses)
        .order_by()
        .values_list("status")
        .annotate(number=Count("pk"))
    )
    for status in statuses:
        family.add_metric([str(status)], counted.get(status, 0))
    yield family
    pool = RetentionCase.objects.filter(assignee__isnull=True).exclude(status=RetentionCase.Status.CLOSED)
    number = pool.order_by()[:COUNT_UP_TO].count()
    text = "Open cases that nobody holds, counted up to 10,000"
    yield GaugeMetricFamily("liuke_cases_unassigned", text, value=number)
    family = GaugeMetricFamily("liuke_processes", "Processes seen within a minute", labels=["kind"])
    seen = Heartbeat.objects.filter(seen_at__gte=real - pulse.SILENT_AFTER).order_by()
    alive = dict(seen.values_list("kind").annotate(number=Count("pk")))
    for kind in Heartbeat.Kind.values:
        family.add_metric([kind], alive.get(kind, 0))
    yield family


def _tallies() -> Iterator[Metric]:
    values: dict[str, dict[tuple[tuple[str, str], ...], float]] = defaultdict(dict)
    for metric, labels, value in Tally.objects.order_by("metric", "labels").values_list(
        "metric", "labels", "value"
    ):
        values[metric][tuple(sorted(json.loads(labels or "{}").items()))] = value
    for name, (text, names) in COUNTERS.items():
        counter = CounterMetricFamily(name, text, labels=names)
        for key, value in values[f"{name}_total"].items():
            counter.add_metric(_in_order(dict(key), names), value)
        yield counter
    for name, (text, names) in HISTOGRAMS.items():
        histogram = HistogramMetricFamily(name, text, labels=names)
        buckets: dict[tuple[str, ...], dict[str, float]] = defaultdict(dict)
        for key, value in values[f"{name}_bucket"].items():
            found = dict(key)
            buckets[tuple(_in_order(found, names))][found["le"]] = value
        sums = {tuple(_in_order(dict(key), names)): v for key, v in values[f"{name}_sum"].items()}
        for series, counts in sorted(buckets.items()):
            risen = list(zip(tally.LE, accumulate(counts.get(le, 0.0) for le in tally.LE), strict=True))
            histogram.add_metric(list(series), risen, sums.get(series, 0.0))
        yield histogram


def _in_order(found: dict[str, str], labels: list[str]) -> list[str]:
    return [found.get(label, "") for label in labels]
