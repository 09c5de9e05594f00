"""The catalogue of causes: delivered in two levels, edited by admins, readable for ever."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from customers import causes
from customers.ground.models import AuditEvent
from customers.models import Cause, User
from tests.factories import NOW

pytestmark = pytest.mark.django_db
DELIVERED = len(causes.CAUSES) + len(causes.DETAILS)


def cause(code: str) -> Cause:
    return Cause.objects.get(code=code)


def below(parent: str | None) -> list[str]:
    return list(causes.in_order().filter(parent__code=parent).values_list("code", flat=True))


def acts() -> list[str]:
    return list(
        AuditEvent.objects.filter(act__startswith="cause.").order_by("pk").values_list("act", flat=True)
    )


# --- Delivered ----------------------------------------------------------------------------------
def test_causes_are_delivered_and_what_people_changed_is_kept() -> None:
    assert below(None) == [code for code, _english, _chinese in causes.CAUSES]
    assert len(causes.CAUSES) == 14
    assert below("price") == ["price_raised", "too_expensive", "hidden_cost"]
    assert Cause.objects.count() == DELIVERED
    Cause.objects.filter(code="price").update(name_en="Dear", is_retired=True)
    Cause.objects.filter(code__in=["competitor", "hidden_cost"]).delete()
    causes.sync()
    causes.sync()
    assert Cause.objects.count() == DELIVERED
    assert (cause("price").name_en, cause("competitor").name_zh) == ("Dear", "竞争对手")
    assert cause("hidden_cost").parent == cause("price")


def test_every_delivered_detail_has_a_delivered_parent_and_both_names() -> None:
    firsts = {code for code, _english, _chinese in causes.CAUSES}
    assert {parent for parent, *_rest in causes.DETAILS} <= firsts
    assert all(
        english and chinese and not chinese.isascii() for _parent, _code, english, chinese in causes.DETAILS
    )


def test_choices_leave_out_what_is_retired_and_what_belongs_to_it() -> None:
    Cause.objects.filter(code__in=["price", "outage"]).update(is_retired=True)
    left = set(Cause.objects.values_list("code", flat=True)) - {c.code for c in causes.choices()}
    assert left == {"price", "price_raised", "too_expensive", "hidden_cost", "outage"}
    assert {c.code for c in Cause.objects.select_related("parent") if not causes.may_be_chosen(c)} == left


def test_causes_stand_before_what_belongs_to_them() -> None:
    codes = [one.code for one in causes.in_order()]
    place = codes.index("price")
    assert codes[place : place + 4] == ["price", "price_raised", "too_expensive", "hidden_cost"]
    assert codes[place + 4] == "misleading_promise"


# --- Edited -------------------------------------------------------------------------------------
def test_add_puts_a_cause_behind_the_others_of_its_level(admin: User) -> None:
    added = causes.add_cause(name_en="Parking", name_zh="停车不便", parent=cause("price"), by=admin, at=NOW)
    assert below("price")[-1] == added.code == "parking"
    assert acts() == ["cause.add"]
    chinese = causes.add_cause(name_en="", name_zh="政策原因", by=admin, at=NOW)
    assert (chinese.code, chinese.name_en, below(None)[-1]) == ("cause", "政策原因", "cause")


def test_add_gives_each_cause_a_code_of_its_own(admin: User) -> None:
    codes = [
        causes.add_cause(name_en="Parking", name_zh="停车", parent=cause(parent), by=admin, at=NOW).code
        for parent in ("price", "competitor")
    ]
    assert codes == ["parking", "parking_2"]


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"name_en": "price RAISED", "name_zh": "新", "parent": "price"}, causes.CauseNameTaken),
        ({"name_en": "New", "name_zh": "涨价", "parent": "price"}, causes.CauseNameTaken),
        ({"name_en": "New", "name_zh": "新", "parent": "outage"}, causes.CauseTooDeep),
    ],
)
def test_add_is_refused_for_a_taken_name_and_a_third_level(admin: User, values: Any, refusal: Any) -> None:
    values["parent"] = cause(values["parent"])
    with pytest.raises(refusal):
        causes.add_cause(**values, by=admin, at=NOW)
    assert Cause.objects.count() == DELIVERED
    assert acts() == []


def test_add_takes_a_name_that_stands_on_another_level(admin: User) -> None:
    causes.add_cause(name_en="Price raised", name_zh="涨价", by=admin, at=NOW)
    assert Cause.objects.count() == DELIVERED + 1


def test_add_is_refused_when_the_catalogue_is_full(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("customers.causes.editing.MOST", DELIVERED)
    with pytest.raises(causes.CatalogueFull):
        causes.add_cause(name_en="New", name_zh="新", by=admin, at=NOW)


def test_rename_changes_both_names_and_keeps_the_code(admin: User) -> None:
    causes.rename_cause(cause("outage"), name_en="Down", name_zh="停机", by=admin, at=NOW)
    assert (cause("outage").name_en, cause("outage").name_zh) == ("Down", "停机")
    causes.rename_cause(cause("outage"), name_en="Down", name_zh="停机", by=admin, at=NOW)
    assert acts() == ["cause.rename"]
    with pytest.raises(causes.CauseNameTaken):
        causes.rename_cause(cause("outage"), name_en="Late delivery", name_zh="停机", by=admin, at=NOW)


@pytest.mark.parametrize(
    ("steps", "order"),
    [
        (-1, ["too_expensive", "price_raised", "hidden_cost"]),
        (1, ["price_raised", "hidden_cost", "too_expensive"]),
        (9, ["price_raised", "hidden_cost", "too_expensive"]),
        (0, ["price_raised", "too_expensive", "hidden_cost"]),
    ],
)
def test_move_changes_places_within_the_level(admin: User, steps: int, order: list[str]) -> None:
    firsts = below(None)
    causes.move_cause(cause("too_expensive"), steps=steps, by=admin, at=NOW)
    assert below("price") == order
    assert below(None) == firsts
    assert acts() == (["cause.move"] if steps else [])


def test_retire_and_bring_back_follow_the_level_above(admin: User) -> None:
    causes.retire_cause(cause("price"), by=admin, at=NOW)
    causes.retire_cause(cause("hidden_cost"), by=admin, at=NOW)
    with pytest.raises(causes.ParentRetired):
        causes.bring_back(cause("hidden_cost"), by=admin, at=NOW)
    with pytest.raises(causes.ParentRetired):
        causes.add_cause(name_en="New", name_zh="新", parent=cause("price"), by=admin, at=NOW)
    causes.bring_back(cause("price"), by=admin, at=NOW)
    causes.bring_back(cause("hidden_cost"), by=admin, at=NOW)
    assert causes.choices().count() == DELIVERED
    assert acts() == ["cause.retire", "cause.retire", "cause.bring_back", "cause.bring_back"]


def test_unknown_is_never_retired(admin: User) -> None:
    with pytest.raises(causes.CauseStays):
        causes.retire_cause(cause(causes.UNKNOWN), by=admin, at=NOW)
    assert not cause(causes.UNKNOWN).is_retired


# --- The page -----------------------------------------------------------------------------------
@pytest.mark.parametrize("role", ["lead", "manager", "analyst"])
def test_only_admins_change_causes(client: Client, request: pytest.FixtureRequest, role: str) -> None:
    client.force_login(request.getfixturevalue(role))
    assert client.get(reverse("customers:cause_list")).status_code == 403
    assert client.post(reverse("customers:cause_retire", args=[cause("price").pk])).status_code == 403
    assert not cause("price").is_retired


@pytest.mark.parametrize(
    ("language", "words"), [("en", ["Hidden cost", "New cause"]), ("zh-hans", ["隐性收费", "新的流失原因"])]
)
def test_page_lists_both_levels_in_both_languages(
    client: Client, admin: User, language: str, words: list[str]
) -> None:
    User.objects.filter(pk=admin.pk).update(language=language)
    client.force_login(admin)
    page = client.get(reverse("customers:cause_list")).content.decode()
    assert all(word in page for word in words)


@pytest.mark.parametrize("more", [1, 3])
def test_page_takes_the_same_queries_for_any_number(
    client: Client, admin: User, more: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(more):
        causes.add_cause(name_en=f"N{number}", name_zh=f"新{number}", by=admin, at=NOW)
    client.force_login(admin)
    with django_assert_max_num_queries(6):
        client.get(reverse("customers:cause_list"))


def test_page_adds_renames_moves_and_retires(client: Client, admin: User) -> None:
    client.force_login(admin)
    said = {"name_en": "Parking", "name_zh": "停车不便", "parent": cause("price").pk}
    assert client.post(reverse("customers:cause_add"), said).status_code == 302
    again = client.post(reverse("customers:cause_add"), said)
    assert (again.status_code, "stands here already" in again.content.decode()) == (422, True)
    at = {"args": [cause("parking").pk]}
    client.post(reverse("customers:cause_edit", **at), {"name_en": "No parking", "name_zh": "无处停车"})
    client.post(reverse("customers:cause_move", **at), {"to": "up"})
    client.post(reverse("customers:cause_retire", **at), {"retired": "1"})
    assert (cause("parking").name_zh, cause("parking").is_retired) == ("无处停车", True)
    assert below("price") == ["price_raised", "too_expensive", "parking", "hidden_cost"]
    client.post(reverse("customers:cause_retire", **at), {"retired": "0"})
    assert not cause("parking").is_retired


def test_page_refuses_an_empty_name_and_keeps_the_other(client: Client, admin: User) -> None:
    client.force_login(admin)
    answer = client.post(reverse("customers:cause_add"), {"name_en": "Parking", "name_zh": " "})
    assert (answer.status_code, 'value="Parking"' in answer.content.decode()) == (422, True)
    assert client.post(reverse("customers:cause_edit", args=[cause("price").pk]), {}).status_code == 422
