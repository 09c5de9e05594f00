"""Who the customers are: files, contacts, owners, attributes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from customers.demo.rows.base import FACT, Base, Rows

SEGMENTS = {
    "restaurant": "餐饮 Restaurant",
    "shop": "零售 Shop",
    "clinic": "诊所 Clinic",
    "office": "办公 Office",
    "household": "个人 Private",
}


class People(Base):
    """Makes the rows that say who somebody is."""

    def customer_rows(self) -> Rows:
        """Make the customers, with the caches of their newest owner."""
        names = (
            "id", "kind", "name", "name_alt", "segment", "city", "language", "since", "owner_id", "team_id",
            "created_at", "updated_at",
        )  # fmt: skip
        owners = {row.customer: row for row in self.facts.ownerships}  # in order of time
        return names, (
            (
                self.customers[row.key],
                row.kind,
                *_both(row.language, row.name_zh, row.name_en),
                SEGMENTS[row.industry],
                row.city,
                row.language,
                date.fromordinal(row.since).isoformat(),
                self.users[owners[row.key].employee],
                self.teams[row.team],
                self._moment(row.known_at),
                self._moment(max(row.known_at, owners[row.key].known_at)),
            )
            for row in self.facts.customers
        )

    def contact_rows(self) -> Rows:
        """Make the contacts; the first of a customer is its main one."""
        names = (
            "id", "customer_id", "name", "role", "phone", "email", "language", "is_main", "created_at",
            "updated_at",
        )  # fmt: skip
        return names, (
            (
                self.contacts[contact.key],
                self.customers[row.key],
                _both(row.language, contact.name_zh, contact.name_en)[0],
                _both(row.language, contact.title_zh, contact.title_en)[0],
                contact.phone,
                contact.email,
                row.language,
                place == 0,
                self._moment(row.known_at),
                self._moment(row.known_at),
            )
            for row in self.facts.customers
            for place, contact in enumerate(row.contacts)
        )

    def ownership_rows(self) -> Rows:
        """Make the changes of owner."""
        team_of = {row.key: row.team for row in self.facts.employees}
        return (*FACT, "user_id", "team_id"), (
            (*self._fact(row), self.users[row.employee], self.teams[team_of[row.employee]])
            for row in self.facts.ownerships
        )

    def attribute_value_rows(self) -> Rows:
        """Make the values of the attributes."""
        return (*FACT, "attribute_id", "number", "choice"), (
            (
                *self._fact(row),
                self.attributes[row.code],
                Decimal(row.value) if row.code == "employees" else None,
                "" if row.code == "employees" else row.value,
            )
            for row in self.facts.attributes
        )


def _both(language: str, chinese: str, english: str) -> tuple[str, str]:
    """Return a name in the customer's language, then in the other one."""
    return (english, chinese) if language == "en" else (chinese, english)
