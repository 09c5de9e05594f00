"""Audit holds codes in the open and values under seal."""

from __future__ import annotations

import pytest

from customers.ground import audit, context, sealed
from customers.ground.models import AuditEvent, HolderKey, SealedValue
from tests.factories import NOW, CustomerFactory, UserFactory

pytestmark = pytest.mark.django_db


def test_record_says_who_what_when_and_from_where(company):
    user, customer = UserFactory(), CustomerFactory()
    with context.acting(channel="page", request_id="r" * 8, address="203.0.113.5"):
        event = audit.record("customer.change", obj=customer, by=user, at=NOW, customer_id=customer.pk)
    event.refresh_from_db()
    assert (event.actor_id, event.act, event.object_type, event.object_id) == (
        user.pk,
        "customer.change",
        "customers.customer",
        customer.pk,
    )
    assert (event.channel, event.address, event.request_id, event.at) == ("page", "203.0.113.5", "r" * 8, NOW)


def test_record_refuses_text_among_codes():
    with pytest.raises(ValueError, match="not an id"):
        audit.record("x.y", obj=None, by=None, at=NOW, codes={"name": "Li Wei"})


def test_record_refuses_values_without_a_holder():
    with pytest.raises(ValueError, match="holder"):
        audit.record("x.y", obj=None, by=None, at=NOW, before={"name": "Li"})


def test_values_can_be_read_until_the_key_is_destroyed(company):
    customer = CustomerFactory()
    audit.record(
        "x.y", obj=customer, by=None, at=NOW, before={"name": "Li Wei"}, after={"name": "李伟"}, holder="c:1"
    )
    row = SealedValue.objects.get()
    assert sealed.unseal(row) == {"before": {"name": "Li Wei"}, "after": {"name": "李伟"}}
    assert b"Li Wei" not in bytes(row.sealed)
    assert sealed.destroy("c:1") == 1
    assert not SealedValue.objects.exists() and not HolderKey.objects.exists()
    with pytest.raises(HolderKey.DoesNotExist):
        sealed.unseal(row)


def test_destroy_leaves_the_values_of_others(company):
    customer = CustomerFactory()
    for holder in ("c:1", "c:2"):
        sealed.seal(holder, subject=customer, values={"x": holder})
    sealed.destroy("c:1")
    assert [sealed.unseal(row) for row in SealedValue.objects.all()] == [{"x": "c:2"}]


def test_each_holder_has_her_own_key(company):
    customer = CustomerFactory()
    for holder in ("c:1", "c:2"):
        sealed.seal(holder, subject=customer, values={"x": 1})
    assert len({bytes(k.wrapped) for k in HolderKey.objects.all()}) == 2


def test_request_gives_its_id_back_and_hands_it_to_audit(client):
    response = client.get("/healthz", headers={"X-Request-ID": "abcdefgh-1"})
    assert response["X-Request-ID"] == "abcdefgh-1"
    assert client.get("/healthz", headers={"X-Request-ID": "<script>"})["X-Request-ID"] != "<script>"
    assert AuditEvent.objects.count() == 0


@pytest.mark.parametrize(
    ("seen", "kept"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("203.0.113.5:5555", "203.0.113.5"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_address_is_kept_only_when_it_is_one(rf, seen, kept):
    assert context.address_of(rf.get("/", REMOTE_ADDR=seen)) == kept
