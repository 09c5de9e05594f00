"""Redemptions as rows of a page: where each may go, who sees its code, and what was refused on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy, pgettext

from loyalty.models import Redemption
from loyalty.rewards import codes, redeeming

State = Redemption.State


class MoveForm(forms.Form):
    """What is said when a redemption moves on: ``state`` is what was shown, ``sure`` the second press."""

    state = forms.ChoiceField(choices=State.choices, required=False)
    sure = forms.BooleanField(required=False)

    tracking = forms.CharField(label=gettext_lazy("Tracking number"), max_length=64, required=False)
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500, required=False)


@dataclass(frozen=True)
class RefusedAct:
    """An act on a redemption that was refused: its form holds what was typed."""

    pk: int
    act: str
    form: MoveForm
    errors: list[str]


@dataclass(frozen=True)
class Row:
    """A redemption with what may be done with it by whoever looks."""

    row: Redemption
    steps: list[tuple[str, str]]
    may_cancel: bool
    secret: str
    refused: RefusedAct | None


def rows_of(found: Sequence[Redemption], *, user: Any, refused: RefusedAct | None = None) -> list[Row]:
    """Return redemptions as rows for ``user``; one query for the codes, if she sees them."""
    secrets = codes.codes_of(list(found)) if found and user.role in codes.SEES_CODES else {}
    return [
        Row(
            row,
            steps_of(row),
            redeeming.may_cancel(row, by=user),
            secrets.get(row.pk, ""),
            refused if refused is not None and refused.pk == row.pk else None,
        )
        for row in found
    ]


def steps_of(row: Redemption) -> list[tuple[str, str]]:
    """Return the states that a redemption may be moved to, as pairs of code and what the button says."""
    says = {
        State.READY.value: pgettext("a redemption", "Ready"),
        State.SENT.value: pgettext("a redemption", "Sent"),
        State.DONE.value: pgettext("a redemption", "Handed over"),
    }
    return [(str(state), says[state]) for state in redeeming.MOVES[row.state]]
