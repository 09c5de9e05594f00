"""The page where an admin defines attributes."""

from __future__ import annotations

import pytest
from django.urls import reverse

from customers import attributes
from customers.models import Attribute
from tests.factories import NOW

pytestmark = pytest.mark.django_db
LIST = "/settings/attributes/"


@pytest.fixture
def signed_in(client, admin):
    client.force_login(admin)
    return client


def test_attribute_is_defined_renamed_and_retired(signed_in):
    sent = {"code": "size", "kind": "choice", "label_en": "Size", "label_zh": "规模"}
    assert signed_in.post(LIST, {**sent, "choices": "big | Big | 大\nsmall"}).status_code == 302
    made = Attribute.objects.get()
    assert (made.choices, made.choice_labels["small"]) == (["big", "small"], ["small", "small"])
    edit = reverse("customers:attribute_edit", args=[made.pk])
    assert "big | Big | 大" in signed_in.get(edit).content.decode()
    signed_in.post(edit, {"label_en": "Scale", "label_zh": "规模", "choices": "big | Large | 大"})
    made.refresh_from_db()
    assert (made.label_en, made.choices) == ("Scale", ["big"])
    signed_in.post(reverse("customers:attribute_retire", args=[made.pk]), {"retired": "1"})
    made.refresh_from_db()
    assert made.retired_at is not None
    assert "retired" in signed_in.get(LIST).content.decode()


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"code": "a b"}, "code"),
        ({"code": "taken"}, "code"),
        ({"choices": ""}, "choices"),
        ({"choices": "a|b|c|d"}, "choices"),
        ({"label_zh": ""}, "label_zh"),
    ],
)
def test_attribute_that_is_refused_keeps_what_was_entered(signed_in, sent, field):
    attributes.define_attribute(code="taken", kind="text", label_en="T", label_zh="占", by=None, at=NOW)
    good = {"code": "size", "kind": "choice", "label_en": "Size", "label_zh": "规模", "choices": "big"}
    response = signed_in.post(LIST, {**good, **sent})
    assert response.status_code == 422
    assert field in response.context["form"].errors
    assert Attribute.objects.count() == 1


@pytest.mark.parametrize(
    ("who", "status"), [("admin", 200), ("lead", 403), ("manager", 403), ("analyst", 403)]
)
def test_attributes_are_for_admins(client, request, company, who, status):
    client.force_login(request.getfixturevalue(who))
    assert client.get(LIST).status_code == status
    assert ("/settings/attributes/" in client.get("/settings/").content.decode()) is (status == 200)


@pytest.mark.parametrize("language", ["en", "zh-hans"])
def test_attribute_pages_open_in_both_languages(signed_in, admin, language):
    admin.language = language
    admin.save()
    made = attributes.define_attribute(
        code="staff", kind="number", label_en="Staff", label_zh="员工", by=None, at=NOW
    )
    edit = signed_in.get(reverse("customers:attribute_edit", args=[made.pk])).content.decode()
    assert ("员工" if language == "zh-hans" else "Staff") in edit
    assert f'lang="{language}"' in signed_in.get(LIST).content.decode()
