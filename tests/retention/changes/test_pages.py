"""The pages of changes: planned, looked at, announced, followed, closed; each sees her own customers."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.ground import clock
from customers.models import Mention
from retention import changes
from retention.changes import informing
from retention.models import BusinessChange, ChangeTag, ConcernedCustomer, ConcernedStep
from tests.factories import NOW, ComplaintFactory, CustomerFactory, ProductFactory, day
from tests.retention.changes.makers import TODAY, announced, bought, enrolled, give_value, planned, row_of
from tests.retention.makers import make_case

pytestmark = pytest.mark.django_db
FORM = {
    "kind": "withdrawn",
    "scope": "products",
    "title_en": "The blue pump goes",
    "notice_on": "2026-05-11",
    "effect_on": "2026-06-10",
    "bought_days": "365",
    "explanation_en": "The maker gives it up.",
    "calls_top_tier": "on",
}


@pytest.fixture(autouse=True)
def _world(company):
    clock.fix(NOW)


@pytest.fixture
def pump(customer):
    product = ProductFactory(code="PUMP-1", name="Blue pump")
    bought(customer, product)
    return product


@pytest.fixture
def signed(client):
    def sign(user):
        client.force_login(user)
        return client

    return sign


def text(response):
    return response.content.decode()


def test_a_lead_plans_and_sees_whom_it_concerns_first(signed, lead, pump, customer):
    CustomerFactory(name="Somebody Else")
    response = signed(lead).post(
        "/changes/new/", {**FORM, "products": "PUMP-1\n", "calls_margin": "12.50", "words": "leak\n漏水"}
    )
    change = BusinessChange.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/changes/{change.pk}/")
    assert (change.calls_margin, change.words, change.made_by) == (1250, ["leak", "漏水"], lead)
    page = text(signed(lead).get(response["Location"]))
    assert 'data-customers="1"' in page and customer.name in page and "Somebody Else" not in page
    assert not ConcernedCustomer.objects.exists()
    assert "/announce/" not in page  # she plans, an admin announces


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"products": "NO-SUCH"}, "NO-SUCH"),
        ({"effect_on": "2026-05-10"}, "no later than it happens"),
        ({"effect_on": "1850-05-10"}, "between 2000 and 2100"),
        ({"title_en": ""}, "Give the change a title"),
        ({"scope": "segment"}, "Choose the segment"),
        ({"segment": "no-such"}, "Select a valid choice"),
        ({"scope": "listed", "customers": "999999"}, "999999"),
        ({"substitute": "PUMP-1"}, "substitute is itself"),
        ({"kind": "fate"}, "fate"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(signed, admin, pump, wrong, said):
    response = signed(admin).post("/changes/new/", {**FORM, "products": "PUMP-1", **wrong})
    page = text(response)
    assert (response.status_code, said in page, "The maker gives it up." in page) == (422, True, True)
    assert not BusinessChange.objects.exists()


def test_a_draft_is_edited_from_what_stands(signed, admin, pump, customer):
    change = planned(products=[pump], words=["leak"], calls_margin=990)
    page = text(signed(admin).get(f"/changes/{change.pk}/edit/"))
    for part in ("PUMP-1", "leak", "9.90", "2026-06-10", "厂家停产。"):
        assert part in page
    signed(admin).post(
        f"/changes/{change.pk}/edit/", {**FORM, "scope": "listed", "customers": str(customer.pk)}
    )
    change.refresh_from_db()
    assert (change.scope, change.words, [one.customer for one in change.listed.all()]) == (
        "listed",
        [],
        [customer],
    )


@pytest.mark.parametrize(
    ("language", "said"),
    [("en", "everybody with a running contract, whatever"), ("zh-hans", "不论合同是为了什么")],
)
def test_the_page_says_that_contracts_name_no_products(signed, admin, pump, language, said):
    admin.language = language
    admin.save()
    of_contracts = planned(products=[pump], scope="contracts", kind="price")
    assert said in text(signed(admin).get(f"/changes/{of_contracts.pk}/"))
    assert said not in text(signed(admin).get(f"/changes/{planned(products=[pump]).pk}/"))


@pytest.mark.parametrize(("kind", "is_said"), [("withdrawn", True), ("price", False)])
def test_the_page_says_what_closing_takes_back(signed, admin, pump, kind, is_said):
    sentence, other = "no longer withdrawn by it", "have not left yet"
    draft = planned(products=[pump], kind=kind)
    client = signed(admin)
    assert other not in text(client.get(f"/changes/{draft.pk}/"))
    change = announced(products=[pump], kind=kind)
    page = text(client.get(f"/changes/{change.pk}/"))
    assert (sentence in page, other in page) == (is_said, True)
    BusinessChange.objects.update(effect_day=TODAY.toordinal())  # it has taken effect
    assert sentence not in text(client.get(f"/changes/{change.pk}/"))


def test_announced_followed_and_closed_by_the_pages(signed, admin, manager, pump, customer):
    change = planned(products=[pump])
    client = signed(admin)
    client.post(f"/changes/{change.pk}/announce/")
    assert "still being written down" in text(client.get(f"/changes/{change.pk}/"))
    refused = client.post(f"/changes/{change.pk}/close/", {"reason": ""})
    assert refused.status_code == 422 and "still being written down" in text(refused)
    enrolled(change, at=clock.now())
    assert "still being written down" not in text(client.get(f"/changes/{change.pk}/"))
    informing.inform_due(NOW)
    row = row_of(change, customer)
    client = signed(manager)
    refused = client.post(f"/changes/{change.pk}/customers/{row.pk}/", {"state": "objects", "note": ""})
    assert refused.status_code == 422 and "objects to" in text(refused)
    done = client.post(
        f"/changes/{change.pk}/customers/{row.pk}/?state=to_inform", {"state": "objects", "note": "Too dear"}
    )
    assert done["Location"] == f"/changes/{change.pk}/?state=to_inform"
    assert ConcernedStep.objects.get().by == manager
    page = text(client.get(f"/changes/{change.pk}/"))
    assert "Too dear" in page and 'href="?state=objects"' in page
    assert customer.name not in text(client.get(f"/changes/{change.pk}/?state=accepts"))
    other = CustomerFactory()
    bought(other, pump)
    ConcernedCustomer.objects.create(change=change, customer=other, added_at=NOW, changed_at=NOW)
    refused = signed(admin).post(f"/changes/{change.pk}/close/", {"reason": ""})
    assert refused.status_code == 422 and "1 customers were not followed" in text(refused)
    signed(admin).post(f"/changes/{change.pk}/close/", {"reason": "Enough."})
    page = text(signed(manager).get(f"/changes/{change.pk}/"))
    assert "Enough." in page and "/customers/" + str(row.pk) not in page.replace(
        f"/customers/{customer.pk}/", ""
    )


def test_each_sees_and_follows_her_own_customers(signed, manager, outsider, admin, pump, customer):
    theirs = CustomerFactory(name="Red Hill", owner=outsider)
    bought(theirs, pump)
    change = announced(products=[pump])
    page = text(signed(manager).get(f"/changes/{change.pk}/"))
    assert customer.name in page and "Red Hill" not in page
    path = f"/changes/{change.pk}/customers/{row_of(change, theirs).pk}/"
    assert signed(manager).post(path, {"state": "accepts"}).status_code == 404
    assert row_of(change, theirs).state == "to_inform"
    assert text(signed(admin).get(f"/changes/{change.pk}/")).count("Red Hill") >= 1


@pytest.mark.parametrize(
    ("who", "path", "status"),
    [
        ("manager", "new/", 403),
        ("manager", "{pk}/edit/", 403),
        ("manager", "{pk}/announce/", 403),
        ("lead", "{pk}/announce/", 403),
        ("lead", "{pk}/close/", 403),
        ("analyst", "{pk}/customers/1/", 403),
        ("manager", "{pk}/export/", 403),
        ("admin", "99999999999999999999/", 404),
    ],
)
def test_who_may_not_is_refused(request, signed, pump, who, path, status):
    change = planned(products=[pump])
    client, path = signed(request.getfixturevalue(who)), "/changes/" + path.format(pk=change.pk)
    posts = any(word in path for word in ("announce", "close", "customers"))
    assert (client.post(path) if posts else client.get(path)).status_code == status
    change.refresh_from_db()
    assert change.state == "draft"


def test_the_files_hold_what_the_list_shows(signed, lead, pump, customer, outsider):
    theirs = CustomerFactory(name="Red Hill", owner=outsider)
    bought(theirs, pump)
    give_value(customer, tier="A", margin=12345)
    make_case(customer)
    change = planned(products=[pump])

    def lines(query=""):
        answer = signed(lead).get(f"/changes/{change.pk}/export/{query}")
        return b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()[1:]

    assert lines() == [f"{customer.pk},{customer.name},manager,A,123.45,yes"]
    enrolled(changes.announce(change, by=None, at=NOW))
    assert [line.split(",")[5] for line in lines()] == ["To be told"]
    assert lines("?state=accepts") == []


def test_the_crisis_shows_what_it_gathered(signed, manager, outsider, pump, customer):
    change = announced(products=[pump], kind="incident", is_crisis=True)
    theirs = ComplaintFactory(customer=CustomerFactory(owner=outsider), text="Theirs leaks")
    mine = ComplaintFactory(customer=customer, text="Mine leaks")
    post = Mention.objects.create(
        platform="weibo",
        external_id="1",
        text="All <b>leak</b>",
        source="form",
        occurred_at=NOW,
        recorded_at=NOW,
        occurred_day=day(NOW),
    )
    for said in ({"complaint": theirs}, {"complaint": mine}, {"mention": post}):
        ChangeTag.objects.create(change=change, tagged_at=NOW, **said)
    page = text(signed(manager).get(f"/changes/{change.pk}/"))
    assert 'data-tags="2"' in page and "Mine leaks" in page and "Theirs leaks" not in page
    assert "All &lt;b&gt;leak&lt;/b&gt;" in page


def test_the_case_page_gives_callers_the_words_in_their_language(signed, manager, pump, customer):
    announced(products=[pump], kind="price")
    closed = announced(products=[pump], title_en="Over and done")
    changes.close_change(closed, reason="x", by=None, at=NOW)
    case = make_case(customer)
    page = text(signed(manager).get(f"/cases/{case.pk}/"))
    for part in ("The blue pump goes", "The maker gives it up.", "Ten percent off", "spare parts"):
        assert part in page
    assert "Over and done" not in page
    manager.language = "zh-hans"
    manager.save()
    page = text(signed(manager).get(f"/cases/{case.pk}/"))
    assert "厂家停产。" in page and "The maker" not in page


def queries(client, path):
    with CaptureQueriesContext(connection) as seen:
        assert client.get(path).status_code == 200
    return len(seen)


@pytest.mark.parametrize("is_announced", [False, True])
def test_the_pages_ask_as_much_of_three_as_of_one(signed, admin, pump, is_announced):
    change = (announced if is_announced else planned)(products=[pump], is_crisis=True)
    client, paths = signed(admin), ("/changes/", f"/changes/{change.pk}/")
    queries(client, paths[0])  # what is read once by a process
    before = [queries(client, path) for path in paths]
    for _one in range(2):
        other = CustomerFactory(owner=admin)
        bought(other, pump)
        give_value(other)
        planned(products=[pump])
        if is_announced:
            row = ConcernedCustomer.objects.create(
                change=change, customer=other, added_at=NOW, changed_at=NOW
            )
            changes.set_state(row, state="reached", note="n", by=admin, at=NOW)
            tag = ComplaintFactory(customer=other)
            ChangeTag.objects.create(change=change, tagged_at=NOW, complaint=tag)
    assert [queries(client, path) for path in paths] == before
