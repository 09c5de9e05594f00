"""What keeps the pages quick at any size: their queries, the plans of the queue, their weight."""

from __future__ import annotations

import gzip
import random
import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from customers.ground import clock
from customers.ground.counting import counted
from customers.ground.gathering import gathered
from customers.models import Access, Complaint, Contact, Customer, Interaction
from customers.models.people import Role
from customers.search import finding
from retention.cases.queue import in_order, place_of, queue, read
from retention.models import (
    CustomerMeasures,
    EarlyWarning,
    FollowUpCall,
    RetentionCase,
    SweepRun,
    WarningRule,
)
from retention.pages import home, search
from retention.pages.queue import PAGE
from retention.pages.rows import orders_by_month
from tests.factories import NOW, CustomerFactory, OrderFactory, TeamFactory, UserFactory, findable

pytestmark = pytest.mark.django_db
MOST_QUERIES = 14


@pytest.fixture(autouse=True)
def _today(db):
    clock.fix(NOW)


def many_customers(owners, count):
    """Make customers in one statement, looked after by one after the other; ``None``: by nobody."""
    made = [
        Customer(
            name=f"Customer {n}",
            owner=owners[n % len(owners)],
            team=owners[n % len(owners)] and owners[n % len(owners)].team,
            created_at=NOW,
            updated_at=NOW,
        )
        for n in range(count)
    ]
    return Customer.objects.bulk_create(made)


def case_of(customer, holder, chance):
    """Return a case whose place in the queue is often shared with others."""
    due = chance.choice([None, -3, -3, -1, 0, 0, 2, 5])
    closed = chance.random() < 0.1
    return RetentionCase(
        customer=customer,
        severity=chance.randint(1, 3),
        margin_365d=chance.choice([-500, 0, 0, 100, 150, 300, 9 * 10**18]),
        opened_at=NOW,
        assignee=None if closed else holder,
        status="closed" if closed else "assigned" if holder else "unassigned",
        outcome="saved" if closed else "",
        closed_at=NOW if closed else None,
        due_at=None if due is None or closed else NOW + timedelta(hours=due),
    )


@pytest.fixture
def crowd(manager, teammate, lead, outsider, admin):
    """200 customers of five, held by whom chance will; some covered, some of nobody."""
    chance = random.Random(11)
    people = [manager, teammate, lead, outsider, None]
    customers = many_customers(people, 200)
    RetentionCase.objects.bulk_create([case_of(one, chance.choice(people), chance) for one in customers])
    for customer, user in ((customers[3], teammate), (customers[8], lead), (customers[4], outsider)):
        Access.objects.create(customer=customer, user=user, reason="cover", starts_at=NOW)
    return [manager, lead, admin, outsider]


def test_read_gives_every_row_once_in_the_order_that_is_defined(crowd):
    for user in crowd:
        for at in (NOW, NOW - timedelta(hours=2), NOW + timedelta(hours=1, minutes=30)):
            expected = [case.pk for case in in_order(queue(user), at=at)]
            assert [case.pk for case in read(queue(user), at=at, most=500)] == expected
            paged, after = [], None
            while found := read(queue(user), at=at, after=after, most=7):
                paged += [case.pk for case in found]
                after = place_of(found[-1], at=at)
            assert paged == expected and len(set(paged)) == len(paged)


def test_queue_of_everybody_is_what_they_may_see_of_the_open_cases(crowd):
    for user in crowd:
        seen = RetentionCase.objects.visible_to(user).open()
        if user.role == Role.ACCOUNT_MANAGER:
            seen = seen.filter(assignee=user)
        assert set(queue(user)) == set(seen), user
    lead = crowd[1]
    assert 0 < queue(lead).count() < queue(crowd[2]).count()
    lead.is_active = False
    assert not queue(lead).exists()


