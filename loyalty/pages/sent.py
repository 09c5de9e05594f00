"""What forms do that are sent twice, or that were open while somebody else made the same change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django import forms
from django.db import models, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from loyalty.models import Programme
from loyalty.naming import called

Made = TypeVar("Made")


class RowChanged(Refused):
    code = "row_changed"
    message = _("Somebody else changed this meanwhile. Load the page again.")


class StandsAlready(Refused):
    code = "stands_already"
    field = "name"
    message = _("“%(name)s” stands already. Give this one another name, or change that one.")


class SeenForm(forms.Form):
    """A form that changes ``row``; it sends along how the row was when it was shown.

    Without a row it makes a new one, and has nothing to send along.
    """

    SHOWS: ClassVar[tuple[str, ...]] = ()
    """The columns that the form shows and writes."""

    def __init__(self, *args: Any, row: models.Model | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.row = row
        if row is not None:
            hidden = forms.HiddenInput(attrs={"autocomplete": "off"})
            self.fields["seen"] = forms.CharField(
                widget=hidden, required=False, max_length=64, initial=self._mark(row)
            )

    def changing(self, verb: Callable[[dict[str, Any]], Made]) -> Callable[[dict[str, Any]], Made]:
        """Return the verb that changes the row, refusing with :class:`RowChanged` what was shown otherwise.

        What would change nothing is not refused: it was sent twice. A form without the mark is not asked.
        """

        def change(data: dict[str, Any]) -> Made:
            seen, row = data.pop("seen", ""), self.row
            assert row is not None  # noqa: S101 — a new row is made, not changed
            try:
                with transaction.atomic():
                    hold(getattr(row, "programme_id", None) or row.tier.programme_id)  # type: ignore[attr-defined]
                    held = type(row)._default_manager.select_for_update(no_key=True, of=("self",))
                    before = self._mark(held.get(pk=row.pk))
                    made = verb(data)
                    if seen not in ("", before) and before != self._mark(held.get(pk=row.pk)):
                        raise RowChanged()
            except Refused:
                row.refresh_from_db()  # the verb may have written into it
                raise
            return made

        return change

    def _mark(self, row: models.Model) -> str:
        columns = [row._meta.get_field(name).attname for name in self.SHOWS]  # type: ignore[union-attr]
        values = repr([getattr(row, column) for column in columns])
        return hashlib.sha256(values.encode()).hexdigest()[:32]


def make_once(programme: Programme, twins: QuerySet[Any], make: Callable[[], Made]) -> Made:
    """Make something of a programme; raise :class:`StandsAlready` while one of ``twins`` stands."""
    with transaction.atomic():
        hold(programme.pk)
        twin = twins.first()
        if twin is not None:
            raise StandsAlready(name=called(twin))
        return make()


def hold(programme_id: int) -> None:
    """Let one at a time write what belongs to a programme, to the end of the transaction."""
    list(Programme.objects.select_for_update(no_key=True).filter(pk=programme_id).values_list("pk"))


def one_line(name: str) -> str:
    """Return a name as it is stored."""
    return " ".join(name.split())
