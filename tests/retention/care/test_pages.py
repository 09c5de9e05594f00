"""Pages and routes of care: who may, what is shown, errors at their field, bad numbers, and no withheld."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module

import pytest

from customers import consents, merges, movers
from customers import contact as contacting
from customers.contact import Limit
from customers.models import Contact
from retention import care
from retention.models import CareDraw, CarePlan, CareTouch
from retention.timeline import timeline
from tests.customers.test_contact import agreeing
from tests.factories import NOW, CustomerFactory, UserFactory
from tests.retention.care.makers import born, drained, plan, said
from tests.retention.care.test_effect import order, touch
from tests.retention.test_holdout_hidden import looked_at

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
FORM = {
    "name": "Birthdays",
    "code": "birthdays",
    "occasion": "birthday",
    "days_before": "0",
    "subject_en": "Hello",
    "text_en": "Dear {{name}}",
    "holdout_share": "12.5",
}


@pytest.fixture
def mine(manager):
    """A contact of a customer of ``manager`` whose birthday is today."""
    return born(5, 11, customer=CustomerFactory(owner=manager, contact=False, name="Blue"), name="Wang")


def greeted(**values):
    made = plan(**values)
    care.find_due(made, at=NOW)
    drained(NOW)
    return made


# --- Pages ------------------------------------------------------------------------------------
def test_a_plan_is_written_started_and_paused(client, admin):
    client.force_login(admin)
    assert b"No plan yet" in client.get("/care/").content
    answer = client.post("/care/new/", FORM)
    made = CarePlan.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/care/{made.pk}/")
    assert (made.holdout_share, made.state, made.made_by) == (1250, "draft", admin)
    client.post(f"/care/{made.pk}/start/")
    made.refresh_from_db()
    assert made.state == "live"
    client.post(f"/care/{made.pk}/pause/")
    made.refresh_from_db()
    assert made.state == "paused"
    sent = {**FORM, "text_en": "Hi {{name}}", "version": "1"}
    assert client.post(f"/care/{made.pk}/edit/", sent).status_code == 302
    made.refresh_from_db()
    assert (made.text_en, made.version) == ("Hi {{name}}", 2)


def test_the_form_says_what_stands(client, admin):
    made = care.create_plan(
        said(holdout_share=1250, points=5, occasion="festival", festival="qixi"), by=None, at=NOW
    )
    client.force_login(admin)
    form = client.get(f"/care/{made.pk}/edit/").context["form"]
    assert (form["holdout_share"].value(), form["points"].value()) == (12.5, 5)
    assert form["festival"].value() == "qixi"


@pytest.mark.parametrize(
    ("field", "sent"),
    [
        ("text_en", {"text_en": "{{wish}}"}),
        ("code", {"code": "A B"}),
        ("festival", {"occasion": "festival"}),
        ("orders", {"occasion": "orders"}),
        ("gift_en", {"points": "5", "gift_en": "a mug"}),
        ("holdout_share", {"holdout_share": "51"}),
        ("day", {"occasion": "festival", "festival": "own", "month": "2", "day": "30", "calendar": "solar"}),
    ],
)
def test_errors_stand_at_their_field(client, admin, field, sent):
    client.force_login(admin)
    answer = client.post("/care/new/", FORM | sent)
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == {field}
    assert f'id="id_{field}_error"' in answer.content.decode()
    assert not CarePlan.objects.exists()


def test_a_code_that_is_taken_stands_at_its_field(client, admin):
    care.create_plan(said(), by=None, at=NOW)
    client.force_login(admin)
    answer = client.post("/care/new/", FORM)
    assert (answer.status_code, set(answer.context["form"].errors)) == (422, {"code"})


def test_the_second_of_two_who_edit_is_told(client, admin):
    made = care.create_plan(said(), by=None, at=NOW)
    care.change_plan(made, said(name="Other"), by=None, at=NOW)
    client.force_login(admin)
    answer = client.post(f"/care/{made.pk}/edit/", {**FORM, "version": "1"})
    assert answer.status_code == 422
    assert "Somebody else changed this plan" in answer.content.decode()


@pytest.mark.parametrize(
    ("who", "sees", "writes", "starts", "effect"),
    [
        ("manager", 200, 403, 403, 403),
        ("lead", 200, 200, 403, 200),
        ("analyst", 200, 403, 403, 200),
        ("admin", 200, 200, 302, 200),
    ],
)
def test_who_may(client, request, who, sees, writes, starts, effect):
    made = care.create_plan(said(), by=None, at=NOW)
    client.force_login(request.getfixturevalue(who))
    for path in ("/care/", f"/care/{made.pk}/", f"/care/{made.pk}/upcoming/"):
        assert client.get(path).status_code == sees
    for path in ("/care/new/", f"/care/{made.pk}/edit/"):
        assert client.get(path).status_code == writes
    assert client.post(f"/care/{made.pk}/start/").status_code == starts
    assert client.get(f"/care/{made.pk}/effect/").status_code == effect


def test_numbers_that_nothing_has_are_not_found(client, admin):
    client.force_login(admin)
    for path in ("/care/9/", "/care/9/edit/", "/care/9/upcoming/", "/care/9/effect/", f"/care/{10**30}/"):
        assert client.get(path).status_code == 404
    for path in ("/care/9/start/", "/care/9/pause/"):
        assert client.post(path).status_code == 404


def test_one_sees_greetings_of_her_own_customers_only(client, manager, mine):
    other = born(5, 11, customer=CustomerFactory(contact=False, name="Foreign", owner=UserFactory()))
    made = greeted()
    client.force_login(manager)
    page = client.get(f"/care/{made.pk}/")
    assert [one.contact for one in page.context["touches"]] == [mine]
    assert page.context["counts"].sent == 1
    assert other.customer.name not in page.content.decode()


def test_the_page_of_a_plan_shows_its_words_whatever_it_asks(client, admin):
    for made in (care.create_plan(said(), by=None, at=NOW), plan(code="live")):
        client.force_login(admin)
        assert "all the best from {{company}}" in client.get(f"/care/{made.pk}/").content.decode()


def test_greetings_are_narrowed_by_state_and_paged(client, admin, monkeypatch):
    made = plan()
    for _n in range(3):
        touch(made, "sent", days_ago=1)
    touch(made, "closed", days_ago=1)
    monkeypatch.setattr("retention.pages.care.views.PAGE", 2)
    client.force_login(admin)
    first = client.get(f"/care/{made.pk}/?state=sent")
    rest = client.get(f"/care/{made.pk}/" + first.context["older"])
    seen = [one.pk for page in (first, rest) for one in page.context["touches"]]
    expected = CareTouch.objects.filter(state="sent").order_by("-pk").values_list("pk", flat=True)
    assert seen == list(expected)
    assert rest.context["older"] is None


def test_who_is_due_next_with_what_stands_in_the_way(client, manager):
    def near(day, **values):
        return born(5, day, customer=CustomerFactory(owner=manager, contact=False), **values)

    fine, no_address, full = near(20), near(12, email="", phone=""), near(13)
    seldom = near(22)
    contacting.set_frequency(seldom, days=30, by=None, at=NOW)
    near(11)  # today's are found already
    born(5, 14)  # nobody of hers
    last = born(6, 10, customer=CustomerFactory(owner=manager, contact=False))
    born(6, 11, customer=CustomerFactory(owner=manager, contact=False))
    no_consent = near(15)

    consents.record_consent(
        no_consent,
        purposes=["care"],
        channels=["email", "sms"],
        is_given=False,
        source="form",
        by=None,
        at=NOW,
    )
    contacting.set_limits({"care": Limit(1, 5)}, by=None, at=NOW)
    for one in (fine, full, seldom):
        contacting.reserve_contact(one, purpose="care", channel="email", key=str(one.pk), by=None, at=NOW)
    made = plan()
    client.force_login(manager)
    page = client.get(f"/care/{made.pk}/upcoming/")
    found = page.context["found"]
    assert (found.number, found.blocked) == (6, 4)
    assert {number for _label, number in found.obstacles} == {2, 1}
    assert "Of 6 who are due, 4 have something in the way" in page.content.decode()
    assert [(one.contact, one.obstacle) for one in found.rows] == [
        (no_address, "no_address"),
        (full, "limit_reached"),
        (no_consent, "no_consent"),
        (fine, ""),  # by then the limit leaves room
        (seldom, "limit_reached"),  # hers is stricter
        (last, ""),
    ]
    assert not CareTouch.objects.exists()


@pytest.mark.parametrize(("most", "obstacle"), [(2, "limit_reached"), (3, "")])
def test_a_reminder_counts_over_all_classes_in_what_is_foreseen(client, manager, most, obstacle):
    one = born(5, 13, customer=CustomerFactory(owner=manager, contact=False))
    contacting.set_limits({"together": Limit(most, 30), "care": Limit(1, 30)}, by=None, at=NOW)
    asked = {"purpose": "event_survey", "channel": "email", "by": None, "at": NOW}
    first = contacting.reserve_contact(one, key="a", **asked)
    assert contacting.reserve_contact(one, key="b", follows=first, **asked).state == "granted"
    client.force_login(manager)
    (row,) = client.get(f"/care/{plan().pk}/upcoming/").context["found"].rows
    assert (row.contact, row.obstacle) == (one, obstacle)


def test_a_draft_shows_who_would_be_due_today_and_days_before_count(client, manager, mine):
    later = born(6, 12, customer=CustomerFactory(owner=manager, contact=False))
    made = care.create_plan(said(days_before=3), by=None, at=NOW)
    client.force_login(manager)
    found = client.get(f"/care/{made.pk}/upcoming/").context["found"]
    assert [(one.contact, one.occasion_day - one.due_day) for one in found.rows] == [(later, 3)]


def test_thanks_cannot_be_foreseen(client, admin):
    made = plan(occasion="orders", orders=1)
    client.force_login(admin)
    assert "still to come" in client.get(f"/care/{made.pk}/upcoming/").content.decode()


def test_the_effect_shows_both_groups_and_the_difference(client, analyst):
    made = plan(holdout_share=1000)
    for n in range(10):
        customer = touch(made, "sent", days_ago=100)
        if n < 6:
            order(customer, 50)
    for n in range(5):
        customer = touch(made, "withheld", days_ago=100)
        if n < 1:
            order(customer, 50)
    client.force_login(analyst)
    text = client.get(f"/care/{made.pk}/effect/").content.decode()
    assert "60.0 %" in text and "20.0 %" in text
    assert "Difference: +40.0 percentage points" in text


def test_a_greeting_stands_on_the_timeline(mine, manager):
    greeted(name="Birthdays")
    titles = [one.title for one in timeline(mine.customer, user=manager).entries if one.kind == "care"]
    assert titles == ["Greeted: Birthdays"]


def test_queries_of_a_plan_do_not_grow_with_its_greetings(client, admin, django_assert_max_num_queries):
    made = plan()
    for _n in range(12):
        touch(made, "sent", days_ago=1)
    client.force_login(admin)
    client.get(f"/care/{made.pk}/")
    with django_assert_max_num_queries(14):
        client.get(f"/care/{made.pk}/")


# --- For programs -----------------------------------------------------------------------------
def test_routes_give_plans_and_greetings_of_ones_own(client, manager, mine):
    born(5, 11)
    made = greeted()
    client.force_login(manager)
    listed = client.get("/api/v1/care/plans/").json()["results"]
    assert [(one["code"], one["state"], one["live_from"]) for one in listed] == [
        ("birthdays", "live", "2026-05-11")
    ]
    assert client.get(f"/api/v1/care/plans/{made.pk}/").json()["text_en"] == made.text_en
    rows = client.get("/api/v1/care/touches/").json()["results"]
    assert [(one["contact"], one["state"], one["occasion"]) for one in rows] == [(mine.pk, "sent", "2026")]
    assert client.get(f"/api/v1/care/touches/?plan={made.pk + 1}").json()["results"] == []
    foreign = CareTouch.objects.exclude(contact=mine).get()
    assert client.get(f"/api/v1/care/touches/?contact={foreign.contact_id}").json()["results"] == []


# --- Withheld ---------------------------------------------------------------------------------
def test_what_is_withheld_shows_nowhere(client, request, mine, manager, admin, monkeypatch):
    monkeypatch.setattr("customers.ground.clock.now", lambda: NOW)
    made = plan(holdout_share=1000)
    CareDraw.objects.create(
        plan=made, customer=mine.customer, bucket=1, share=1000, is_held_out=True, drawn_at=NOW
    )
    care.find_due(made, at=NOW)
    drained(NOW)
    assert CareTouch.objects.get().state == "withheld"
    who = mine.customer_id
    paths = [
        *("/care/", f"/care/{made.pk}/", f"/care/{made.pk}/?state=closed", f"/care/{made.pk}/upcoming/"),
        *(f"/care/{made.pk}/?state=waiting", f"/customers/{who}/", f"/customers/{who}/file/"),
        *(f"/customers/{who}/privacy/", f"/api/v1/customers/{who}/timeline/", "/api/v1/care/touches/"),
        f"/api/v1/care/touches/?customer={who}",
        *(f"/api/v1/care/plans/{made.pk}/", "/api/v1/care/touches/?state=withheld"),
    ]
    seen = {}
    for name in ("manager", "admin"):
        client.force_login(request.getfixturevalue(name))
        looked_at(client, paths)
        seen[name] = looked_at(client, paths)
    exporters = movers.exporters()
    for person, number in (("customer", who), ("contact", mine.pk)):
        assert exporters[CareTouch](person, number) == []
        assert exporters[CareDraw](person, number) == []
    CareTouch.objects.all().delete()
    CareDraw.objects.all().delete()
    for name in ("manager", "admin"):
        client.force_login(request.getfixturevalue(name))
        assert looked_at(client, paths) == seen[name]
        assert seen[name][f"/care/{made.pk}/"][0] == 200


def test_what_is_given_out_holds_what_was_sent_without_the_draw(mine):
    greeted()
    (row,) = movers.exporters()[CareTouch]("contact", mine.pk)
    assert row["state"] == "sent"
    assert "is_drawn" not in row


# --- Birthdays of contacts --------------------------------------------------------------------
def contact_form(client, contact, **sent):
    form = client.get(f"/contacts/{contact.pk}/").context["form"]
    values = {name: form[name].value() for name in form.fields}
    values = {name: value for name, value in values.items() if value not in (None, False)}
    loaded = contact.updated_at.isoformat()
    return client.post(f"/contacts/{contact.pk}/", {**values, "loaded": loaded, **sent})


def test_a_birthday_is_entered_on_the_contacts_page(client, manager):
    one = agreeing(customer=CustomerFactory(owner=manager, contact=False))
    client.force_login(manager)
    assert contact_form(client, one, birth_month="2", birth_day="30").status_code == 422
    bad = contact_form(client, one, birth_month="2")
    assert set(bad.context["form"].errors) == {"birth_day"}
    future = contact_form(client, one, birth_month="5", birth_day="12", birth_year="2026")
    assert set(future.context["form"].errors) == {"birth_year"}
    sent = {"birth_month": "6", "birth_day": "1", "birth_calendar": "lunar", "birth_is_leap": "on"}
    assert contact_form(client, one, **sent).status_code == 302
    one.refresh_from_db()
    assert (one.birth_calendar, one.birth_month, one.birth_is_leap) == ("lunar", 6, True)
    assert contact_form(client, one, birth_month="", birth_day="").status_code == 302
    one.refresh_from_db()
    assert (one.birth_calendar, one.birth_month, one.birth_is_leap) == ("", None, None)


def test_numbers_of_greetings_say_nothing_of_who_is_withheld(client, admin, monkeypatch):
    made = plan()
    touch(made, "sent", days_ago=1)
    client.force_login(admin)
    (row,) = client.get("/api/v1/care/touches/").json()["results"]
    assert "id" not in row
    assert client.get(f"/api/v1/care/touches/{CareTouch.objects.get().pk}/").status_code == 404
    CareTouch.objects.all().delete()
    monkeypatch.setattr("secrets.SystemRandom.shuffle", lambda self, rows: rows.reverse())
    people = [born(5, 11).pk for _n in range(3)]
    care.find_due(made, at=NOW)
    # who stands before and after a gap is left to chance
    assert list(CareTouch.objects.order_by("pk").values_list("contact", flat=True)) == people[::-1]


def test_of_too_many_it_says_not_what_stands_in_the_way(client, manager, monkeypatch):
    monkeypatch.setattr(import_module("retention.care.upcoming"), "MOST", 1)
    for day in (12, 14, 14):
        born(5, day, customer=CustomerFactory(owner=manager, contact=False), email="", phone="")
    client.force_login(manager)
    found = client.get(f"/care/{plan(holdout_share=1000).pk}/upcoming/").context["found"]
    assert [(one.number, one.blocked) for one in found.by_day] == [(1, 1), (2, None)]
    assert (found.number, found.is_cut) == (1, True)


def test_whom_today_could_not_greet_stands_there_with_the_reason(client, manager, mine):
    kept = born(5, 11, customer=CustomerFactory(owner=manager, contact=False, name="Red"), email="", phone="")
    born(5, 11, email="", phone="")  # nobody of hers
    made = greeted()
    client.force_login(manager)
    page = client.get(f"/care/{made.pk}/upcoming/")
    assert [(one.contact, one.reason) for one in page.context["missed"]] == [(kept, "no_address")]
    assert "Today, not greeted so far" in page.content.decode()


@pytest.mark.parametrize("is_stopped", [False, True])
def test_of_a_plan_that_leaves_some_out_only_numbers_are_foreseen(client, manager, is_stopped):
    for day in (12, 14, 14):
        last = born(
            5, day, customer=CustomerFactory(owner=manager, contact=False, name="Blue Lake"), name="Ouyang"
        )
    Contact.objects.filter(pk=last.pk).update(email="", phone="")
    born(5, 14)  # nobody of hers
    made = plan(holdout_share=0 if is_stopped else 1000, days_before=1)
    if is_stopped:
        some = CustomerFactory()
        CareDraw.objects.create(plan=made, customer=some, bucket=1, share=1, is_held_out=True, drawn_at=NOW)
    client.force_login(manager)
    page = client.get(f"/care/{made.pk}/upcoming/")
    today = NOW.date().toordinal()
    assert page.context["found"].rows == []
    (day,) = page.context["found"].by_day  # that of the 12th is found already
    assert (day.day, day.number, day.blocked) == (today + 2, 2, 1)
    assert "Of 2 who are due, 1 have something in the way" in page.content.decode()
    text = page.content.decode()
    assert "nobody is named" in text
    assert "Ouyang" not in text and "Blue Lake" not in text


def test_a_merge_counts_no_rows_that_nobody_is_told_of(client, admin):
    stays, goes = agreeing(), agreeing()
    merge = merges.merge_customers(stays.customer, goes.customer, reason="same", by=admin, at=NOW)
    plain = sum(merge.moved.values())
    stays, goes = agreeing(), agreeing()
    made = plan()
    touch(made, "withheld", days_ago=1, contact=goes)
    CareDraw.objects.create(
        plan=made, customer=goes.customer, bucket=1, share=1, is_held_out=True, drawn_at=NOW
    )
    merge = merges.merge_customers(stays.customer, goes.customer, reason="same", by=admin, at=NOW)
    assert CareTouch.objects.get().customer_id == stays.customer_id
    assert sum(merge.moved.values()) == plain
    assert not {name for name in merge.moved if "Care" in name or "Holdout" in name}
