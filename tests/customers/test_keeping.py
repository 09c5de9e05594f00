"""Retention periods: what is older goes, what is younger stays, in steps, counted and audited."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import DatabaseError, transaction

from customers import customers, keeping, writing
from customers.ground import audit
from customers.ground.models import AuditEvent, SealedValue
from customers.models import (
    CompetitorSighting,
    Complaint,
    Contact,
    ErasureReceipt,
    ImportBatch,
    Interaction,
    KeepPeriod,
    Mention,
)
from tests.factories import (
    NOW,
    ComplaintFactory,
    ContactFactory,
    CustomerFactory,
    InteractionFactory,
    MentionFactory,
    SightingFactory,
    ago,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _outside(settings, tmp_path):
    settings.MEDIA_ROOT, settings.ERASURE_LOG = tmp_path / "media", tmp_path / "erasures.log"


def keep(**months):
    return keeping.set_periods(months, by=None, at=NOW)


def test_delivered_periods_keep_what_was_said_for_ever(company):
    periods = keeping.periods()
    assert periods["import_files"] == 3 and periods["audit_addresses"] == 24
    assert {periods[code] for code in ("interactions", "complaints", "audit_values", "left_contacts")} == {
        None
    }
    InteractionFactory(occurred_at=ago(9999))
    assert keeping.clear_old(at=NOW) == {}
    assert Interaction.objects.get().text


def test_set_periods_refuses_nonsense_and_audits_what_changed(company, admin):
    for months in (0, -1, 601):
        with pytest.raises(keeping.MonthsRefused):
            keep(interactions=months)
    with pytest.raises(ValueError, match="nothing"):
        keep(nothing=3)
    assert keeping.set_periods({"interactions": 12, "complaints": None}, by=admin, at=NOW) == ["interactions"]
    assert AuditEvent.objects.get(act="privacy.keep").codes == {"interactions": 12}
    assert keep(interactions=12) == [] and KeepPeriod.objects.count() == 1
    keep(interactions=None)
    assert keeping.periods()["interactions"] is None


@pytest.mark.parametrize(
    ("model", "make", "code"),
    [(Interaction, InteractionFactory, "interactions"), (Complaint, ComplaintFactory, "complaints")],
)
def test_clear_old_empties_older_texts_with_their_versions_and_keeps_the_fact(company, model, make, code):
    old = make(occurred_at=NOW.replace(month=4, day=10))
    edge = make(occurred_at=NOW.replace(month=4, day=11))
    writing.revise(old, text="Second", at=NOW)
    assert SealedValue.objects.count() == 1
    keep(**{code: 1})
    assert keeping.clear_old(at=NOW) == {code: 1}
    assert dict(model.objects.values_list("pk", "text")) == {old.pk: "", edge.pk: edge.text}
    assert not SealedValue.objects.exists()
    assert AuditEvent.objects.get(act="privacy.clear_old").codes == {code: 1}
    assert keeping.clear_old(at=NOW) == {}


def test_clear_old_goes_by_bounded_steps_and_goes_on(company, monkeypatch):
    monkeypatch.setattr(keeping, "STEP", 2)
    InteractionFactory.create_batch(5, occurred_at=ago(400))
    keep(interactions=12)
    assert keeping.clear_old(at=NOW, most_steps=2) == {"interactions": 4}
    assert Interaction.objects.exclude(text="").count() == 1
    assert keeping.clear_old(at=NOW, most_steps=2) == {"interactions": 1}


def test_clear_old_forgets_addresses_and_values_of_the_audit(customer):
    old = audit.record("x.y", obj=customer, by=None, at=ago(800))
    new = audit.record("x.y", obj=customer, by=None, at=ago(8))
    for event in (old, new):
        with pytest.raises(DatabaseError), transaction.atomic():
            AuditEvent.objects.filter(pk=event.pk).update(address="10.0.0.1")  # never set afterwards
    keep(audit_values=12)
    customers.change_customer(customer, name="New name", by=None, at=ago(700))
    assert SealedValue.objects.count() == 1
    assert keeping.clear_old(at=NOW) == {"audit_values": 1}
    assert not SealedValue.objects.exists() and AuditEvent.objects.filter(pk=old.pk).exists()


def test_clear_old_addresses_go_and_younger_ones_stay(customer):
    made = [
        AuditEvent.objects.create(at=at, act="x.y", channel="page", address="10.0.0.1")
        for at in (ago(800), ago(700))
    ]
    assert keeping.clear_old(at=NOW) == {"audit_addresses": 1}
    assert [AuditEvent.objects.get(pk=row.pk).address for row in made] == [None, "10.0.0.1"]


def test_clear_old_removes_files_of_imports_but_not_of_running_ones(company, settings):
    folder = settings.MEDIA_ROOT / "imports"
    folder.mkdir(parents=True)
    rows = {}
    for name, status, days in (("a", "done", 100), ("b", "running", 100), ("c", "done", 10)):
        rows[name] = ImportBatch.objects.create(
            kind="customers",
            status=status,
            made_at=ago(days),
            stored_as=f"{name}.csv",
            error_stored_as=f"{name}.errors.csv",
            lines=7,
        )
        for end in ("csv", "errors.csv"):
            (folder / f"{name}.{end}").write_text("x")
    assert keeping.clear_old(at=NOW) == {"import_files": 1}
    left = {path.name for path in folder.iterdir()}
    assert left == {"b.csv", "b.errors.csv", "c.csv", "c.errors.csv"}
    rows["a"].refresh_from_db()
    assert (rows["a"].stored_as, rows["a"].lines) == ("", 7)


def test_clear_old_erases_contacts_who_left_long_ago(company):
    customer = CustomerFactory()
    gone = ContactFactory(customer=customer, is_main=False, left_on=date(2024, 5, 1))
    ContactFactory(customer=customer, is_main=False, left_on=date(2026, 5, 1))
    ContactFactory(customer=customer, is_main=False)
    main = customer.contacts.get(is_main=True)
    Contact.objects.filter(pk=main.pk).update(left_on=date(2024, 5, 1))
    keep(left_contacts=12)
    assert keeping.clear_old(at=NOW) == {"left_contacts": 1}
    assert list(Contact.objects.filter(erased_at__isnull=False)) == [gone]
    assert ErasureReceipt.objects.get().reason == "period"


@pytest.mark.parametrize(
    ("month", "day", "months", "before"),
    [
        (5, 31, 3, (2026, 2, 28)),
        (1, 31, 1, (2025, 12, 31)),
        (3, 31, 1, (2026, 2, 28)),
        (5, 11, 12, (2025, 5, 11)),
    ],
)
def test_months_end_with_the_month(company, month, day, months, before):
    moment = keeping._months_before(NOW.replace(month=month, day=day), months)
    assert (moment.year, moment.month, moment.day) == before
    assert moment < NOW + timedelta(days=30)


def test_clear_old_empties_what_was_written_in_public_and_keeps_how_it_sounded(company):
    old, edge = MentionFactory(occurred_at=ago(740)), MentionFactory(occurred_at=ago(700))
    assert keeping.clear_old(at=NOW) == {"mentions": 1}
    rows = Mention.objects.values_list("pk", "text", "handle", "url", "sentiment")
    assert set(rows) == {
        (old.pk, "", "", "", "negative"),
        (edge.pk, edge.text, edge.handle, edge.url, "negative"),
    }


def test_clear_old_empties_what_competitors_offered_and_keeps_the_sighting(company):
    old, edge = SightingFactory(occurred_at=ago(400), seen=9), SightingFactory(occurred_at=ago(30))
    keep(sightings=12)
    assert keeping.clear_old(at=NOW) == {"sightings": 1}
    rows = CompetitorSighting.objects.values_list("pk", "offered", "price_seen")
    assert set(rows) == {(old.pk, "", 900), (edge.pk, "10 % off", None)}
