"""What 32 people and workers at once may not do to a case; as in ``races.py``, each raises Broken."""

from __future__ import annotations

from collections import Counter

from customers.models import Complaint, Customer, User
from retention import calls, cases
from retention.models import CaseMove, FollowUpCall, RetentionCase
from tests.chaos.kit import MORNING, must
from tests.chaos.racing import AT_ONCE, HOUR, errors, race


def customer(number: int = 0) -> Customer:
    """Return a customer about whom nothing waits."""
    found = Customer.objects.exclude(pk__in=Complaint.objects.values("customer"))
    return found.order_by("pk")[number]


def opening_one_case(seed: int) -> None:
    """32 openings for one customer: one case, one call, and 31 that joined it."""
    whose = customer()
    acts = [
        lambda n=n: cases.open_case(whose, kind="save", severity=1 + n % 3, by=None, at=MORNING).pk
        for n in range(AT_ONCE)
    ]
    results = race(acts, seed=seed)
    must(not errors(results), f"an opening failed: {errors(results)[:2]}")
    opened = RetentionCase.objects.filter(customer=whose)
    must(opened.count() == 1 and set(results) == {opened[0].pk}, f"{opened.count()} cases")
    steps = Counter(CaseMove.objects.filter(case__customer=whose).values_list("kind", flat=True))
    must((steps["opened"], steps["joined"]) == (1, AT_ONCE - 1), f"steps: {steps}")
    must(FollowUpCall.objects.filter(customer=whose).count() == 1, "more than one call")


def taking_one_case(seed: int) -> None:
    """32 people who take one case at once: one has it, the others are told, one step is written."""
    case = cases.open_case(customer(), kind="save", severity=2, by=None, at=MORNING)
    cases.unassign(case, by=User.objects.get(username="lead"), at=MORNING)
    before = CaseMove.objects.filter(case=case).count()
    people = list(User.objects.filter(role="account_manager").order_by("pk"))
    seen = [RetentionCase.objects.get(pk=case.pk) for _ in range(AT_ONCE)]
    acts = [
        lambda n=n: cases.take(seen[n], by=people[n % len(people)], at=MORNING + HOUR) for n in range(AT_ONCE)
    ]
    results = race(acts, seed=seed)
    refused = errors(results)
    told = (cases.MovedMeanwhile, cases.HeldAlready)
    must(all(isinstance(error, told) for error in refused), f"an odd refusal: {refused[:2]}")
    must(len(refused) == AT_ONCE - 1, f"{AT_ONCE - len(refused)} people took it")
    must(CaseMove.objects.filter(case=case).count() == before + 1, "more than one step was written")


def the_last_place(seed: int) -> None:
    """32 cases at once for somebody who may hold two more: nobody gets more than agreed."""
    owner = User.objects.get(username="manager0")
    User.objects.filter(pk=owner.pk).update(capacity=2)
    User.objects.exclude(pk=owner.pk).update(capacity=0)
    whose = list(Customer.objects.order_by("pk")[:AT_ONCE])
    Customer.objects.update(owner=owner)
    acts = [lambda c=c: cases.open_case(c, kind="save", severity=2, by=None, at=MORNING).pk for c in whose]
    results = race(acts, seed=seed)
    must(not errors(results), f"an opening failed: {errors(results)[:2]}")
    held = RetentionCase.objects.filter(assignee=owner).count()
    must(held == 2, f"{held} cases for somebody who may hold two")


def assigning_due_cases(seed: int) -> None:
    """32 rounds of the minute's task at once: every waiting case is given and planned once."""
    for one in Customer.objects.order_by("pk")[:20]:
        case = cases.open_case(one, kind="save", severity=2, by=None, at=MORNING)
        cases.unassign(case, by=User.objects.get(username="lead"), at=MORNING)
    results = race([lambda: calls.assign_due(at=MORNING + HOUR).assigned] * AT_ONCE, seed=seed)
    must(not errors(results), f"a round failed: {errors(results)[:2]}")
    must(sum(results) == 20, f"{sum(results)} cases given, there were 20")
    planned = Counter(FollowUpCall.objects.filter(status="planned").values_list("case", flat=True))
    must(len(planned) == 20 and set(planned.values()) == {1}, "a case without a call, or with two")
