"""The list of lost customers, its filters and file, and the settings of what counts as lost."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from customers.models import Cause, Customer, User
from retention import losses, revisits, standing
from retention.models import CaseCause, CustomerMeasures, FollowUpCall, Loss, LossKind
from retention.pages import losses as page
from tests.factories import NOW, CustomerFactory, OrderFactory, ago, day
from tests.retention.makers import make_case

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.ground.clock.now", lambda: NOW)


def lost(customer: Customer, **values: Any) -> Loss:
    return Loss.objects.create(
        **{"customer": customer, "occurred_at": ago(5), "recorded_at": ago(5), **values}
    )


def names(client: Client, query: str = "") -> list[str]:
    """Return the names that the list shows, in order."""
    return [row.customer.name for row in client.get(f"/losses/?{query}").context["rows"]]


@pytest.fixture
def client(client: Client, manager: User) -> Client:
    client.force_login(manager)
    return client


def test_list_shows_only_who_one_may_see(client: Client, customer: Customer) -> None:
    lost(customer)
    lost(CustomerFactory(name="Somebody Else's"))
    assert names(client) == ["Blue Lake Trading"]
    assert "Somebody" not in client.get("/losses/").content.decode()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("churn_type=active", ["A"]),
        ("value=yes", ["A"]),
        ("value=no", ["B"]),
        ("value=unknown", ["C", "D"]),
        ("definition=window", ["A"]),
        ("definition=hand", ["C"]),
        ("definition=contract", ["B"]),
        ("state=returned", ["D"]),
        ("state=standing", ["A", "B", "C"]),
        ("revisit=due", ["A"]),
        ("revisit=week", ["A", "B"]),
        ("revisit=none", ["C"]),
        ("q=B", ["B"]),
        ("definition=nonsense", ["A", "B", "C", "D"]),
    ],
)
def test_filters_keep_exactly_what_fits(
    client: Client, manager: User, query: str, expected: list[str]
) -> None:
    today = day(NOW)
    for name, values in {
        "A": {"churn_type": "active", "is_valuable": True, "definition": "window", "revisit_day": today},
        "B": {"is_valuable": False, "definition": "contract", "revisit_day": today + 7},
        "C": {},
        "D": {"ended_at": NOW, "definition": "personal", "revisit_day": today},
    }.items():
        customer = CustomerFactory(name=name, owner=manager)
        lost(customer, **values)
    from tests.factories import findable

    findable()
    assert sorted(names(client, query)) == expected


def test_filter_by_cause_takes_those_below_it(client: Client, customer: Customer, manager: User) -> None:
    parent = Cause.objects.filter(children__isnull=False).first() or Cause.objects.get(code="price")
    case = make_case(customer)
    CaseCause.objects.create(case=case, cause=parent.children.first() or parent, is_main=True)
    lost(customer, case=case)
    lost(CustomerFactory(owner=manager))
    assert names(client, f"cause={parent.pk}") == ["Blue Lake Trading"]
    other = Cause.objects.exclude(pk=parent.pk).filter(parent__isnull=True).first()
    assert other is not None and names(client, f"cause={other.pk}") == []


def test_pages_follow_each_other(client: Client, manager: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "PAGE", 2)
    for n in range(5):
        lost(CustomerFactory(name=f"N{n}", owner=manager), occurred_at=ago(n // 2))
    seen, query = [], ""
    while query is not None:
        answer = client.get(f"/losses/{query or '?'}")
        seen += [row.customer.name for row in answer.context["rows"]]
        query = answer.context["older"]
    assert seen == ["N1", "N0", "N3", "N2", "N4"]
    assert client.get("/losses/?after=once~x").status_code == 200


def test_list_asks_no_more_for_three_than_for_one(client: Client, manager: User) -> None:
    def asked() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert client.get("/losses/").status_code == 200
        return len(seen)

    lost(CustomerFactory(owner=manager))
    asked()
    one = asked()
    for _n in range(2):
        lost(CustomerFactory(owner=manager))
    assert asked() == one


def test_revisit_of_one_and_of_all_shown(client: Client, customer: Customer, manager: User) -> None:
    first = lost(customer)
    other = lost(CustomerFactory(owner=manager), definition="window")
    hidden = lost(CustomerFactory(owner=manager), definition="personal")
    data = {"due_at": "2026-06-15T10:00"}
    answer = client.post("/losses/revisit/?definition=window", {**data, "loss": first.pk})
    assert (answer.status_code, answer["Location"]) == (302, "/losses/?definition=window")
    assert set(FollowUpCall.objects.values_list("customer", flat=True)) == {customer.pk}
    client.post("/losses/revisit/?definition=window", data)
    planned = set(FollowUpCall.objects.values_list("customer", flat=True))
    assert planned == {customer.pk, other.customer_id} and hidden.customer_id not in planned


def test_revisit_is_refused_beside_the_field_and_foreign_losses_are_not_there(
    client: Client, customer: Customer
) -> None:
    foreign = lost(CustomerFactory())
    assert (
        client.post("/losses/revisit/", {"due_at": "2026-06-15T10:00", "loss": foreign.pk}).status_code == 404
    )
    mine = lost(customer)
    for due, text in (("", "required"), ("2026-05-01T10:00", "has passed")):
        answer = client.post("/losses/revisit/", {"due_at": due, "loss": mine.pk})
        assert answer.status_code == 422 and text in answer.content.decode()
    assert not FollowUpCall.objects.exists()


def test_what_belongs_together_in_a_cell_stays_together_on_a_phone(
    client: Client, customer: Customer
) -> None:
    """There a cell spreads its parts over the line, so that each has exactly one."""
    lost(customer, definition="window", margin_365d=9_640_000, is_valuable=True, revisit_day=739_800)
    html = client.get("/losses/").content.decode()
    cells = re.findall(r"<td data-label=[^>]*>(.*?)</td>", html, re.DOTALL)
    spread = [cell for cell in cells if re.search(r"<(span class=.tag|button|time)", cell)]
    assert len(spread) == 3
    assert all(re.fullmatch(r"<span>.*</span>", cell, re.DOTALL) for cell in spread), spread


@pytest.mark.parametrize(("role", "status"), [("lead", 200), ("analyst", 200), ("manager", 403)])
def test_export_hands_out_what_the_filter_shows(
    client: Client, customer: Customer, request: pytest.FixtureRequest, role: str, status: int
) -> None:
    lost(customer, definition="window", margin_365d=12_345, is_valuable=True, days_ahead=3)
    lost(CustomerFactory(name="Not that one", owner=customer.owner))
    client.force_login(request.getfixturevalue(role))
    answer = client.get("/losses/export/?definition=window&format=csv")
    assert answer.status_code == status
    if status == 200:
        text = b"".join(answer.streaming_content).decode()
        assert "Blue Lake Trading" in text and "123.45" in text and "Not that one" not in text


# --- Settings ----------------------------------------------------------------------------------
def test_settings_change_definitions_shares_and_cadence(client: Client, admin: User) -> None:
    client.force_login(admin)
    OrderFactory(occurred_at=ago(100))
    assert "Which window fits" in client.get("/settings/losses/").content.decode()
    said = {
        "form": "definitions",
        "definitions-window": "on",
        "definitions-window_days": 120,
        "definitions-personal_days": 60,
        "definitions-personal_percent": 400,
        "definitions-partial_percent": 50,
    }
    assert client.post("/settings/losses/", said).status_code == 302
    now = losses.in_force(NOW)
    assert now[LossKind.WINDOW] == losses.Definition(LossKind.WINDOW, True, days=120)
    assert [kind.value for kind, one in now.items() if one.is_on] == ["window"]
    shares = {"share_a": 40, "share_b": 70, "share_c": 90, "band": 5}
    client.post("/settings/losses/", {"form": "shares"} | {f"shares-{k}": v for k, v in shares.items()})
    assert standing.policy(NOW).share_a == 40
    client.post("/settings/losses/", {"form": "cadence", "cadence-days": "30，90、 180"})
    assert revisits.cadence() == [30, 90, 180]
    shown = client.get("/settings/losses/").content.decode()
    assert "120 days" in shown and "30, 90, 180" in shown


@pytest.mark.parametrize(
    "said",
    [
        {"form": "definitions", "definitions-window_days": 3},
        {
            "form": "shares",
            "shares-share_a": 90,
            "shares-share_b": 80,
            "shares-share_c": 95,
            "shares-band": 1,
        },
        {"form": "cadence", "cadence-days": "soon"},
        {"form": "cadence", "cadence-days": "90, 30"},
        {"form": "cadence", "cadence-days": "²"},
    ],
)
def test_settings_refuse_beside_the_field(client: Client, admin: User, said: dict[str, Any]) -> None:
    client.force_login(admin)
    assert client.post("/settings/losses/", said).status_code == 422
    assert losses.in_force(NOW)[LossKind.WINDOW].days == 180 and revisits.cadence() == []
    assert standing.policy(NOW).share_a == 50


@pytest.mark.parametrize("role", ["manager", "lead", "analyst"])
def test_settings_are_for_admins(client: Client, request: pytest.FixtureRequest, role: str) -> None:
    client.force_login(request.getfixturevalue(role))
    assert client.get("/settings/losses/").status_code == 403


# --- Tier and stage where customers are shown --------------------------------------------------
def test_customer_page_and_list_show_tier_and_stage(client: Client, customer: Customer) -> None:
    other = CustomerFactory(name="Other", owner=customer.owner)
    for one, tier, stage in ((customer, "B", "dormant"), (other, None, None)):
        CustomerMeasures.objects.create(
            customer=one, as_of=NOW - timedelta(days=1), value_tier=tier, lifecycle_stage=stage
        )
    shown = client.get(f"/customers/{customer.pk}/").content.decode()
    assert "Value tier B" in shown and "dormant" in shown
    assert "tag-info" not in client.get(f"/customers/{other.pk}/").content.decode().split("</h1>")[1][:400]
    for query in ("value_tier=B", "lifecycle_stage=dormant"):
        rows = client.get(f"/customers/?{query}").context["rows"]
        assert [row.name for row in rows] == ["Blue Lake Trading"]
    assert client.get("/customers/?value_tier=A").context["rows"] == []


def test_list_speaks_chinese(client: Client, customer: Customer, manager: User) -> None:
    lost(customer, definition="window", churn_type="passive")
    manager.language = "zh-hans"
    manager.save()
    with translation.override("zh-hans"):
        text = client.get("/losses/").content.decode()
    assert "流失客户档案" in text and "被动" in text


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a transaction keeps others from writing there")
def test_settings_are_shown_without_a_transaction(client: Any, admin: User) -> None:
    client.force_login(admin)
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/settings/losses/").status_code == 200
    assert not [q["sql"] for q in queries if q["sql"].startswith(("BEGIN", "SAVEPOINT"))]
