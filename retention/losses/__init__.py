"""Losses: what counts as lost, who is, since when, and who came back. See docs/losses.md."""

from retention.losses.completing import complete
from retention.losses.definitions import BadDefinition, Definition, define, in_force
from retention.losses.nightly import nightly, seek
from retention.losses.recording import (
    DiagnosisMissing,
    Spell,
    between,
    end_loss,
    end_many,
    end_partial,
    known_at,
    record_loss,
    spells,
    standing_at,
    write_down_many,
)

__all__ = [
    "BadDefinition",
    "Definition",
    "DiagnosisMissing",
    "Spell",
    "between",
    "complete",
    "define",
    "end_loss",
    "end_many",
    "end_partial",
    "in_force",
    "known_at",
    "nightly",
    "record_loss",
    "seek",
    "spells",
    "standing_at",
    "write_down_many",
]
