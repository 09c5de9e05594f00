"""``manage.py messages``: bring the catalogue of translations up to date and compile it."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from config import catalogue


class Command(BaseCommand):
    help = "Renew locale/zh_Hans from the sources and compile it; list what is not translated yet."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        renewed = catalogue.renewed(catalogue.read())
        catalogue.write(renewed)
        missing = renewed.untranslated_entries()
        for entry in missing:
            self.stdout.write(f"{entry.occurrences[0][0]}: {entry.msgid}")
        self.stdout.write(f"{len(renewed)} phrases, {len(missing)} not translated.")
