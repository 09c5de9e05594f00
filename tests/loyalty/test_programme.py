"""The programme: settings, versions, states."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from customers.ground.models import AuditEvent
from loyalty import programmes, ready
from loyalty.earning import documents
from loyalty.ledger.errors import NoProgramme
from loyalty.models import EarningRule, EarningRuleVersion, Programme
from loyalty.tiers import editing
from tests.factories import NOW, UserFactory, day

pytestmark = pytest.mark.django_db
WHO: dict[str, Any] = {"by": None, "at": NOW}


@pytest.fixture(autouse=True)
def _company(company):
    pass


def draft(code: str = "club", **given: Any) -> Programme:
    return programmes.create_programme(code, name="Club", **(WHO | given))


def test_a_new_programme_is_a_draft_in_the_base_currency_with_ready_rules():
    admin = UserFactory(role="admin")
    made = draft(by=admin, settings={"worth_of_100": 100, "pending_days": 14})
    assert (made.state, made.currency, made.version, made.pending_days) == ("draft", "CNY", 1, 14)
    assert made.remind_days == [30, 15, 7, 1]
    assert programmes.current() is None
    version = made.versions.get()
    assert (version.by, version.document["pending_days"], version.document["state"]) == (admin, 14, "draft")
    assert list(EarningRule.objects.filter(is_on=True).values_list("code", flat=True)) == ["spend"]
    assert EarningRule.objects.count() == EarningRuleVersion.objects.count() == len(ready.RULES)
    assert AuditEvent.objects.get(act="programme.create").actor_id == admin.pk


@pytest.mark.parametrize("rule", ready.RULES, ids=lambda rule: rule.code)
def test_ready_rules_are_written_as_they_are_checked(rule):
    assert documents.check(rule.document) == rule.document
    assert rule.name
    assert rule.name_alt


def test_a_programme_without_ready_rules_has_none():
    draft(with_ready_rules=False)
    assert not EarningRule.objects.exists()


def test_a_code_is_given_once():
    draft()
    with pytest.raises(programmes.ProgrammeCodeTaken):
        draft()


@pytest.mark.parametrize("code", ["", "Club", "a b", "-a", "ä", "x" * 41])
def test_bad_codes_are_refused(code):
    with pytest.raises(programmes.SettingRefused) as refused:
        draft(code)
    assert refused.value.field == "code"


@pytest.mark.parametrize(
    ("name", "bad", "good"),
    [
        ("name", "  ", "x" * 100),
        ("name", "x" * 101, "Tea Club"),
        ("name_alt", "x" * 101, ""),
        ("pending_days", 366, 365),
        ("pending_days", True, 0),
        ("pending_days", -1, 1),
        ("pending_days", "3", 3),
        ("rounding", "up", "half_up"),
        ("worth_of_100", -1, 0),
        ("expiry", "sometimes", "never"),
        ("expiry_months", 0, 1),
        ("expiry_months", 121, 120),
        ("remind_days", [7, 7], [7, 1]),
        ("remind_days", [0], []),
        ("remind_days", [366], [365]),
        ("remind_days", list(range(1, 10)), list(range(8, 0, -1))),
        ("remind_days", 7, [7]),
        ("on_spent_return", "forgive", "debt"),
        ("recovery_budget", -1, None),
        ("breakage_bp", 10_001, 10_000),
        ("tier_window_days", 0, 1),
        ("tier_fall", "never", "by_balance"),
        ("referral_referrer", 1.5, 100),
        ("currency", "EUR", None),
        ("state", "live", None),
    ],
)
def test_settings_that_cannot_be_are_refused_by_name(name, bad, good):
    with pytest.raises(programmes.SettingRefused) as refused:
        programmes.checked({name: bad})
    assert refused.value.field == name
    assert str(refused.value)
    if name in programmes.SETTINGS:
        assert programmes.checked({name: good}) == {name: good}


def test_every_setting_is_checked_and_kept_in_versions():
    made = draft()
    assert set(programmes._CHECKS) == set(programmes.SETTINGS)
    columns = {one.name for one in Programme._meta.concrete_fields}
    assert columns - set(made.versions.get().document) == {
        "id",
        "code",
        "currency",
        "version",
        "tiers_as_of_day",
    }


def test_a_change_is_a_version_with_its_reason():
    made = draft()
    changed = programmes.change_programme(
        made, values={"pending_days": 7, "rounding": "down"}, reason=" Law ", version=1, **WHO
    )
    assert (changed.version, changed.pending_days) == (2, 7)
    version = made.versions.get(number=2)
    assert (version.reason, version.document["pending_days"]) == ("Law", 7)
    assert AuditEvent.objects.get(act="programme.change").codes == {"version": 2, "changed": ["pending_days"]}


def test_a_change_of_nothing_or_of_what_another_changed_is_refused():
    made = draft()
    with pytest.raises(programmes.NothingChanged):
        programmes.change_programme(made, values={"pending_days": 0}, **WHO)
    programmes.change_programme(made, values={"pending_days": 1}, version=1, **WHO)
    with pytest.raises(programmes.ProgrammeChanged):
        programmes.change_programme(made, values={"pending_days": 2}, version=1, **WHO)
    made.refresh_from_db()
    assert (made.pending_days, made.version) == (1, 2)


def test_what_tiers_count_changes_only_while_no_threshold_is_written_in_it():
    made = draft()
    gold = editing.create_tier(made, code="gold", name="Gold", threshold=1000, **WHO)
    editing.create_tier(made, code="start", name="Start", threshold=0, **WHO)
    other = "points" if made.tier_basis == "spend" else "spend"
    with pytest.raises(programmes.SettingRefused) as refused:
        programmes.change_programme(made, values={"tier_basis": other}, **WHO)
    assert refused.value.field == "tier_basis" and "“Gold”" in str(refused.value)
    kept = programmes.change_programme(made, values={"tier_basis": made.tier_basis, "pending_days": 3}, **WHO)
    assert kept.pending_days == 3
    editing.retire_tier(gold, **WHO)
    assert programmes.change_programme(made, values={"tier_basis": other}, **WHO).tier_basis == other


def test_it_starts_today_or_on_a_day_and_only_once():
    made = programmes.start_programme(draft(), **WHO)
    assert (made.state, made.starts_day) == ("live", day(NOW))
    assert programmes.current() == programmes.current(at=NOW) == programmes.needed() == made
    with pytest.raises(programmes.ProgrammeStep):
        programmes.start_programme(made, **WHO)


def test_one_that_begins_later_does_not_run_yet():
    made = programmes.start_programme(draft(), starts_on=date.fromordinal(day(NOW) + 1), **WHO)
    assert programmes.current() == made
    assert programmes.current(at=NOW) is None
    assert programmes.current(at=NOW + timedelta(days=1)) == made


def test_only_one_runs():
    programmes.start_programme(draft(), **WHO)
    other = draft("other")
    with pytest.raises(programmes.ProgrammeRuns):
        programmes.start_programme(other, **WHO)
    other.refresh_from_db()
    assert (other.state, other.version) == ("draft", 1)


def test_one_by_which_nobody_would_earn_does_not_start():
    with pytest.raises(programmes.NoRuleCounts):
        programmes.start_programme(draft(with_ready_rules=False), **WHO)
    with pytest.raises(NoProgramme):
        programmes.needed()


def test_pauses_are_kept_in_the_versions():
    made = programmes.start_programme(draft(), **WHO)
    moments = [NOW + timedelta(days=n) for n in range(1, 5)]
    programmes.pause_programme(made, reason="fair", by=None, at=moments[0])
    with pytest.raises(programmes.ProgrammeStep):
        programmes.pause_programme(made, by=None, at=moments[0])
    programmes.change_programme(made, values={"pending_days": 3}, by=None, at=moments[1])
    assert programmes.paused_spans(made) == [(moments[0], None)]
    programmes.resume_programme(made, by=None, at=moments[2])
    with pytest.raises(programmes.ProgrammeStep):
        programmes.resume_programme(made, by=None, at=moments[2])
    assert made.state == "live"
    programmes.pause_programme(made, by=None, at=moments[3])
    assert programmes.paused_spans(made) == [(moments[0], moments[2]), (moments[3], None)]
    assert programmes.current() == made


@pytest.mark.parametrize(("points", "worth"), [(0, 0), (49, 0), (50, 1), (150, 2), (10_000, 100), (-150, -2)])
def test_what_points_are_worth(points, worth):
    assert programmes.worth(Programme(worth_of_100=1), points) == worth