def test_queue_of_a_lead_without_a_team_is_what_she_sees(crowd):
    lead = UserFactory(role="team_lead", team=None)
    CustomerFactory(owner=lead, name="Her own")
    RetentionCase.objects.create(customer=Customer.objects.get(name="Her own"), opened_at=NOW)
    assert set(queue(lead)) == set(RetentionCase.objects.visible_to(lead).open())
    assert queue(lead).filter(customer__name="Her own").exists()


# --- The copied team --------------------------------------------------------------------------
def test_the_team_of_a_case_follows_its_customer(customer, team):
    case = RetentionCase.objects.create(customer=customer, opened_at=NOW)
    other = CustomerFactory()
    case.refresh_from_db()
    assert case.team == team
    south = TeamFactory()
    Customer.objects.filter(pk=customer.pk).update(team=south)
    case.refresh_from_db()
    assert case.team == south
    RetentionCase.objects.filter(pk=case.pk).update(customer=other)
    case.refresh_from_db()
    assert case.team == other.team
    Customer.objects.filter(pk=customer.pk).update(team=team)
    case.refresh_from_db()
    assert case.team == other.team


# --- Plans ------------------------------------------------------------------------------------
@pytest.fixture
def long_queue(manager, teammate, admin):
    """Cases enough for an index to be worth its while."""
    chance = random.Random(5)
    people = [manager, teammate, *(UserFactory(team=manager.team) for _ in range(8))]
    customers = many_customers(people, 3000)
    RetentionCase.objects.bulk_create(
        [case_of(one, people[n % 10], chance) for n, one in enumerate(customers)], batch_size=1000
    )
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return manager, admin


@pytest.mark.parametrize("late", [True, False])
def test_queue_is_read_from_an_index_without_sorting(long_queue, late):
    if connection.vendor == "postgresql":  # of few rows it may choose to sort; here it must not need to
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_sort = off")
            cursor.execute("SET LOCAL enable_bitmapscan = off")
    for user, index in zip(long_queue, ("case_queue", "case_queue_all"), strict=True):
        found = queue(user).filter(due__lt=NOW) if late else queue(user).filter(due__gte=NOW)
        plan = found.order_by("rank", "due", "pk")[: PAGE + 1].explain()
        assert re.search(rf"{index}\b", plan), plan
        assert not re.search(r"Sort|TEMP B-TREE|Seq Scan|SCAN retention_retentioncase(?! USING)", plan), plan


def test_queue_goes_on_behind_a_row_within_the_index(long_queue):
    manager, _admin = long_queue
    rows = read(queue(manager), at=NOW, most=400)
    with CaptureQueriesContext(connection) as captured:
        read(queue(manager), at=NOW, after=place_of(rows[200], at=NOW), most=PAGE)
    with connection.cursor() as cursor:
        explain = "EXPLAIN" if connection.vendor == "postgresql" else "EXPLAIN QUERY PLAN"
        cursor.execute(f"{explain} {captured[0]['sql']}")
        plan = "\n".join(str(line) for line in cursor.fetchall())
    assert "case_queue" in plan, plan
    assert "Sort" not in plan and "TEMP B-TREE" not in plan, plan


def test_bars_are_counted_from_the_index_of_the_measures(customer):
    for days in (1, 2, 40, 400):
        OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=days))
    OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=3), status="cancelled")
    with CaptureQueriesContext(connection) as captured:
        bars = orders_by_month([customer.pk], last_day=NOW.toordinal())
    assert len(captured) == 1
    assert bars[customer.pk] == [0] * 9 + [0, 1, 2]
    assert "GROUP BY" in captured[0]["sql"]


