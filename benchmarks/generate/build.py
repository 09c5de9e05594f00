"""Building the generated company in an empty database, and wearing it like a day of changes does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from django.contrib.auth.hashers import make_password
from django.core.management import call_command

from benchmarks.generate import facts, work
from benchmarks.generate.rows import at, chance, execute
from benchmarks.generate.times import END, NOW, TODAY, ZONE
from customers import causes, company
from customers.ground import clock
from customers.ground.models import ClockOffset
from customers.models import Complaint, ComplaintEvent, Interaction, Order, Team, User, UserActivity
from customers.models.people import Role
from retention.measures import compute

PASSWORD = "benchmark-only-1"
CASES_EACH = 400  # open cases of an account manager


def build(customers: int, *, say: Callable[[str], None]) -> None:
    """Migrate an empty database and fill it: people, facts, measures, cases."""
    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    set_clock()
    causes.sync()
    company.set_up(
        currency="CNY",
        time_zone=ZONE,
        margin=Decimal("0.3"),
        by=None,
        at=NOW,
        name="Benchmark",
        country="CN",
    )
    managers = _staff(max(1, customers // 5 // CASES_EACH))
    say("facts")
    facts.load(customers, managers=managers)
    analyze()
    say("measures")
    compute.refresh(as_of=NOW)
    analyze()
    say("cases")
    work.load(customers)


def wear(customers: int) -> int:
    """Correct a random 1 % of the facts and add 1 %, through constraints and triggers as they are.

    Then the night's pass, as the product makes it. Returns how many facts were corrected or added.
    """
    known = at(NOW - timedelta(minutes=30))
    lucky = f"({chance('id', 50)}) % 100 = 0"
    counts = {model: model._default_manager.count() for model in (Order, Interaction, Complaint)}
    changed = 0
    for model, setting in (
        (Order, "sold = sold + 700, sold_base = sold_base + 700, margin_base = margin_base + 210"),
        (Interaction, "reached = NOT reached"),
        (ComplaintEvent, "due_day = due_day + 1"),
    ):
        table = model._meta.db_table
        changed += execute(f'UPDATE "{table}" SET {setting}, recorded_at = {known} WHERE {lucky}')
    days = {"customers": customers, "begin": END - 20 * 86400, "span": 20 * 86400 - 1800}
    for add, model in (
        (facts.orders, Order),
        (facts.interactions, Interaction),
        (facts.complaints, Complaint),
    ):
        count = counts[model]
        add(count + 1, count + max(1, count // 100), **days)
        changed += count // 100
    compute.refresh(as_of=NOW + timedelta(microseconds=1))
    return changed


def set_clock() -> None:
    """Let the database's clock read the company's now, whenever the run begins."""
    ClockOffset.objects.update_or_create(
        id=1, defaults={"offset_us": (NOW - clock.real_now()) // timedelta(microseconds=1)}
    )
    clock.forget()


def analyze() -> None:
    """Let the planner know what was loaded."""
    execute("ANALYZE")


def _staff(count: int) -> list[tuple[int, int]]:
    """Make an admin, an analyst, ``count`` account managers in teams of ten, a lead each."""
    password = make_password(PASSWORD)
    since = NOW - timedelta(days=800)

    def person(name: str, role: str, team: Team | None) -> User:
        return User(
            username=name,
            first_name=name.capitalize(),
            role=role,
            team=team,
            password=password,
            date_joined=since,
            is_staff=role == Role.ADMIN,
            is_superuser=role == Role.ADMIN,
        )

    teams = Team.objects.bulk_create([Team(name=f"Team {n + 1:03}") for n in range(-(-count // 10))])
    managers = User.objects.bulk_create(
        [person(f"am{n + 1}", Role.ACCOUNT_MANAGER, teams[n // 10]) for n in range(count)]
    )
    others = User.objects.bulk_create(
        [
            person("admin", Role.ADMIN, None),
            person("analyst", Role.ANALYST, None),
            *(person(f"lead{n + 1}", Role.TEAM_LEAD, team) for n, team in enumerate(teams)),
        ]
    )
    UserActivity.objects.bulk_create(
        [
            UserActivity(
                user=user,
                is_active=True,
                occurred_at=since,
                occurred_day=TODAY - 800,
                recorded_at=since,
            )
            for user in [*managers, *others]
        ]
    )
    return [(user.pk, user.team_id or 0) for user in managers]
