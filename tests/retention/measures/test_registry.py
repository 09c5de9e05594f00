"""The book of measures: refusals, the fingerprint, the documentation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from retention import measures
from retention.measures import Measure, Source, Unit, UnknownMeasure, registry
from retention.measures.document import document
from retention.measures.expressions import TODAY, Col

DOCUMENT = Path(__file__).parents[3] / "docs" / "measures.md"


@pytest.fixture
def book(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a test write into copies of the books."""
    monkeypatch.setattr(registry, "_book", dict(registry._book))
    monkeypatch.setattr(registry, "_sources", dict(registry._sources))


def made(code: str = "made", **values: object) -> Measure:
    return Measure(code, "Made", Unit.COUNT, **{"source": "orders", "aggregate": "count(*)", **values})  # type: ignore[arg-type]


def test_there_are_at_least_25_measures_each_told_in_words() -> None:
    every = measures.every().values()
    assert len(every) >= 25
    assert all(str(m.label) and str(m.help).endswith(".") for m in every)
    assert len({str(m.label) for m in every}) == len(every)


def test_get_refuses_an_unknown_code() -> None:
    assert measures.get("orders_90d").code == "orders_90d"
    for code in ("orders_91d", "", None, 7):
        with pytest.raises(UnknownMeasure):
            measures.get(code)


@pytest.mark.usefixtures("book")
@pytest.mark.parametrize(
    "wrong",
    [
        made("orders_90d"),
        made(source="nowhere"),
        made(aggregate=""),
        made(form=TODAY),
        made(aggregate="", form=TODAY - Col("unheard_of")),
        made(aggregate="", form=TODAY - Col("days_since_last_order")),  # derived from a derived one
    ],
)
def test_declare_refuses_what_cannot_be_computed(wrong: Measure) -> None:
    with pytest.raises(ValueError, match=r"declared twice|is not|needs either"):
        measures.declare(wrong)


@pytest.mark.usefixtures("book")
def test_declare_enters_a_measure_and_a_source_once() -> None:
    source = Source("visits", "Visits", "customers.Interaction", ("occurred_day",))
    measures.declare_source(source)
    measures.declare(made(source="visits"))
    measures.declare(made("made_since", aggregate="", form=TODAY - Col("made")))
    assert list(measures.every())[-2:] == ["made", "made_since"]
    with pytest.raises(ValueError, match="declared twice"):
        measures.declare_source(source)


def test_edges_are_read_from_the_aggregate() -> None:
    assert measures.get("orders_prev_90d").edges == {90, 180}
    assert measures.get("last_order_day").edges == frozenset()


@pytest.mark.usefixtures("book")
def test_fingerprint_changes_with_what_is_counted_and_not_with_words() -> None:
    before = measures.fingerprint()
    measure = measures.get("orders_90d")
    registry._book["orders_90d"] = replace(measure, label="Other words", help="Other words.")
    assert measures.fingerprint() == before
    for change in ({"version": 2}, {"aggregate": "count(*)"}):
        registry._book["orders_90d"] = replace(measure, **change)
        assert measures.fingerprint() != before


def test_documentation_is_what_the_registry_says() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), (
        "docs/measures.md is old; write it again: "
        "python manage.py shell -c 'from retention.measures.document import write; write()'"
    )
