"""The admin shows every table and changes none."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.urls import reverse

from config.admin import OURS
from tests.factories import CustomerFactory, OrderFactory, UserFactory

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.slow,
]  # asks of no database what another would answer otherwise: once is enough
OWN = [model for model in admin.site._registry if model._meta.app_label in OURS]


@pytest.fixture
def boss(client, company):
    user = UserFactory(role="admin", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def test_every_table_can_be_looked_at(client, boss):
    OrderFactory()
    assert len(OWN) > 25
    assert {
        model._meta.label for model in OWN if client.get(address(model, "changelist")).status_code != 200
    } == set()


def test_no_row_can_be_added_changed_or_deleted(client, boss):
    customer = CustomerFactory(name="Before")
    model = type(customer)
    assert client.get(address(model, "add")).status_code == 403
    assert client.post(address(model, "change", customer.pk), {"name": "After"}).status_code == 403
    assert client.post(address(model, "delete", customer.pk), {"post": "yes"}).status_code == 403
    customer.refresh_from_db()
    assert customer.name == "Before"
    assert client.get(address(model, "change", customer.pk)).status_code == 200


def test_passwords_and_keys_are_not_shown(client, boss):
    page = client.get(address(type(boss), "change", boss.pk)).content.decode()
    assert boss.password not in page


def test_only_admins_get_in(client, company):
    client.force_login(UserFactory(role="analyst"))
    assert client.get(reverse("admin:index")).status_code in {302, 403}


def test_admin_signs_in_by_the_throttled_page(client, company):
    response = client.get(reverse("admin:login"))
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("account_login"))


def test_no_table_can_be_written_through_the_admin():
    from config.admin import ReadOnly

    writable = [
        model._meta.label for model, shown in admin.site._registry.items() if not isinstance(shown, ReadOnly)
    ]
    assert writable == []
