"""Whoever is held out looks like anybody else: the same bytes with and without what was withheld."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.urls import URLPattern, URLResolver, get_resolver

from customers import movers
from customers.ground.api import throttles
from customers.ground.models import AuditEvent
from customers.models import Customer
from retention import rules, sweep
from retention.models import EarlyWarning, Holdout, PendingMatch, RetentionCase, WarningRule
from tests.factories import NOW, CustomerFactory, InteractionFactory, ago

DAY = timedelta(days=1)
CHANGING = [
    re.compile(rb'nonce="[^"]*"'),
    re.compile(rb"nonce-[\w+/=-]+"),
    re.compile(rb'csrfmiddlewaretoken" value="[^"]*"'),
    re.compile(rb"X-CSRFToken[^}]*}"),
    re.compile(rb'name="ticket" value="[^"]*"'),
    re.compile(rb'"request_id": ?"[^"]*"'),
    re.compile(rb"<code>[0-9a-f]{32}</code>"),  # the number of a request
    re.compile(rb'"instance": ?"[^"]*"'),
]
AGGREGATED = re.compile(r"sweep|metrics|readyz|healthz|schema|static|audit|events")
"""Runs count what they raised, withheld or not, for the whole company; the rest holds no customer."""


@pytest.fixture
def held(company: Any, manager: Any, team: Any, monkeypatch: pytest.MonkeyPatch) -> Customer:
    """A customer whose only warnings are withheld: one stands, one is over."""
    monkeypatch.setattr("customers.ground.clock.now", lambda: NOW + 3 * DAY)
    found: Customer = CustomerFactory(name="Held", owner=manager, team=team)
    InteractionFactory(customer=found, occurred_at=ago(65))
    other = CustomerFactory(name="Called", owner=manager, team=team)
    InteractionFactory(customer=other, occurred_at=ago(65))
    silent = {"measure": "days_since_last_contact", "op": ">=", "value": 60}
    recent = {"measure": "days_since_last_contact", "op": "between", "value": [60, 66]}
    for code, condition in (("silent", silent), ("silent-just", recent)):
        made = WarningRule(code=code, name_en=code, name_zh=code, condition=condition)
        rule = rules.save(made, by=None, at=NOW - DAY)
        shares = rules.Shares(rule=5000)
        rules.move(rule, to="live", open_existing=True, shares=shares, by=None, at=NOW)
        for customer, is_out in ((found, True), (other, False)):
            Holdout.objects.create(
                customer=customer, rule=rule, bucket=1, share=5000, is_held_out=is_out, drawn_at=NOW
            )
    sweep.run(as_of=NOW + DAY)
    sweep.run(as_of=NOW + 3 * DAY)
    states = EarlyWarning.objects.filter(customer=found).values_list("state", "no_case_because")
    assert set(states) == {("withheld", "held_out"), ("closed", "held_out")}
    assert RetentionCase.objects.get().customer == other
    return found


def addresses(customer: Customer) -> list[str]:
    """Return every address that there is, with the customer, or its rule, where something must be named."""
    found = set()
    for route in routes(get_resolver()):
        for number in (str(customer.pk), "1"):
            made = re.sub(r"<int:\w+>", number, route)
            made = re.sub(r"<slug:\w+>|<str:\w+>", "silent", made)
            made = re.sub(r"\(\?P<day>[^)]*\)", "2026-05-12", made)
            made = re.sub(r"\(\?P<\w+>\[[^\]]*\]\+?(\{[^}]*\})?\)", number, made)
            made = made.replace("\\.", ".").replace("^", "").replace("$", "").replace("/?", "/")
            if not re.search(r"[<>()\[\]\\]", made) and not AGGREGATED.search(made):
                found.add("/" + made.replace("//", "/"))
    who = f"customer={customer.pk}"
    found |= {f"/rules/silent/?{who}", f"/rules/silent-just/?{who}", f"/rules/silent/?{who}&on=2026-05-12"}
    return sorted(found)


def routes(resolver: Any, before: str = "") -> Iterator[str]:
    for one in resolver.url_patterns:
        if isinstance(one, URLResolver):
            if one.namespace != "admin":
                yield from routes(one, before + str(one.pattern))
        elif isinstance(one, URLPattern):
            yield before + str(one.pattern)


def looked_at(client: Any, paths: list[str]) -> dict[str, tuple[int, bytes]]:
    seen = {}
    for path in paths:
        response = client.get(path)
        body = b"".join(response.streaming_content) if response.streaming else response.content
        for changing in CHANGING:
            body = changing.sub(b"", body)
        seen[path] = (response.status_code, body)
    return seen


def first_difference(one: bytes, other: bytes) -> tuple[bytes, bytes]:
    """Return what stands around the first byte that differs."""
    at = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), 0)
    return one[max(at - 60, 0) : at + 60], other[max(at - 60, 0) : at + 60]


@pytest.mark.slow
@pytest.mark.parametrize("who", ["admin", "manager"])
def test_every_page_and_route_is_the_same_with_and_without_what_was_withheld(
    client: Any, request: Any, held: Customer, who: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttles, "limits", lambda: {"address": 10**6, "token": 10**6})
    client.force_login(request.getfixturevalue(who))
    paths = addresses(held)
    looked_at(client, paths)  # what is counted or noted by looking, is now
    with_rows = looked_at(client, paths)
    assert EarlyWarning.objects.filter(customer=held).delete()[0] == 2
    Holdout.objects.filter(customer=held).delete()
    PendingMatch.objects.filter(customer=held).delete()
    without = looked_at(client, paths)
    differing = [path for path in paths if with_rows[path] != without[path]]
    assert [(path, first_difference(with_rows[path][1], without[path][1])) for path in differing] == []
    opened = [path for path, (status, _body) in with_rows.items() if status == 200]
    assert f"/customers/{held.pk}/" in opened and len(opened) > 40
    if who == "admin":
        assert b"This rule opened no case." in with_rows[f"/rules/silent/?customer={held.pk}"][1]


def test_what_is_given_out_about_a_person_leaves_out_what_was_withheld(held: Customer) -> None:
    exporters = movers.exporters()
    assert exporters[EarlyWarning]("customer", held.pk) == []
    assert exporters[Holdout]("customer", held.pk) == []
    told = EarlyWarning.objects.filter(case__isnull=False)
    other = RetentionCase.objects.get().customer_id
    assert len(exporters[EarlyWarning]("customer", other)) == told.count() > 0


def test_a_sweep_of_one_customer_counts_only_what_is_told(client: Any, admin: Any, held: Customer) -> None:
    EarlyWarning.objects.all().delete()
    audits = AuditEvent.objects.filter(act="sweep.run").count()
    client.force_login(admin)
    for as_of, state in ((NOW + 4 * DAY, "withheld"), (NOW + 6 * DAY, "closed")):
        run = sweep.run(as_of=as_of, scope="touched", customer_ids=[held.pk])
        assert EarlyWarning.objects.get(customer=held).state == state  # that it is withheld stays inside
        assert (run.warnings, run.warnings_closed) == ({"silent": 0, "silent-just": 0}, 0)
        told = client.get(f"/api/v1/sweeps/{run.pk}/").json()
        assert (told["warnings"], told["warnings_closed"]) == ({"silent": 0, "silent-just": 0}, 0)
        assert run.details["rules"]["silent"]["raised"] == run.details["rows"]["rules"] == 0
        page = client.get(f"/sweeps/{run.pk}/").content.decode()
        assert re.findall(r'data-label="Raised" class="right num">([^<]*)<', page) == ["0", "0"]
        InteractionFactory(customer=held, occurred_at=NOW + 5 * DAY)
    assert AuditEvent.objects.filter(act="sweep.run").count() == audits


def test_a_sweep_of_one_customer_counts_what_is_told(held: Customer) -> None:
    Holdout.objects.update(is_held_out=False)
    EarlyWarning.objects.all().delete()
    run = sweep.run(as_of=NOW + 4 * DAY, scope="touched", customer_ids=[held.pk])
    assert (run.warnings, run.cases_opened) == ({"silent": 1, "silent-just": 0}, 1)
    InteractionFactory(customer=held, occurred_at=NOW + 5 * DAY)
    assert sweep.run(as_of=NOW + 6 * DAY, scope="touched", customer_ids=[held.pk]).warnings_closed == 1
