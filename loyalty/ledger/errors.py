"""What the ledger refuses."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused


class Counted(Refused):
    """A refusal that speaks of points: its whole numbers are written with commas between thousands."""

    def __str__(self) -> str:
        said = {
            name: f"{value:,}" if isinstance(value, int) else value for name, value in self.values.items()
        }
        return str(self.text) % said


class NoProgramme(Refused):
    code = "no_programme"
    message = _("No loyalty programme is running. An admin starts one under Loyalty → Programme.")


class NoPoints(Refused):
    code = "points_amount"
    message = _("Write a whole number of points above zero.")


class NotEnoughPoints(Counted):
    code = "not_enough_points"
    message = _("There are %(have)s points to use, and %(wanted)s are wanted.")

    def __init__(self, *, have: int, wanted: int) -> None:
        self.have, self.wanted = have, wanted
        super().__init__(have=have, wanted=wanted)


class PointsSpent(Counted):
    code = "points_spent"
    message = _(
        "%(short)s of the points that would be taken back are spent. By the programme they are not taken "
        "from other points: cancel what they bought first, or take back the %(left)s that are left."
    )

    def __init__(self, *, short: int, left: int) -> None:
        self.short, self.left = short, left
        super().__init__(short=short, left=left)


class MoreThanMoved(Counted):
    code = "points_more_than_moved"
    message = _("Only %(most)s points of this entry can still be taken back or given back.")


class NotOfThisKind(Refused):
    code = "points_entry_kind"
    message = _("This entry cannot be taken back by hand: it follows from another one.")


class KeyOfAnother(Refused):
    code = "points_key"
    message = _("This key was used for something else. Use a new key each time.")


class LedgerDamaged(Refused):
    code = "ledger_damaged"
    message = _(
        "The lots of points account no. %(account)s do not hold what its balance says. Nothing was moved; "
        "an admin runs “python manage.py ledger_verify” to see which row is damaged."
    )
