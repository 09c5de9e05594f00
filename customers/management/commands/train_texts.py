"""``manage.py train_texts``: learn to read texts from what people labelled, now."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from customers import text
from customers.ground import clock, context
from customers.text.training import Trained

_FIGURES = (
    *("threshold", "held_out", "macro_f1", "majority_f1", "keyword_f1", "right", "kept", "right_kept"),
    *("calibration_error", "seconds"),
)


class Command(BaseCommand):
    help = "Learn sentiment, cause and urgency from labelled texts; read by what is better than before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add what the command takes."""
        parser.add_argument("--json", action="store_true", help="one object on the last line")

    def handle(self, *args: Any, **options: Any) -> None:
        """Train, and say what each aspect came to."""
        at = clock.now()
        with context.acting(channel="command"):
            trained = text.train_texts(at=at)
        if options["json"]:
            told = {one.aspect: _told(one) for one in trained}
            self.stdout.write(json.dumps({"as_of": at.isoformat(), **told}, sort_keys=True))
            return
        for one in trained:
            self.stdout.write(_line(one))


def _told(one: Trained) -> dict[str, Any]:
    said: dict[str, Any] = {
        "outcome": one.outcome,
        "labels": one.labels,
        "corrections": one.corrections,
        "read_again": one.read_again,
    }
    if one.model is not None:
        said |= {name: round(getattr(one.model, name), 4) for name in _FIGURES}
    return said


def _line(one: Trained) -> str:
    line = f"{one.aspect}: {one.outcome}, {one.labels} labels, {one.corrections} of them corrections"
    if one.model is not None:
        line += (
            f"; on {one.model.held_out} held-out texts macro-F1 {one.model.macro_f1:.3f}"
            f" (keywords {one.model.keyword_f1:.3f}, majority {one.model.majority_f1:.3f}),"
            f" {one.model.right_kept:.1%} right of the {one.model.kept:.1%} that it is sure of"
        )
    return line
