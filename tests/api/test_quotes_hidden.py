"""A quote without consent is nowhere but in the interview itself: every page, file and API route is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from customers.access import is_foreign
from customers.ground import drain
from surveys.interviews import holding
from surveys.interviews.said import held_of
from surveys.models import Guide, Interview, InterviewAnswer, Survey
from tests.api import world as worlds
from tests.api.test_foreign_objects import OBJECT, Identity, by_session, by_token, object_routes
from tests.api.world import World
from tests.factories import NOW
from tests.test_architecture import routes

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
LEAST = 200


def addresses(world: World) -> Iterator[str]:
    """Yield the address of every page, file and API route, for each object of North."""
    for api in (False, True):
        for route in object_routes(api=api):
            for pk in world.north.get(route.kind) or world.company[route.kind]:
                address = route.address(pk)
                if not OBJECT.search(address):  # a second object belongs to the first
                    yield address
    codes = {"interviews/guides": Guide.objects.get().code, "surveys": Survey.objects.first().code}  # type: ignore[union-attr]
    for route, pattern in routes():
        text = re.sub(r"[\^$]", "", route)
        if is_foreign(pattern.callback) or text.startswith("admin/") or "logout" in text:
            continue
        if "<" not in text and "(?P" not in text:
            yield f"/{text}"
        for start, code in codes.items():
            if text.startswith(f"{start}/<slug:code>"):
                yield "/" + text.replace("<slug:code>", code)


def said(identity: Identity, path: str) -> tuple[int, str]:
    """Return what a page, file or route answers."""
    response = identity.client.get(path, headers=identity.headers)
    body = b"".join(response.streaming_content) if response.streaming else response.content
    return response.status_code, body.decode("utf-8", "replace")


def where(word: str, asking: list[Identity], world: World) -> tuple[set[str], int]:
    """Return the addresses that tell the word, and how many answered at all."""
    found, answered = set(), 0
    for path in sorted(set(addresses(world))):
        for identity in asking:
            status, text = said(identity, path)
            answered += status == 200
            if word in text:
                found.add(path)
    return found, answered


@pytest.fixture
def quoted(quiet: Any, world: World) -> Any:
    """The interview of North's that was held, and the identities that see it."""
    drain.until_empty(at=NOW)
    interview = Interview.objects.get(pk=world.north["interview"][0])
    answer = InterviewAnswer.objects.get(interview=interview)
    assert answer.quote.startswith(worlds.CANARY)
    asking = [*by_session(world, "admin"), by_token(world, "admin")]
    return interview, answer.quote, asking


def test_a_quote_without_consent_is_in_its_interview_and_nowhere_else(quoted: Any, world: World) -> None:
    interview, quote, asking = quoted
    found, answered = where(quote, asking, world)
    assert found == {f"/interviews/{interview.pk}/"}
    print(f"\n{answered} answers were read")  # noqa: T201
    assert answered >= LEAST


def test_with_consent_it_is_among_the_quotes_and_in_the_api(quoted: Any, world: World) -> None:
    """The hunt itself: what may be shown is found where it is shown."""
    interview, quote, asking = quoted
    held = held_of(interview)
    agreed = type(held)(**{**vars(held), "may_quote": True, "agreed_how": "spoken", "agreed_on": NOW.date()})
    holding.correct(interview, agreed, revision=interview.revision, by=None, at=NOW)
    found, _answered = where(quote, asking, world)
    assert found == {
        f"/interviews/{interview.pk}/",
        "/interviews/figures/",
        "/api/v1/interviews/",
        f"/api/v1/interviews/{interview.pk}/",
    }


def test_files_of_lists_tell_no_quote_either(quoted: Any, world: World) -> None:
    _interview, quote, asking = quoted
    ends = re.compile(
        r"^/(customers|queue|complaints|contracts|losses|inbox|improvements|mentions|loyalty/accounts)/export/$"
    )
    lists = [path for path in addresses(world) if ends.match(path)]
    assert len(lists) == 9
    for path in lists:
        status, text = said(asking[0], path)
        assert status == 200 and quote not in text
