"""What was said: notes of talks, complaints and their steps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from customers.demo.company import moment
from customers.demo.rows.base import FACT, Base, Rows


class Talk(Base):
    """Makes interactions and complaints."""

    def interaction_rows(self) -> Rows:
        """Make the notes of talks."""
        return ("id", *FACT, "kind", "direction", "reached", "contact_id", "by_id", "text"), (
            (
                self.interactions[row.key],
                *self._fact(row),
                row.kind,
                "in" if row.inbound else "out",
                row.topic != "silent",
                self.contacts[row.contact],
                self.users[row.employee],
                row.text,
            )
            for row in self.facts.interactions
        )

    def complaint_rows(self) -> Rows:
        """Make the complaints, with the caches of their state."""
        names = (
            "id", *FACT, "channel", "category", "severity", "contact_id", "order_id", "text", "state",
            "due_at",
        )  # fmt: skip
        state, due = self._complaint_states()
        return names, (
            (
                self.complaints[row.key],
                *self._fact(row),
                row.channel,
                row.kind,
                row.severity,
                self.contacts[row.contact],
                self.orders.get(row.order),
                row.text,
                state[row.key],
                self._moment(moment(due[row.key] + 1, 0)),
            )
            for row in self.facts.complaints
        )

    def _complaint_states(self) -> tuple[dict[str, str], dict[str, int]]:
        state = {row.key: "open" for row in self.facts.complaints}
        due = {row.key: row.due_day for row in self.facts.complaints}
        for step in self.facts.complaint_steps:  # of one complaint in order of time
            if step.kind != "acknowledged":
                state[step.complaint] = "resolved" if step.kind == "resolved" else "open"
            due[step.complaint] = step.due_day or due[step.complaint]
        return state, due

    def complaint_event_rows(self) -> Rows:
        """Make the steps of the complaints, the openings first."""
        opened = (
            (*self._fact(row), self.complaints[row.key], "opened", row.due_day)
            for row in self.facts.complaints
        )
        later = (
            (*self._fact(step), self.complaints[step.complaint], step.kind, step.due_day or None)
            for step in self.facts.complaint_steps
        )
        return (*FACT, "complaint_id", "kind", "due_day"), _chain(opened, later)

    def void_interactions(self) -> Rows:
        """Make the newer versions of notes that were mistakes."""
        return ("void", "recorded_at"), (
            (True, self._moment(row.void_at), self.interactions[row.key])
            for row in self.facts.interactions
            if row.void_at
        )


def _chain(*parts: Iterable[tuple[Any, ...]]) -> Iterator[tuple[Any, ...]]:
    for part in parts:
        yield from part