# --- Queries ----------------------------------------------------------------------------------
def with_everything(customer, holder, number):
    """Give a customer one of everything that the pages show."""
    rule = WarningRule.objects.order_by("pk")[number % 3]
    run, _new = SweepRun.objects.get_or_create(
        scope="full",
        defaults={"status": "done", "as_of": NOW, "day": 1, "fingerprint": "x", "started_at": NOW},
    )
    case = RetentionCase.objects.create(
        customer=customer,
        opened_at=NOW,
        assignee=holder,
        status="assigned",
        due_at=NOW - timedelta(hours=number),
    )
    EarlyWarning.objects.create(
        customer=customer,
        rule=rule,
        rule_version=1,
        severity=2,
        raised_at=NOW,
        as_of_day=1,
        evidence='{"as_of_day": 739000}',
        fingerprint="x",
        case=case,
        sweep_run=run,
    )
    FollowUpCall.objects.create(case=case, customer=customer, assignee=holder, due_at=NOW, planned_at=NOW)
    CustomerMeasures.objects.create(customer=customer, as_of=NOW)
    Contact.objects.create(customer=customer, name="Chen", created_at=NOW, updated_at=NOW)
    OrderFactory(customer=customer, occurred_at=NOW - timedelta(days=number))
    fact = {"customer": customer, "occurred_at": NOW, "occurred_day": 1, "recorded_at": NOW}
    Complaint.objects.create(text="Late.", **fact)
    Interaction.objects.create(kind="call", by=holder, **fact)
    return case


PAGES = {
    "home": (),
    "queue": (),
    "customer_list": (),
    "complaint_list": (),
    "rule_list": ("lead", "admin", "analyst"),
    "sweep_list": ("admin", "analyst"),
    "case": (),
    "customer": (),
}


@pytest.mark.parametrize("who", ["manager", "lead", "admin", "analyst"])
def test_pages_take_the_same_few_queries_for_one_row_and_for_three(client, request, manager, who):
    user = request.getfixturevalue(who)
    case = with_everything(CustomerFactory(owner=manager), manager, 1)
    client.force_login(user)
    took = []
    for _ in range(2):
        counts = {}
        for name, roles in PAGES.items():
            if roles and who not in roles:
                continue
            key = {"case": [case.pk], "customer": [case.customer_id]}.get(name)
            client.get(reverse(f"retention:{name}", args=key))
            with CaptureQueriesContext(connection) as captured:
                assert client.get(reverse(f"retention:{name}", args=key)).status_code == 200
            counts[name] = len(captured)
        took.append(counts)
        for number in (2, 3):
            with_everything(CustomerFactory(owner=manager), manager, number)
    one, three = took
    one.pop("case"), three.pop("case")  # the next case is there or not
    assert one == three
    assert max(three.values()) <= MOST_QUERIES, three


def test_lists_that_many_share_are_never_counted_to_their_end(client, admin, django_assert_max_num_queries):
    many_customers([None], 1100)
    client.force_login(admin)
    with CaptureQueriesContext(connection) as captured:
        page = client.get("/customers/").content.decode()
    assert "1,000+" in page
    counts = [one["sql"] for one in captured if "COUNT(" in one["sql"]]
    assert all("LIMIT 1001" in sql for sql in counts)
    assert [one["sql"] for one in captured if "LIMIT 1001" in one["sql"]]
    assert not [one["sql"] for one in captured if "OFFSET" in one["sql"]]


# --- Several lists in one query ----------------------------------------------------------------
def test_counted_stops_at_the_most_and_counts_nothing_as_nothing(customer, django_assert_num_queries):
    many_customers([None], 5)
    with django_assert_num_queries(1):
        found = counted(
            most=4,
            all=Customer.objects.order_by("name"),
            one=Customer.objects.filter(pk=customer.pk),
            two=Customer.objects.all()[:2],
            none=Customer.objects.none(),
        )
    assert found == {"all": 4, "one": 1, "two": 2, "none": 0}
    assert counted() == {}


def test_gathered_gives_values_of_the_models_own_types(customer, manager, django_assert_num_queries):
    case = with_everything(customer, manager, 2)
    cases = RetentionCase.objects.order_by("pk")
    names = ("id", "due_at", "margin_365d", "assign_data", "customer__name", "closed_at")
    with django_assert_num_queries(1):
        found = gathered(
            cases=cases[:5].values(*names),
            none=cases.none().values("id"),
            empty=cases.filter(pk=0).values("id"),
            warnings=EarlyWarning.objects.values("is_baseline", "raised_at"),
        )
    assert [vars(row) for row in found["cases"]] == list(cases.values(*names))
    assert vars(found["warnings"][0]) == {"is_baseline": False, "raised_at": NOW}
    assert found["none"] == found["empty"] == []
    assert found["cases"][0].id == case.pk


