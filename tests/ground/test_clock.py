"""The clock: an offset fixed once per database, from which time runs on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import IntegrityError, transaction

from customers.ground import clock
from customers.ground.models import ClockOffset

pytestmark = pytest.mark.django_db
WANTED = datetime(2011, 12, 10, tzinfo=UTC)


def test_now_is_real_time_when_nothing_was_fixed():
    assert abs(clock.now() - clock.real_now()) < timedelta(seconds=1)
    assert not clock.is_fixed()


def test_now_runs_on_from_the_fixed_moment():
    clock.fix(WANTED)
    first, second = clock.now(), clock.now()
    assert WANTED <= first <= second < WANTED + timedelta(minutes=1)
    assert clock.is_fixed()


def test_fix_changes_nothing_when_it_was_fixed_before():
    clock.fix(WANTED)
    clock.fix(WANTED + timedelta(days=400))
    assert clock.now() < WANTED + timedelta(minutes=1)


def test_another_process_reads_the_fixed_moment_from_the_row():
    clock.fix(WANTED)
    clock.forget()  # what another process starts with
    assert clock.now() < WANTED + timedelta(minutes=1)


def test_only_one_offset_can_stand():
    clock.fix(WANTED)
    with pytest.raises(IntegrityError), transaction.atomic():
        ClockOffset.objects.create(pk=2, offset_us=0)


def test_parse_refuses_a_moment_without_a_zone():
    with pytest.raises(clock.ClockRefused):
        clock.parse("2011-12-10T00:00:00")
    with pytest.raises(clock.ClockRefused):
        clock.parse("yesterday")
    assert clock.parse("2011-12-10T00:00:00Z") == WANTED


def test_fix_refuses_a_moment_without_a_zone():
    with pytest.raises(clock.ClockRefused):
        clock.fix(WANTED.replace(tzinfo=None))


def test_real_now_ignores_the_offset():
    clock.fix(WANTED)
    assert clock.real_now() - clock.now() > timedelta(days=3650)


def test_migrate_leaves_the_clock_of_a_database_in_use_alone(settings, company, caplog):
    settings.LIUKE_NOW = WANTED.isoformat()
    clock.fix_after_migrate()
    assert not clock.is_fixed()
    assert "LIUKE_NOW is ignored" in caplog.text


def test_migrate_fixes_the_clock_from_the_setting(settings):
    settings.LIUKE_NOW = WANTED.isoformat()
    clock.fix_after_migrate()
    assert clock.now() < WANTED + timedelta(minutes=1)
