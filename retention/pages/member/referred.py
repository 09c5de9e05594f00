"""Who recommended us to her: she enters the code herself, as long as a referral would be taken."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from loyalty import programmes, referrals
from loyalty.models import Referral
from retention.pages.member.visit import Visit


@dataclass(frozen=True)
class Referred:
    """The field for a code, or what she gets once it was taken."""

    address: str  # where the form goes; empty once she was referred
    noted: str = ""
    code: str = ""  # what she wrote and was refused
    refused: str = ""


def of(visit: Visit, *, code: str = "", refused: str = "") -> Referred | None:
    """Return what the page asks or says; nothing where no code would be taken and none waits."""
    programme = programmes.current()
    if programme is None:
        return None
    waiting = Referral.objects.filter(
        programme=programme, customer=visit.customer, state=Referral.State.WAITING
    )
    if waiting.exists():
        points = programme.referral_referred
        words = _("Noted: after your first order you get %(points)s points.")
        return Referred("", words % {"points": f"{points:,}"} if points else _("Noted."))
    if refused or referrals.can_be_referred(visit.customer.pk, programme):
        return Referred(visit.address("member_referral"), code=code, refused=refused)
    return None
