"""The queue that stands open follows what happens and never gets in the way of whoever works in it."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from customers.models import Customer
from retention import cases
from retention.models import RetentionCase
from tests.factories import NOW, CustomerFactory

LINKS = "[data-row-link]"


@pytest.fixture
def queue(lead: Any, manager: Any, sign_in: Any, live_server: Any) -> Any:
    """Twelve cases on the page of a lead, whose clock the test moves."""
    for number in range(12):
        new_case(manager, f"Customer {number:02}", margin=1000 - number)
    page = sign_in(lead)
    page.clock.install()
    page.goto(live_server.url + reverse("retention:queue"))
    expect(page.locator(LINKS)).to_have_count(12)
    return page


def new_case(manager: Any, name: str, *, margin: int) -> RetentionCase:
    customer = CustomerFactory(owner=manager, name=name)
    case = cases.open_case(customer, kind="save", severity=3, by=None, at=NOW)
    RetentionCase.objects.filter(pk=case.pk).update(margin_365d=margin, due_at=None)
    return case


def asked(page: Any) -> int:
    """Let the time pass until the page asks, and return what it was answered."""
    with page.expect_response(lambda response: "part=list" in response.url) as answer:
        page.clock.run_for(21_000)
    page.wait_for_timeout(100)
    status: int = answer.value.status
    return status


def asks_not(page: Any) -> None:
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url))
    page.clock.run_for(61_000)
    page.wait_for_timeout(100)
    assert not [url for url in found if "part=list" in url]


def test_new_case_comes_by_itself_and_an_unchanged_list_is_left_alone(queue: Any, manager: Any) -> None:
    queue.evaluate("document.querySelector('#queue-list').dataset.mark = 'same'")
    assert asked(queue) == 304
    assert queue.locator("#queue-list").get_attribute("data-mark") == "same"
    new_case(manager, "Just in", margin=9000)
    assert asked(queue) == 200
    expect(queue.locator(LINKS).first).to_contain_text("Just in")
    assert asked(queue) == 304
    assert queue.problems == []


def test_checked_boxes_selected_text_and_open_sheets_are_left_alone(queue: Any, manager: Any) -> None:
    new_case(manager, "Just in", margin=9000)
    box = queue.locator("[data-bulk]").nth(2)
    box.check()
    asks_not(queue)
    assert box.is_checked()
    box.uncheck()
    queue.locator(LINKS).nth(3).select_text()
    asks_not(queue)
    queue.evaluate("getSelection().removeAllRanges()")
    assert asked(queue) == 200


def test_box_checked_while_the_answer_is_on_its_way_stays_checked(queue: Any, manager: Any) -> None:
    new_case(manager, "Just in", margin=9000)
    box = queue.locator("[data-bulk]").nth(2)

    def slowly(route: Any) -> None:
        box.evaluate("box => { box.checked = true }")
        route.continue_()

    queue.route("**/*part=list*", slowly)
    assert asked(queue) == 200
    assert box.is_checked()
    expect(queue.locator(LINKS)).to_have_count(12)


@pytest.mark.parametrize("what", [LINKS, "[data-bulk]"])
def test_focus_stays_on_its_line_and_the_line_stays_where_it_was(queue: Any, manager: Any, what: str) -> None:
    queue.set_viewport_size({"width": 1440, "height": 500})
    queue.locator(LINKS).nth(9).scroll_into_view_if_needed()
    queue.locator(what).nth(9).focus()
    name = queue.locator(LINKS).nth(9).inner_text()
    top = "document.activeElement.closest('[data-row]').getBoundingClientRect().top"
    before = queue.evaluate(top)
    new_case(manager, "Just in", margin=9000)
    assert asked(queue) == 200
    assert name in queue.evaluate("document.activeElement.closest('[data-row]').innerText")
    assert queue.evaluate(f"document.activeElement.matches({what!r})")
    assert abs(queue.evaluate(top) - before) < 1


def test_line_under_the_pointer_stays_under_it(queue: Any, manager: Any) -> None:
    line = queue.locator("[data-row]", has_text="Customer 03")
    line.hover()
    before = line.bounding_box()["y"]
    new_case(manager, "Just in", margin=9000)
    assert asked(queue) == 200
    assert abs(line.bounding_box()["y"] - before) < 1


def test_focus_goes_to_the_next_line_when_its_own_is_gone(queue: Any) -> None:
    queue.locator(LINKS, has_text="Customer 05").focus()
    gone = RetentionCase.objects.get(customer__name="Customer 05")
    RetentionCase.objects.filter(pk=gone.pk).update(status="closed", outcome="lost", closed_at=NOW)
    assert asked(queue) == 200
    expect(queue.locator(LINKS)).to_have_count(11)
    assert "Customer 06" in queue.evaluate("document.activeElement.innerText")


def test_empty_queue_is_loaded_when_the_first_case_comes_unless_somebody_types(
    lead: Any, manager: Any, sign_in: Any, live_server: Any
) -> None:
    page = sign_in(lead)
    page.clock.install()
    page.goto(live_server.url + reverse("retention:queue"))
    assert asked(page) == 304
    new_case(manager, "First", margin=1)
    search = page.locator("input[name=q]").first
    if search.is_visible():
        search.fill("Fir")
        assert asked(page) == 204
        assert search.input_value() == "Fir"
        search.blur()
    with page.expect_navigation():
        page.clock.run_for(21_000)
    expect(page.locator(LINKS)).to_have_count(1)
    assert Customer.objects.count() == 1
