"""Links to the own page: one for each contact, found by their token only, dead when they must be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings

from customers import erasure
from customers.ground import clock
from customers.ground.models import AuditEvent
from customers.models import Contact, Customer, User
from customers.objections import Erased
from loyalty import links
from loyalty.models import MemberLink
from tests.factories import NOW, ContactFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact(customer: Customer) -> Contact:
    found = customer.contacts.first()
    assert found is not None
    return found


def made(contact: Contact, *, by: User | None = None) -> MemberLink:
    return links.make_link(contact, by=by, at=NOW, now=clock.real_now())


def opens(link: MemberLink, **moved: Any) -> bool:
    now = clock.real_now() + timedelta(**moved)
    return links.find(links.token_of(link), at=NOW, now=now) is not None


def test_link_is_found_by_its_token_which_is_stored_nowhere(contact: Contact, manager: User) -> None:
    link = made(contact, by=manager)
    token = links.token_of(link)
    found = links.find(token, at=NOW, now=clock.real_now())
    assert found == link and found.contact == contact and len(token) == 43
    assert token not in {link.salt, link.token_hash}
    for wrong in ("", "x", link.salt, link.token_hash, token[:-1], token + "A"):
        assert links.find(wrong, at=NOW, now=clock.real_now()) is None
    event = AuditEvent.objects.get(act="member_link.make")
    assert (event.actor_id, event.customer_id, event.codes) == (
        manager.pk,
        contact.customer_id,
        {"contact": contact.pk},
    )


def test_link_lasts_a_year_to_the_moment(contact: Contact) -> None:
    link = made(contact)
    left = link.expires_at - clock.real_now()
    assert link.expires_at - link.made_at == timedelta(days=365)
    assert links.find(links.token_of(link), at=NOW, now=link.expires_at - timedelta(seconds=1)) == link
    assert links.find(links.token_of(link), at=NOW, now=link.expires_at) is None
    assert left > timedelta(days=364)


def test_new_link_ends_the_one_before_of_this_contact_only(contact: Contact, customer: Customer) -> None:
    other = made(ContactFactory(customer=customer, is_main=False))
    first, second = made(contact), made(contact)
    assert (opens(first), opens(second), opens(other)) == (False, True, True)
    assert links.live_of(customer.pk, now=clock.real_now()) == {
        contact.pk: second,
        other.contact_id: other,
    }


def test_revoked_link_opens_nothing_and_is_revoked_once(contact: Contact, manager: User) -> None:
    link = made(contact)
    said = {"by": manager, "at": NOW, "now": clock.real_now()}
    assert links.revoke(link, **said) and not links.revoke(link, **said)
    assert not opens(link)
    assert AuditEvent.objects.filter(act="member_link.revoke").count() == 1


def test_link_of_who_left_opens_nothing_from_that_day_on(contact: Contact) -> None:
    link = made(contact)
    today = NOW.date()
    Contact.objects.filter(pk=contact.pk).update(left_on=today + timedelta(days=1))
    assert opens(link)
    Contact.objects.filter(pk=contact.pk).update(left_on=today)
    assert not opens(link)
    contact.refresh_from_db()
    with pytest.raises(links.HasLeft):
        made(contact)
    assert links.link_for(contact, at=NOW, now=clock.real_now()) == ""


def test_link_of_a_customer_that_is_gone_opens_nothing(contact: Contact, customer: Customer) -> None:
    link = made(contact)
    assert Contact.objects.filter(links.there(at=NOW), pk=contact.pk).exists()
    Customer.objects.filter(pk=customer.pk).update(gone_at=NOW)
    assert not opens(link)
    assert not Contact.objects.filter(links.there(at=NOW), pk=contact.pk).exists()
    with pytest.raises(links.HolderGone, match="Look for the customer"):
        made(contact)  # also for who read the contact before
    assert links.link_for(contact, at=NOW, now=clock.real_now()) == ""
    assert AuditEvent.objects.filter(act="member_link.make").count() == 1
    Customer.objects.filter(pk=customer.pk).update(gone_at=None)
    assert opens(link)


def test_erasure_destroys_the_link(contact: Contact, customer: Customer, admin: User) -> None:
    link = made(contact)
    token = links.token_of(link)
    erasure.erase_customer(customer, reason="request", by=admin, at=NOW)
    assert not MemberLink.objects.exists()
    assert links.find(token, at=NOW, now=clock.real_now()) is None
    contact.refresh_from_db()
    contact.customer.refresh_from_db()
    with pytest.raises(Erased):
        made(contact)
    assert links.link_for(contact, at=NOW, now=clock.real_now()) == ""


def test_letters_carry_one_link_which_they_keep_alive(contact: Contact) -> None:
    now = clock.real_now()
    first = links.link_for(contact, at=NOW, now=now)
    link = MemberLink.objects.get()
    assert first.endswith(f"/m/{links.token_of(link)}/") and first.startswith("http")
    assert links.link_for(contact, at=NOW, now=now + timedelta(days=100)) == first
    link.refresh_from_db()
    assert link.expires_at == now + timedelta(days=365)  # more than half of its time was left
    later = now + timedelta(days=300)
    assert links.link_for(contact, at=NOW, now=later) == first
    link.refresh_from_db()
    assert link.expires_at == later + timedelta(days=365)
    assert MemberLink.objects.count() == 1


def test_letters_carry_a_new_link_when_the_old_one_is_over_or_lost(contact: Contact) -> None:
    now = clock.real_now()
    first = links.link_for(contact, at=NOW, now=now)
    links.revoke(MemberLink.objects.get(), by=None, at=NOW, now=now)
    second = links.link_for(contact, at=NOW, now=now)
    third = links.link_for(contact, at=NOW, now=now + timedelta(days=366))
    with override_settings(SECRET_KEY="another"):
        assert links.address_of(MemberLink.objects.latest("pk")) == ""
        fourth = links.link_for(contact, at=NOW, now=now + timedelta(days=366))
        assert fourth.endswith("/")
    assert len({first, second, third, fourth}) == 4
    assert MemberLink.objects.filter(revoked_at=None).count() == 1
