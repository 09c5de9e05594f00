"""Who gets a case, and the reason in words. Pure: people and loads come in, a decision goes out.

The owner of the customer comes first, unless the rule that opened the case names a person or a team. If
the owner cannot take it, the person with the fewest open
cases in the customer's team does; among equals the one who has waited longest for a case, so that equal
loads make a round robin whose position survives closing. Nobody able to take it is an answer too, with
its reason. Reasons are a code and numbers (no names), stored with the case and rendered when shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

BY_RULE = "by_rule"
OWNER = "owner"
LEAST_LOADED = "least_loaded"
WAITED_LONGEST = "waited_longest"
NO_TEAM = "no_team"
TEAM_EMPTY = "team_empty"
ALL_FULL = "all_full"
ALL_AWAY = "all_away"
REASON_CODES = (BY_RULE, OWNER, LEAST_LOADED, WAITED_LONGEST, NO_TEAM, TEAM_EMPTY, ALL_FULL, ALL_AWAY)

NO_OWNER = "none"
INACTIVE = "inactive"
ON_LEAVE = "on_leave"
FULL = "full"
TEAM_OF_RULE = "team_of_rule"

ReasonData: TypeAlias = Mapping[str, int | str]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A person who may get cases. ``capacity`` is the most open cases at once; ``None`` sets no limit."""

    user_id: int
    open_cases: int = 0
    capacity: int | None = None
    is_active: bool = True
    on_leave: bool = False
    team_id: int | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class Ask:
    """A case to be given to somebody: the owner and the team of its customer, and what its rule says.

    A rule may name a person, who comes before the owner, or a team of its own. When none of those can take
    the case, it goes the usual way.
    """

    owner_id: int | None
    team_id: int | None
    person_id: int | None = None
    rule_team_id: int | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """Who gets a case (``None``: nobody can take it) and why, as a code with ids and numbers."""

    user_id: int | None
    reason_code: str
    reason_data: dict[str, int | str] = field(default_factory=dict)


def choose(
    owner_id: int | None,
    candidates: Iterable[Candidate],
    *,
    team_id: int | None,
    last_assigned: Mapping[int, datetime] | Mapping[int, int],
) -> Assignment:
    """Return who gets one case, and why.

    ``candidates`` holds the owner and everybody in the customer's team ``team_id``, inactive people
    too; ``last_assigned`` the moment (or a running number) of each person's last case, without those
    who never had one. Raises ``ValueError`` when the owner is not among the candidates.
    """
    return choose_many([Ask(owner_id, team_id)], candidates, last_assigned=last_assigned)[0]


def choose_many(
    asks: Iterable[Ask],
    candidates: Iterable[Candidate],
    *,
    last_assigned: Mapping[int, datetime] | Mapping[int, int],
) -> list[Assignment]:
    """Return who gets each of many cases, in order, every decision adding to the loads of the next.

    ``candidates`` holds every owner and everybody in the teams asked for. Raises ``ValueError`` when an
    owner is not among them.
    """
    return _Desk(candidates, last_assigned).assign_all(asks)


class _Desk:
    """The people of one batch with their loads and the order of their last cases, kept in memory."""

    def __init__(
        self,
        candidates: Iterable[Candidate],
        last_assigned: Mapping[int, datetime] | Mapping[int, int],
    ) -> None:
        self.people = {candidate.user_id: candidate for candidate in candidates}
        self.loads = {user_id: person.open_cases for user_id, person in self.people.items()}
        self.turns = {user_id: turn for turn, user_id in enumerate(_in_order(last_assigned), start=1)}
        self.next_turn = len(self.turns) + 1
        self.teams: dict[int, list[Candidate]] = {}
        for person in self.people.values():
            if person.team_id is not None:
                self.teams.setdefault(person.team_id, []).append(person)

    def assign_all(self, asks: Iterable[Ask]) -> list[Assignment]:
        return [self._assign(ask) for ask in asks]

    def _assign(self, ask: Ask) -> Assignment:
        named = self.people.get(ask.person_id) if ask.person_id is not None else None
        if named is not None and not self._why_not(named):
            return self._give(named.user_id, BY_RULE, {})
        if able := self._able(ask.rule_team_id):
            return self._give_to_least_loaded(able, {"owner": TEAM_OF_RULE})
        passed_over = self._why_not_the_owner(ask.owner_id)
        if ask.owner_id is not None and not passed_over:
            return self._give(ask.owner_id, OWNER, {})
        data: dict[str, int | str] = {"owner": passed_over}
        if ask.team_id is None:
            return Assignment(None, NO_TEAM, data)
        able = self._able(ask.team_id)
        if not able:
            team = [person for person in self.teams.get(ask.team_id, ()) if person.is_active]
            return self._nobody(team, data)
        return self._give_to_least_loaded(able, data)

    def _able(self, team_id: int | None) -> list[int]:
        team = self.teams.get(team_id, ()) if team_id is not None else ()
        return [person.user_id for person in team if not self._why_not(person)]

    def _give_to_least_loaded(self, able: Sequence[int], data: dict[str, int | str]) -> Assignment:
        fewest = min(self.loads[user_id] for user_id in able)
        equals = [user_id for user_id in able if self.loads[user_id] == fewest]
        chosen = min(equals, key=lambda user_id: (self.turns.get(user_id, 0), user_id))
        code = LEAST_LOADED if len(equals) == 1 else WAITED_LONGEST
        return self._give(chosen, code, data | {"equals": len(equals)})

    def _give(self, user_id: int, code: str, data: dict[str, int | str]) -> Assignment:
        assignment = Assignment(user_id, code, data | {"user": user_id, "open_cases": self.loads[user_id]})
        self.loads[user_id] += 1
        self.turns[user_id] = self.next_turn
        self.next_turn += 1
        return assignment

    def _nobody(self, team: Collection[Candidate], data: dict[str, int | str]) -> Assignment:
        away = sum(person.on_leave for person in team)
        code = TEAM_EMPTY if not team else ALL_AWAY if away == len(team) else ALL_FULL
        return Assignment(None, code, data | {"away": away, "full": len(team) - away})

    def _why_not_the_owner(self, owner_id: int | None) -> str:
        if owner_id is None:
            return NO_OWNER
        if owner_id not in self.people:
            raise ValueError(f"owner {owner_id} is not among the candidates")
        return self._why_not(self.people[owner_id])

    def _why_not(self, person: Candidate) -> str:
        """Return why a person cannot take a case now, or nothing if they can."""
        if not person.is_active:
            return INACTIVE
        if person.on_leave:
            return ON_LEAVE
        if person.capacity is not None and self.loads[person.user_id] >= person.capacity:
            return FULL
        return ""


