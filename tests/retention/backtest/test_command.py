"""``backtest``: the keys that programs rely on, exit codes, and files of matches as the sweep writes them."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import translation

from customers.ground import clock, localtime
from retention.models import BacktestRun, WarningRule
from tests.factories import NOW, CompanyFactory
from tests.retention.backtest.past import TODAY, buyer, lose, quiet_rule

pytestmark = pytest.mark.django_db
KEYS = [
    "rule",
    "from",
    "to",
    "steps",
    "alarms",
    "losses",
    "precision",
    "precision_ci",
    "recall",
    "lead_days_median",
    "lead_days_p10",
    "alarms_per_week",
    "baselines",
]


@pytest.fixture(autouse=True)
def _quiet(db: None) -> None:
    """A company, a rule that is off, one customer that it finds and who is lost."""
    CompanyFactory()
    clock.fix(NOW)
    lose(buyer("lost", 300), 180)
    buyer("busy", 205, 155, 105)
    quiet_rule()


def day(back: int) -> str:
    return localtime.day_of(TODAY - back).isoformat()


def run(*words: str) -> str:
    out = StringIO()
    call_command("backtest", *words, stdout=out)
    return out.getvalue()


SPAN = ["--from", day(200), "--to", day(100), "--step", "50", "--horizon", "30", "--gap", "5"]


def test_json_has_the_keys_of_the_contract() -> None:
    found: dict[str, Any] = json.loads(run("quiet", *SPAN, "--json").splitlines()[-1])
    assert list(found) == KEYS
    assert (found["rule"], found["from"], found["to"], found["steps"]) == ("quiet", day(200), day(100), 3)
    assert (found["alarms"], found["losses"], found["precision"], found["recall"]) == (1, 1, 1.0, 1.0)
    assert (found["lead_days_median"], found["precision_ci"]) == (20.0, [1.0, 1.0])
    assert set(found["baselines"]) == {"random", "recency", "value"}
    assert all(set(values) == {"precision", "recall"} for values in found["baselines"].values())
    assert BacktestRun.objects.get().rule.code == "quiet"


@pytest.mark.parametrize(
    ("language", "said"), [("en", "Losses foreseen: 1 of 1"), ("zh-hans", "提前预警的流失：1 / 1")]
)
def test_people_are_told_in_their_language(language: str, said: str) -> None:
    with translation.override(language):
        assert said in run("quiet", *SPAN)


def test_no_loss_is_said_plainly() -> None:
    text = run("quiet", "--from", day(60), "--to", day(50), "--horizon", "10", "--gap", "0")
    assert "No loss is recorded in this time" in text
    assert "Precision" not in text


@pytest.mark.parametrize(
    "words",
    [
        ["nothing"],
        ["quiet", "--from", "yesterday"],
        ["quiet", "--from", day(10), "--to", day(20)],
        ["quiet", "--from", day(10), "--to", day(-1)],
        ["quiet", "--from", day(10), "--to", day(5), "--horizon", "0"],
        ["quiet", "--from", day(500), "--to", day(5), "--step", "1"],
    ],
)
def test_what_cannot_be_asked_ends_with_two(words: list[str]) -> None:
    with pytest.raises(CommandError) as refused:
        run(*words)
    assert refused.value.returncode == 2
    assert not BacktestRun.objects.exists()


def test_a_live_rule_that_was_set_aside_ends_with_one() -> None:
    broken = quiet_rule(code="broken", is_enabled=True)
    WarningRule.objects.filter(pk=broken.pk).update(condition={"measure": "gone", "op": ">", "value": 1})
    with pytest.raises(CommandError) as refused:
        run("quiet", *SPAN, "--json")
    assert refused.value.returncode == 1
    assert "broken" in str(refused.value)


def test_out_writes_each_step_as_the_dry_run_sweep_does(tmp_path: Path) -> None:
    run("quiet", *SPAN, "--out", str(tmp_path / "steps"))
    files = sorted((tmp_path / "steps").iterdir())
    assert [file.name for file in files] == [f"{day(back)}.tsv" for back in (200, 150, 100)]
    for file in files:
        swept = tmp_path / "swept"
        call_command(
            "sweep",
            "--as-of",
            file.stem,
            "--rules",
            "quiet",
            "--dry-run",
            "--out",
            str(swept),
            stdout=StringIO(),
        )
        assert file.read_bytes() == swept.read_bytes() != b""


def test_without_days_it_is_the_newest_year_that_can_be_judged() -> None:
    found = json.loads(run("quiet", "--json").splitlines()[-1])
    assert (found["to"], found["steps"]) == (day(98), 13)
