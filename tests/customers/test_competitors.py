"""The catalogue of competitors: found in any spelling, kept, merged, taken out; its pages."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from customers import competitors, sightings
from customers.changing import ChangedMeanwhile
from customers.competitor_names import CompetitorNameRefused, key_of
from customers.ground.models import AuditEvent
from customers.models import Competitor, CompetitorName, CompetitorSighting, Customer, User
from tests.factories import NOW, CompetitorFactory, SightingFactory

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}


# --- Spellings ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Acme Ltd", "ACME, Inc."),
        ("acme co., ltd.", "Ａｃｍｅ"),
        ("Acme S.A.", "A-C-M-E"),
        ("Acme®", " acme\u200b "),
        ("蓝湖贸易有限公司", "蓝湖 贸易"),
        ("蓝湖贸易（股份有限公司）", "蓝湖贸易有限责任公司"),
        ("蓝湖Ltd.", "蓝湖"),
        ("AT&T", "at & t"),
        ("STRASSE", "Straße GmbH"),
    ],
)
def test_spellings_of_one_name_have_one_key(first: str, second: str) -> None:
    assert key_of(first) == key_of(second)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Acme", "Acme Tea"),
        ("C++", "C"),
        ("Ltd", "Inc"),
        ("公司", "有限公司"),
        ("Incor", "Inc"),
        ("Zinc", "Z"),
    ],
)
def test_different_names_have_different_keys(first: str, second: str) -> None:
    assert key_of(first) != key_of(second)


@pytest.mark.parametrize("name", ["", "  ", "。，", "\u200b", "+", "x" * 201, "\ufdfa" * 14])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(CompetitorNameRefused):
        key_of(name)


def test_unknown_name_is_entered_to_be_checked_and_found_by_other_spellings(manager: User) -> None:
    made = competitors.named("Acme  Ltd.", by=manager, at=NOW)
    assert (made.name, made.is_checked) == ("Acme Ltd.", False)
    assert competitors.named("ACME", by=manager, at=NOW) == made
    assert AuditEvent.objects.filter(act="competitor.note", actor_id=manager.pk).count() == 1
    assert competitors.known("acme inc") == made
    with pytest.raises(competitors.UnknownCompetitor):
        competitors.known("Zenith")


def test_alias_finds_the_competitor_and_many_names_need_few_queries(
    django_assert_max_num_queries: Any,
) -> None:
    rivals = [CompetitorFactory(name=f"Rival {n}", aliases=[f"R{n} Tea"]) for n in range(9)]
    with django_assert_max_num_queries(1):
        found = competitors.named_all([f"r{n} TEA" for n in range(9)], **WHO)
    assert list(found.values()) == rivals


# --- Keeping it --------------------------------------------------------------------------------
def test_add_and_change_say_names_products_and_points(lead: User) -> None:
    made = competitors.add_competitor(
        name="Acme Ltd", aliases=["Acme China", "ACME"], products="Tea", by=lead, at=NOW
    )
    assert made.is_checked
    assert competitors.aliases_of(made) == ["Acme China"]  # ACME is its own name
    said: dict[str, Any] = {"products": "Tea", "talking_points": "Next day.", "by": lead, "at": NOW}
    competitors.change_competitor(made, name="ACME", aliases=["Acme Asia"], **said)
    competitors.change_competitor(made, name="ACME", aliases=["Acme Asia"], **said)
    made.refresh_from_db()
    assert (made.name, competitors.aliases_of(made), made.talking_points) == (
        "ACME",
        ["Acme Asia"],
        "Next day.",
    )
    assert AuditEvent.objects.filter(act="competitor.change").count() == 1
    with pytest.raises(competitors.UnknownCompetitor):
        competitors.known("Acme China")


def test_name_of_another_competitor_is_refused_and_nothing_is_written() -> None:
    CompetitorFactory(name="Acme", aliases=["Zenith"])
    other = CompetitorFactory(name="Orient")
    with pytest.raises(competitors.CompetitorNameTaken) as refusal:
        competitors.add_competitor(name="New", aliases=["ZENITH Ltd"], **WHO)
    assert "Acme" in str(refusal.value)
    with pytest.raises(competitors.CompetitorNameTaken):
        competitors.change_competitor(other, name="acme", aliases=[], products="", talking_points="x", **WHO)
    other.refresh_from_db()
    assert (Competitor.objects.count(), other.name, other.talking_points) == (2, "Orient", "")


def test_change_of_what_was_changed_meanwhile_is_refused() -> None:
    rival = CompetitorFactory(name="Acme")
    read = competitors.mark_of(rival)
    said: dict[str, Any] = {"name": "Acme", "products": "", "talking_points": "", **WHO}
    competitors.change_competitor(rival, aliases=["Acme China"], read=read, **said)
    with pytest.raises(ChangedMeanwhile):
        competitors.change_competitor(rival, aliases=[], read=read, **said)
    assert competitors.aliases_of(rival) == ["Acme China"]


def test_too_many_aliases_are_refused() -> None:
    with pytest.raises(competitors.TooManyAliases):
        competitors.add_competitor(
            name="Acme", aliases=[f"Acme {n}" for n in range(competitors.MOST_ALIASES + 1)], **WHO
        )
    assert not Competitor.objects.exists()


# --- Merging and taking out --------------------------------------------------------------------
def test_merge_moves_names_and_what_was_seen_follows(customer: Customer, admin: User) -> None:
    wrong = CompetitorFactory(name="Acmee", aliases=["Akme"], products="Tea", is_checked=False)
    right = CompetitorFactory(name="Acme", products="Coffee")
    seen = SightingFactory(customer=customer, competitor=wrong)
    known = (seen.recorded_at, seen.competitor_id)

    competitors.merge_competitors(wrong, into=right, by=admin, at=NOW)

    right.refresh_from_db()
    assert competitors.aliases_of(right) == ["Acmee", "Akme"]
    assert right.products == "Coffee\nTea"
    assert competitors.known("akme") == right
    assert list(competitors.standing()) == [right]
    assert list(CompetitorSighting.objects.filter(competitors.seen_of(right))) == [seen]
    seen.refresh_from_db()
    assert (seen.recorded_at, seen.competitor_id) == known  # no fact was written anew
    assert seen.competitor.standing == right
    again = sightings.record_sighting(customer, competitor=seen.competitor, by=admin, at=NOW)
    assert again.competitor.standing == right
    assert AuditEvent.objects.get(act="competitor.merge").codes == {"into": right.pk}


def test_merges_in_a_row_all_point_to_the_last_and_circles_are_refused() -> None:
    first, second, third = (CompetitorFactory(name=name) for name in ("A1", "B2", "C3"))
    competitors.merge_competitors(first, into=second, **WHO)
    competitors.merge_competitors(second, into=third, **WHO)
    assert set(Competitor.objects.filter(merged_into=third)) == {first, second}
    for source, into in ((third, first), (first, third)):
        with pytest.raises(competitors.CompetitorMerged):
            competitors.merge_competitors(source, into=into, **WHO)
    with pytest.raises(competitors.SameCompetitor):
        competitors.merge_competitors(third, into=third, **WHO)
    assert {row.competitor for row in CompetitorName.objects.all()} == {third}


def test_competitor_is_taken_out_unless_it_was_seen(customer: Customer) -> None:
    unused, used, merged = (CompetitorFactory(name=name) for name in ("A1", "B2", "C3"))
    SightingFactory(customer=customer, competitor=merged, void=True)
    competitors.merge_competitors(merged, into=used, **WHO)
    with pytest.raises(competitors.CompetitorInUse):
        competitors.remove_competitor(used, **WHO)
    competitors.remove_competitor(unused, **WHO)
    assert set(Competitor.objects.all()) == {used, merged}
    assert not CompetitorName.objects.filter(key="a1").exists()


# --- Pages -------------------------------------------------------------------------------------
@pytest.mark.parametrize(("language", "words"), [("en", "to be checked"), ("zh-hans", "待核对")])
def test_lead_keeps_the_catalogue_on_its_pages(client: Client, lead: User, language: str, words: str) -> None:
    User.objects.filter(pk=lead.pk).update(language=language)
    competitors.named("红海商贸有限公司", **WHO)
    client.force_login(lead)
    page = "/settings/competitors/"
    assert words in client.get(page).content.decode()
    assert page in client.get("/settings/").content.decode()

    assert client.post(page, {"name": "Acme", "aliases": "Acme China\nAcme Asia"}).status_code == 302
    refused = client.post(page, {"name": "ACME Ltd"})
    assert refused.status_code == 422 and "Acme" in refused.content.decode()
    assert client.post(page, {"name": "x", "aliases": "y" * 201}).status_code == 422
    found = client.get(page, {"q": "CHINA"}).content.decode()
    assert "Acme Asia" in found and "红海" not in found

    rival = competitors.known("红海商贸")
    edit = f"{page}{rival.pk}/"
    shown = client.get(edit).content.decode()
    assert words in shown and "/merge/" not in shown
    read = competitors.mark_of(rival)
    said = {"name": "红海", "aliases": "红海商贸", "read": read}
    assert client.post(edit, said).status_code == 302
    stale = client.post(edit, {**said, "aliases": ""})
    assert stale.status_code == 422
    rival.refresh_from_db()
    assert (rival.name, rival.is_checked) == ("红海", True)
    assert "tag-warn" not in client.get(page).content.decode()
    assert client.get(f"{page}{10**9}/").status_code == 404


def test_admin_merges_and_takes_out_on_the_page(client: Client, admin: User, customer: Customer) -> None:
    wrong, right, unused = (CompetitorFactory(name=name) for name in ("Acmee", "Acme", "Zenith"))
    SightingFactory(customer=customer, competitor=wrong)
    client.force_login(admin)
    page = f"/settings/competitors/{wrong.pk}/"
    assert client.post(f"{page}merge/", {"into": "Nobody"}).status_code == 422
    assert client.post(f"{page}merge/", {"into": "acmee"}).status_code == 422
    assert client.post(f"{page}merge/", {}).status_code == 422
    client.post(f"{page}remove/")
    assert client.post(f"{page}merge/", {"into": "ACME Ltd"}).status_code == 302
    assert client.get(page).status_code == 404
    assert client.post(f"/settings/competitors/{unused.pk}/remove/").status_code == 302
    assert set(competitors.standing()) == {right}


def test_pages_are_for_keepers_only(client: Client, lead: User, manager: User, analyst: User) -> None:
    rival = CompetitorFactory()
    for user in (manager, analyst):
        client.force_login(user)
        for path in ("", f"{rival.pk}/"):
            assert client.get(f"/settings/competitors/{path}").status_code == 403
    client.force_login(lead)
    for path in ("merge", "remove"):
        assert client.post(f"/settings/competitors/{rival.pk}/{path}/").status_code == 403
