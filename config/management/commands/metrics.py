"""``manage.py metrics``: the metrics as text, for whoever is on the machine."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from config import metrics


class Command(BaseCommand):
    help = "Print the metrics in the text format of Prometheus (for a look, or for a textfile collector)."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(metrics.exposition().decode(), ending="")
