"""``manage.py company``: set up the one company and its first admin."""

from __future__ import annotations

import secrets
import sys
from argparse import ArgumentParser
from decimal import Decimal, InvalidOperation
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils.translation import gettext as _

from customers import company, people
from customers.ground import clock, context
from customers.ground.errors import Refused
from customers.models import User
from customers.models.people import Role


class Command(BaseCommand):
    help = "Set up the company: currency and time zone stay for good once data is in."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--currency", required=True, help="base currency, for example CNY")
        parser.add_argument("--time-zone", required=True, help="for example Asia/Shanghai")
        parser.add_argument("--margin", required=True, help="share of sales that is margin, for example 0.3")
        parser.add_argument("--admin", required=True, help="e-mail address of the first admin")
        parser.add_argument("--name", default="", help="the company's name")
        parser.add_argument("--language", default="en", choices=["en", "zh-hans"])
        parser.add_argument("--country", default="", help="whose public holidays count, for example CN")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            margin = Decimal(options["margin"])
        except InvalidOperation as error:
            raise CommandError(_("The margin must be a number like 0.3.")) from error
        try:
            with context.acting(channel="command"), transaction.atomic():
                firm = company.set_up(
                    currency=options["currency"],
                    time_zone=options["time_zone"],
                    margin=margin,
                    name=options["name"],
                    language=options["language"],
                    country=options["country"],
                    by=None,
                    at=clock.now(),
                )
                password = self._first_admin(options["admin"], options["language"])
        except Refused as refusal:
            self.stderr.write(str(refusal))
            sys.exit(2)
        self.stdout.write(
            _("The company is set up: %(currency)s, %(zone)s.")
            % {"currency": firm.base_currency, "zone": firm.time_zone}
        )
        if password:
            self.stdout.write(
                _("Sign in as %(name)s with the password %(password)s and change it.")
                % {"name": options["admin"], "password": password}
            )

    def _first_admin(self, email: str, language: str) -> str:
        """Make the first admin unless there is one; return her password, shown once."""
        if User.objects.filter(role=Role.ADMIN, is_active=True).exists():
            return ""
        password = secrets.token_urlsafe(12)
        people.create_user(
            username=email,
            password=password,
            email=email,
            role=Role.ADMIN,
            language=language,
            by=None,
            at=clock.now(),
        )
        return password
