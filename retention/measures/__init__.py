"""Measures: declared once, computable for any moment, read by rules, pages and models alike."""

from retention.measures import catalogue as _catalogue  # noqa: F401  — fills the registry
from retention.measures.registry import (
    Inputs,
    Measure,
    Numbers,
    Parameters,
    Source,
    Unit,
    UnknownMeasure,
    Vector,
    aggregated,
    declare,
    declare_source,
    every,
    fingerprint,
    get,
    sources,
    stored,
    vectors,
)

__all__ = [
    "Inputs",
    "Measure",
    "Numbers",
    "Parameters",
    "Source",
    "Unit",
    "UnknownMeasure",
    "Vector",
    "aggregated",
    "declare",
    "declare_source",
    "every",
    "fingerprint",
    "get",
    "sources",
    "stored",
    "vectors",
]