def _in_order(last_assigned: Mapping[int, datetime] | Mapping[int, int]) -> list[int]:
    """Return user ids from the longest ago to the latest, equal moments by id."""
    moments: dict[int, datetime | int] = dict(last_assigned)
    return sorted(moments, key=lambda user_id: (moments[user_id], user_id))


def assignment_sentence(code: str, data: ReasonData, *, name: str = "") -> str:
    """Return the reason of an assignment in the active language, in one or two sentences.

    ``code`` and ``data`` are those of :class:`Assignment`; ``name`` is the current name of the person
    who got the case. Raises ``ValueError`` for a code that there is not.
    """
    if code not in REASON_CODES:
        raise ValueError(f"there is no assignment reason {code!r}")
    decision = _decision_sentence(code, data, name=name or _("a colleague"))
    about_owner = _owner_sentence(str(data.get("owner", "")))
    if not about_owner:
        return decision
    return _("%(first_sentence)s %(second_sentence)s") % {
        "first_sentence": about_owner,
        "second_sentence": decision,
    }


def _owner_sentence(passed_over: str) -> str:
    sentences = {
        TEAM_OF_RULE: _("The rule gives its cases to a team of its own."),
        NO_OWNER: _("The customer has no account manager."),
        INACTIVE: _("The customer's account manager no longer takes cases."),
        ON_LEAVE: _("The customer's account manager is away."),
        FULL: _("The customer's account manager has as many open cases as agreed."),
    }
    return sentences.get(passed_over, "")


def _decision_sentence(code: str, data: ReasonData, *, name: str) -> str:
    open_cases = int(data.get("open_cases", 0))
    values = {"name": name, "open_cases": open_cases, "full": data.get("full"), "away": data.get("away")}
    if code == LEAST_LOADED:
        text = ngettext(
            "Given to %(name)s because nobody in the team has fewer open cases (%(open_cases)s case).",
            "Given to %(name)s because nobody in the team has fewer open cases (%(open_cases)s cases).",
            open_cases,
        )
    elif code == WAITED_LONGEST:
        text = ngettext(
            "Given to %(name)s because, of those in the team with the fewest open cases (%(open_cases)s "
            "case each), %(name)s has waited longest for a new one.",
            "Given to %(name)s because, of those in the team with the fewest open cases (%(open_cases)s "
            "cases each), %(name)s has waited longest for a new one.",
            open_cases,
        )
    elif code == ALL_FULL and data.get("away"):
        text = _(
            "Nobody in the team can take the case. With as many open cases as agreed: %(full)s. "
            "Away: %(away)s."
        )
    else:
        text = _plain_decisions()[code]
    return text % values


def _plain_decisions() -> dict[str, str]:
    return {
        BY_RULE: _("Given to %(name)s because the rule says so."),
        OWNER: _("Given to %(name)s because %(name)s looks after this customer."),
        NO_TEAM: _("Nobody got the case because the customer belongs to no team."),
        TEAM_EMPTY: _("Nobody got the case because nobody in the customer's team takes cases."),
        ALL_FULL: _("Nobody in the team can take the case: all have as many open cases as agreed."),
        ALL_AWAY: _("Nobody in the team can take the case: all are away."),
    }