# --- Weight -----------------------------------------------------------------------------------
def test_queue_page_weighs_little_over_the_wire(client, lead, manager):
    for number, customer in enumerate(many_customers([manager], PAGE + 5)):
        with_everything(customer, manager, number)
    client.force_login(lead)
    response = client.get("/queue/", headers={"Accept-Encoding": "gzip"})
    assert response.headers["Content-Encoding"] == "gzip"
    page = gzip.decompress(response.content).decode()
    assert page.count("data-row>") == PAGE
    named = {*re.findall(r'/static/([^"]+\.(?:css|js))', page), "bootstrap/css/bootstrap.min.css"}
    files = sum(len(gzip.compress(Path(finders.find(name)).read_bytes())) for name in named)
    assert len(response.content) < 40_000
    assert len(response.content) + files < 200_000
    assert "Content-Encoding" not in client.get("/queue/").headers


# --- Finding ----------------------------------------------------------------------------------
def found(client, path):
    page = client.get(path).content.decode()
    return set(re.findall(r"Named \w+", page))


def test_city_is_found_by_any_part_of_its_name(client, admin, monkeypatch):
    for name, city in (
        ("A", "Shanghai"),
        ("B", "浙江省杭州市"),
        ("C", "SHANGHAI"),
        ("D", ""),
        ("E", "Shan%"),
    ):
        CustomerFactory(name=f"Named {name}", city=city)
    client.force_login(admin)
    for most in (search.CITIES, 2):  # more cities than that are compared by the database
        monkeypatch.setattr(search, "CITIES", most)
        assert found(client, "/customers/?city=hangz") == set()
        assert found(client, "/customers/?city=hang") == {"Named A", "Named C"}
        assert found(client, "/customers/?city=杭州") == {"Named B"}
        assert found(client, "/customers/?city=n%25") == {"Named E"}


def test_part_of_a_name_is_found_in_either_script(client, admin, monkeypatch):
    for name, alt in (
        ("A", "上海清风茶业"),
        ("B", "王氏清风"),
        ("C", "清气风茶"),
        ("D", "风清 tea 店"),
        ("E", ""),
    ):
        CustomerFactory(name=f"Named {name}", name_alt=alt)
    for case in Customer.objects.all():
        RetentionCase.objects.create(customer=case, opened_at=NOW)
    findable()
    client.force_login(admin)
    for most in (finding.MANY, 0):  # from the side of the name, and row by row
        monkeypatch.setattr(finding, "MANY", most)
        for where in ("/customers/", "/queue/"):
            assert found(client, f"{where}?q=清风") == {"Named A", "Named B"}
            assert found(client, f"{where}?q=风茶业") == {"Named A"}
            assert found(client, f"{where}?q=TEA 店") == {"Named D"}
            assert found(client, f"{where}?q=王") == {"Named B"}
            assert found(client, f"{where}?q=med e") == {"Named E"}


def test_city_is_found_by_an_index(customer):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite reads all cities")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
    plan = Customer.objects.filter(search.in_city(customer.city or "x")).explain()
    assert "Seq Scan" not in plan, plan


def test_load_of_a_colleague_counts_open_and_missed_cases(manager, lead):
    for hours, status in ((-1, "assigned"), (5, "assigned"), (None, "working"), (-2, "closed")):
        closed = {"outcome": "saved", "closed_at": NOW} if status == "closed" else {}
        due = None if hours is None else NOW + timedelta(hours=hours)
        RetentionCase.objects.create(
            customer=CustomerFactory(), opened_at=NOW, assignee=manager, status=status, due_at=due, **closed
        )
    loads = {user: (user.open_count, user.missed_count) for user in home.loads(lead, at=NOW)}
    assert loads[manager] == (3, 1) and loads[lead] == (0, 0)
