"""Measures: declared once, computable for any moment, read by rules, pages and models alike."""

from retention.measures import catalogue as _catalogue  # noqa: F401  — fills the registry
from retention.measures.registry import (
    Measure,
    Source,
    Unit,
    UnknownMeasure,
    declare,
    declare_source,
    every,
    fingerprint,
    get,
    sources,
    stored,
)

__all__ = [
    "Measure",
    "Source",
    "Unit",
    "UnknownMeasure",
    "declare",
    "declare_source",
    "every",
    "fingerprint",
    "get",
    "sources",
    "stored",
]
