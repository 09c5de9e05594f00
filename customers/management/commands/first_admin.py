"""``manage.py first_admin``: print the link by which the first admin of an empty database is made."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.urls import reverse
from django.utils.translation import gettext as _

from customers import links
from customers.ground import clock, context


class Command(BaseCommand):
    help = "Print a link that works once: whoever opens it becomes the first admin. A new one voids the last."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--if-needed", action="store_true", help="say nothing when there is an admin already"
        )

    def handle(self, *args: Any, if_needed: bool, **options: Any) -> None:
        """Exit with 0, or 2 when there is an admin already and it is not asked ``--if-needed``."""
        try:
            with context.acting(channel="command"):
                secret = links.first_admin_link(now=clock.real_now(), at=clock.now())
        except links.AdminThere as refusal:
            if if_needed:
                return
            raise CommandError(str(refusal), returncode=2) from refusal
        self.stdout.write(
            _("There is no admin yet. Open this link within %(days)s days; it works once:")
            % {"days": links.LASTS.days}
        )
        self.stdout.write(settings.PUBLIC_BASE_URL + reverse("customers:first_admin", args=[secret]))
