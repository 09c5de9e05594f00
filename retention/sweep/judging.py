"""The four steps for some customers, in one transaction: measures → rules → warnings → cases."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any

from customers import company
from customers.ground import localtime
from retention import cases, warnings
from retention.measures.compute import Customers
from retention.models import CustomerMeasures, SweepRun, WarningRule
from retention.rules import holding, terms
from retention.rules.compile import Compiled, compile_rule
from retention.rules.conditions import ConditionRefused
from retention.rules.scan import Scan, hold, matching

PHASES = ("measures", "rules", "cases")
WIDE = CustomerMeasures._meta.db_table

Measuring = Callable[[], int]


@dataclass
class Found:
    """What was found among some customers: counts that can be summed up and stored."""

    customers: int = 0
    warnings: dict[str, int] = field(default_factory=dict)  # rule code -> number raised
    matches: dict[str, int] = field(default_factory=dict)  # rule code -> who matches
    warnings_closed: int = 0
    cases_opened: int = 0
    calls_created: int = 0
    wide_rows: int = 0
    failed_rules: dict[str, str] = field(default_factory=dict)
    scan_seconds: float = 0.0
    rule_seconds: dict[str, float] = field(default_factory=dict)  # of rules that were tried alone
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PHASES, 0.0))

    @contextmanager
    def timing(self, phase: str) -> Iterator[None]:
        """Add the seconds of the block to a phase."""
        began = perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] += perf_counter() - began

    def add(self, other: Found) -> None:
        """Add what was found among others."""
        for name, value in asdict(other).items():
            mine = getattr(self, name)
            if not isinstance(mine, dict):
                setattr(self, name, mine + value)
            elif name == "failed_rules":
                mine |= value
            else:
                for code, number in value.items():
                    mine[code] = mine.get(code, 0) + number

    def as_json(self) -> dict[str, Any]:
        """Return it as a shard stores it."""
        return asdict(self)

    def write_to(self, run: SweepRun) -> None:
        """Set the counts of a run."""
        run.customers, run.warnings = self.customers, self.warnings
        run.warnings_closed, run.cases_opened = self.warnings_closed, self.cases_opened
        run.calls_created, run.failed_rules = self.calls_created, self.failed_rules
        run.seconds = {phase: round(seconds, 3) for phase, seconds in self.seconds.items()}
        run.details = {
            "rows": {
                "measures": self.wide_rows,
                "rules": sum(self.warnings.values()) + self.warnings_closed,
                "cases": self.cases_opened + self.calls_created,
            },
            "scan": {"seconds": round(self.scan_seconds, 3), "alone": len(self.rule_seconds)},
            "rules": {code: self._of_rule(code) for code in sorted(self.warnings)},
        }

    def _of_rule(self, code: str) -> dict[str, float]:
        told: dict[str, float] = {"matches": self.matches.get(code, 0), "raised": self.warnings[code]}
        if code in self.rule_seconds:
            told["seconds"] = round(self.rule_seconds[code], 3)
        return told


def judge(run: SweepRun, customers: Customers, *, measuring: Measuring) -> Found:
    """Do the four steps for some customers, inside the caller's transaction; return what was found.

    ``measuring`` brings their rows of the wide table up to date and returns how many it wrote. Whoever
    has a row of a later day is left to the pass that wrote it. Of a few customers only those warnings are
    counted that are told: else the run would say who is held out.
    """
    found = Found()
    rules = compiled(run.codes or [], found)
    day = company.today(run.as_of)
    with found.timing("measures"):
        found.wide_rows = measuring()
    before = localtime.start_of_day(run.day + 1, day.zone)
    scan = Scan(WIDE, customers, day.number, before=before, as_of=run.as_of)
    with found.timing("rules"), matching(rules, scan=scan) as matches:
        holding.note(matches)
        raised = warnings.raise_matches(matches, run=run, at=run.as_of)
        is_of_few = run.scope == SweepRun.Scope.TOUCHED
        found.warnings |= warnings.count_told(run, raised) if is_of_few else raised
        closed, told, concerned = warnings.close_gone(matches, scan=scan, at=run.as_of)
        found.warnings_closed = told if is_of_few else closed
        holding.drop_those_too_new(matches)
        found.matches = matches.counts()
        found.failed_rules |= matches.failed
        found.scan_seconds, found.rule_seconds = matches.seconds, matches.seconds_alone
        found.customers = scan.count()
    with found.timing("cases"):
        if any(raised.values()):
            among = None if customers.low is None else (customers.low, customers.high or customers.low)
            found.cases_opened, found.calls_created = cases.open_for_warnings(run, among=among, at=run.as_of)
        if concerned:
            cases.recovered_by_itself(concerned, at=run.as_of)
    return found


def compiled(codes: Sequence[str], found: Found) -> list[Compiled]:
    """Return the rules compiled that are on, held against changes; name those that do not compile.

    A rule that no longer compiles is set aside and matches nobody.
    """
    found.warnings = dict.fromkeys(codes, 0)
    hold(codes)
    rules, known = [], terms.known()
    for rule in WarningRule.objects.filter(code__in=codes, is_enabled=True):
        try:
            rules.append(compile_rule(rule, known=known))
        except ConditionRefused as error:
            found.failed_rules[rule.code] = error.code
    return rules
