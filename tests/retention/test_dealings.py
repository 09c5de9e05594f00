"""The page of dealings: what it lists, page by page, and what one can enter and take out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from customers.ground import clock, localtime
from customers.ground.models import AuditEvent
from customers.models import (
    Competitor,
    CompetitorSighting,
    Customer,
    Invoice,
    InvoiceEvent,
    Order,
    Usage,
    UsageMetric,
    User,
)
from retention.pages.dealing_rows import PAGE, page_number
from tests.factories import (
    NOW,
    ContractFactory,
    CustomerFactory,
    InvoiceEventFactory,
    InvoiceFactory,
    OrderFactory,
    ProductFactory,
    SightingFactory,
    UsageFactory,
    ago,
)

pytestmark = pytest.mark.django_db
TODAY = localtime.day_number(NOW, "Asia/Shanghai")


@pytest.fixture(autouse=True)
def _monday(company: object) -> None:
    clock.fix(NOW)


@pytest.fixture
def dealings(client: Client, customer: Customer, manager: User) -> Any:
    """Fetch the page as its manager; ``dealings.post(what, **form)`` enters something."""
    client.force_login(manager)
    address = f"/customers/{customer.pk}/dealings/"

    def fetch(query: str = "") -> str:
        answer = client.get(address + query)
        assert answer.status_code == 200
        return answer.content.decode()

    def post(what: str, status: int = 302, **said: Any) -> str:
        answer = client.post(f"{address}{what}/", said)
        assert answer.status_code == status, answer.content.decode()[-3000:]
        return answer.content.decode()

    fetch.post = post  # type: ignore[attr-defined]
    return fetch


def live(customer: Customer, number: int = 1) -> None:
    """Let a customer have ``number`` of everything."""
    for n in range(number):
        OrderFactory(customer=customer, number=f"SO-{n}", promised_day=TODAY - 3, sold=123400)
        ContractFactory(customer=customer, number=f"K-{n}")
        invoice = InvoiceFactory(customer=customer, number=f"R-{n}")
        InvoiceEventFactory(invoice=invoice, kind="failed", method="alipay", occurred_at=ago(5))
        InvoiceEventFactory(invoice=invoice, amount=2500)
        Invoice.objects.filter(pk=invoice.pk).update(settled=2500)
        UsageFactory(customer=customer, quantity=1200, occurred_at=ago(n + 1))
        UsageFactory(customer=customer, code="balance", quantity=800, product=ProductFactory(name="Fund"))
        SightingFactory(customer=customer, seen=90, ours=99, product=ProductFactory())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "en",
            ["Orders", "SO-0", "¥1,234", "overdue", "K-0", "R-0", "¥75 owed", "Alipay", "Logins", "1,200"],
        ),
        (
            "zh-hans",
            ["订单", "SO-0", "¥1,234", "逾期", "K-0", "R-0", "支付宝", "登录次数", "持有余额", "Fund"],
        ),
    ],
)
def test_page_shows_orders_contracts_invoices_and_usage(
    dealings: Any, customer: Customer, manager: User, language: str, words: list[str]
) -> None:
    live(customer)
    User.objects.filter(pk=manager.pk).update(language=language)
    text = dealings()
    assert [word for word in [*words, "Rival", "¥90", "¥99", "10 % off"] if word not in text] == []


def test_page_of_a_customer_without_dealings_says_so(dealings: Any) -> None:
    text = dealings()
    for words in (
        "No order is known.",
        "No contract yet.",
        "No invoice is known.",
        "Nothing was counted",
        "No competitor was seen here.",
    ):
        assert words in text
    assert 'popovertarget="payment"' not in text  # nothing to pay


def test_page_takes_as_many_queries_for_three_of_each_as_for_one(
    client: Client, customer: Customer, manager: User
) -> None:
    client.force_login(manager)
    other = CustomerFactory(owner=manager)
    live(customer, 1)
    live(other, 3)
    client.get(f"/customers/{customer.pk}/dealings/")
    counts = []
    for pk in (customer.pk, other.pk):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            client.get(f"/customers/{pk}/dealings/")
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 28


def test_lists_are_cut_to_pages(dealings: Any, customer: Customer) -> None:
    for n in range(PAGE + 1):
        OrderFactory(customer=customer, number=f"SO-{n:02d}", occurred_at=ago(n + 1))
    first, second = dealings(), dealings("?orders=2")
    assert "SO-00" in first and f"SO-{PAGE:02d}" not in first and "?orders=2#orders" in first
    assert "SO-00" not in second and f"SO-{PAGE:02d}" in second and "?orders=1#orders" in second
    for odd in ("?orders=-1", "?orders=x", "?orders=99999999999", "?orders=٣"):
        dealings(odd)


@pytest.mark.parametrize(
    ("text", "number"),
    [(None, 1), ("", 1), ("0", 1), ("1", 1), ("7", 7), ("-2", 1), ("1.5", 1), ("99999", 1000), ("٣", 1)],
)
def test_page_number_is_the_first_for_what_is_none(text: str | None, number: int) -> None:
    assert page_number(text) == number


# --- By hand -----------------------------------------------------------------------------------
def test_order_is_entered_promised_and_delivered(dealings: Any, customer: Customer) -> None:
    dealings.post("order", amount="99.90", description="Tea", number="SO-9", promised_on="2026-05-09",
              occurred_at="2026-05-04T09:00")  # fmt: skip
    order = Order.objects.get()
    assert (order.sold, order.number, order.promised_day) == (9990, "SO-9", date(2026, 5, 9).toordinal())
    assert order.lines.get().description == "Tea"

    dealings.post(f"orders/{order.pk}", promised_on="2026-05-09", delivered_on="2026-05-10")
    order.refresh_from_db()
    assert (order.status, order.delivered_day) == ("delivered", date(2026, 5, 10).toordinal())
    assert "delivered late" in dealings()


TEA = {"line-1-product": "P-1", "line-1-quantity": "3", "line-1-unit_price": "9.99"}
MUG = {"line-3-description": "Mugs <blue>", "line-3-quantity": "1.5", "line-3-unit_price": "0.33"}
BOX = {"line-7-product": "P-2", "line-7-quantity": "2", "line-7-unit_price": "100"}


def test_order_of_several_lines_is_their_sum(dealings: Any, customer: Customer) -> None:
    tea, box = ProductFactory(code="P-1"), ProductFactory(code="P-2")
    dealings.post("order", number="SO-9", lines="10", **TEA, **MUG, **BOX)
    order = Order.objects.get()
    assert (order.sold, order.returned, order.is_purchase) == (2997 + 50 + 20000, 0, True)
    assert list(
        order.lines.order_by("line_no").values_list("line_no", "product", "description", "amount")
    ) == [
        (1, tea.pk, "", 2997),
        (2, None, "Mugs <blue>", 50),
        (3, box.pk, "", 20000),
    ]
    audited = AuditEvent.objects.filter(act="order.record")
    assert [event.object_id for event in audited] == [order.pk]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"line-1-product": "P-9"}, "There is no product with this code."),
        ({"line-1-product": " "}, "Say what was ordered"),
        ({"line-1-product": "", "line-1-description": "x" * 201}, "at most 200"),
        ({"line-1-quantity": ""}, "This field is required."),
        ({"line-1-quantity": "0"}, "Enter a quantity above zero."),
        ({"line-1-quantity": "-1"}, "Enter a quantity above zero."),
        ({"line-1-quantity": "0.0001"}, "3 decimal places"),
        ({"line-1-quantity": "NaN"}, "Enter a number."),
        ({"line-1-unit_price": "-0.01"}, "greater than or equal to 0"),
        ({"line-1-quantity": "100000", "line-1-unit_price": "100000"}, "The number is too large."),
        ({"amount": "5"}, "it is the sum of the lines"),
        ({"description": "Tea"}, "each line says what was ordered"),
    ],
)
def test_one_bad_line_lands_nothing_and_is_told_where_it_stands(
    dealings: Any, changed: dict[str, str], words: str
) -> None:
    ProductFactory(code="P-1")
    text = dealings.post("order", 422, **(TEA | MUG | changed))
    assert words in text and "data-open" in text and 'value="Mugs &lt;blue&gt;"' in text
    is_of_line = any(name.startswith("line-") for name in changed)
    assert ("Line 1 is not right yet." in text, "Line 3 is not" in text) == (is_of_line, False)
    assert not Order.objects.exists()


def test_order_of_nothing_is_refused(dealings: Any) -> None:
    assert "Enter the amount, or lines." in dealings.post("order", 422, lines="5", **{"line-2-product": " "})
    assert "Enter the amount, or lines." not in dealings.post("order", 422, amount="x")
    assert not Order.objects.exists()


@pytest.mark.parametrize(
    ("sent", "shown"), [("5", 10), ("45", 50), ("50", 50), ("-1", 10), ("x", 10), ("9" * 30, 10), ("999", 50)]
)
def test_more_lines_are_shown_and_what_was_typed_stays(dealings: Any, sent: str, shown: int) -> None:
    typed = {"number": "SO-<9>", "amount": "x", "occurred_at": "nonsense", **MUG, "line-2-quantity": "many"}
    text = dealings.post("order", 200, add_lines="1", lines=sent, **typed)
    assert f"line-{shown}-product" in text and f"line-{shown + 1}-product" not in text
    assert (f'name="lines" value="{shown}"' in text) and ("add_lines" in text) is (shown < 50)
    for kept in ("SO-&lt;9&gt;", "nonsense", "Mugs &lt;blue&gt;", "many", "1.5"):
        assert f'value="{kept}"' in text
    assert "data-open" in text and "field-errors" not in text and not Order.objects.exists()


def test_order_has_fifty_lines_at_most(dealings: Any) -> None:
    assert 'name="line-5-product"' in dealings() and 'name="line-6-product"' not in dealings()
    goods = {
        f"line-{n}-{name}": value
        for n in (50, 51)
        for name, value in (("description", f"no {n}"), ("quantity", "1"), ("unit_price", "1"))
    }
    dealings.post("order", lines="60", **goods)
    assert list(Order.objects.get().lines.values_list("description", flat=True)) == ["no 50"]


def test_delivery_on_an_impossible_day_comes_back_with_its_words(dealings: Any, customer: Customer) -> None:
    order = OrderFactory(customer=customer, occurred_at=ago(5))
    for said in ("2026-05-05", "2026-05-12"):
        text = dealings.post(f"orders/{order.pk}", 422, delivered_on=said)
        assert "cannot be delivered before it was placed" in text and f'value="{said}"' in text
    dealings.post(f"orders/{order.pk}", 302, delivered_on="2026-05-06")
    cancelled = OrderFactory(customer=customer, status="cancelled")
    assert "nothing to deliver" in dealings.post(f"orders/{cancelled.pk}", 422, delivered_on="2026-05-11")


def test_invoice_and_payment_are_entered_and_taken_out(dealings: Any, customer: Customer) -> None:
    dealings.post("invoice", amount="100", due_on="2026-06-01", number="R-7", occurred_at="2026-05-04T09:00")
    invoice = Invoice.objects.get()
    dealings.post("payment", invoice=invoice.pk, kind="paid", amount="40", method="transfer")
    invoice.refresh_from_db()
    assert (invoice.amount, invoice.settled) == (10000, 4000)
    dealings.post("payment", invoice=invoice.pk, kind="paid", amount="")
    assert Invoice.objects.get().owed == 0
    paid = InvoiceEvent.objects.filter(kind="paid").first()
    dealings.post(f"payment/{paid.pk}/remove")  # type: ignore[union-attr]
    assert Invoice.objects.get().settled == 6000
    dealings.post(f"invoice/{invoice.pk}/remove")
    assert Invoice.objects.get().void


def test_usage_is_entered_and_taken_out(dealings: Any, customer: Customer) -> None:
    dealings.post("usage", metric=UsageMetric.objects.get(code="visits").pk, quantity="2")
    usage = Usage.objects.get()
    assert (usage.metric.code, usage.milli, usage.occurred_at.date()) == ("visits", 2000, NOW.date())
    dealings.post(f"usage/{usage.pk}/remove")
    assert Usage.objects.get().void


def test_sighting_is_entered_with_a_new_competitor_and_taken_out(dealings: Any) -> None:
    ProductFactory(code="P-1")
    said = {"price_seen": "90.5", "price_ours": "99", "learnt_from": "visit", "product": "P-1"}
    dealings.post("sighting", competitor="Acme Ltd.", offered="Free trial", **said)
    dealings.post("sighting", competitor="acme", learnt_from="public")
    first, second = CompetitorSighting.objects.order_by("pk")
    assert (first.price_seen, first.price_ours, first.currency) == (9050, 9900, "CNY")
    assert first.product is not None and first.product.code == "P-1"
    assert (second.price_seen, second.currency, second.learnt_from) == (None, "", "public")
    assert first.competitor == second.competitor == Competitor.objects.get()
    text = dealings()
    assert "Acme Ltd." in text and "to be checked" in text and "Free trial" in text
    dealings.post(f"sighting/{first.pk}/remove")
    assert CompetitorSighting.objects.get(void=True) == first
    assert "Free trial" not in dealings()


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("sighting", {"learnt_from": "visit"}),
        ("sighting", {"competitor": "。", "learnt_from": "visit"}),
        ("sighting", {"competitor": "Acme", "learnt_from": "rumour"}),
        ("sighting", {"competitor": "Acme", "learnt_from": "visit", "price_seen": "0"}),
        ("sighting", {"competitor": "Acme", "learnt_from": "visit", "price_ours": "9"}),
        ("sighting", {"competitor": "Acme", "learnt_from": "visit", "product": "P-9"}),
        ("sighting", {"competitor": "Acme", "learnt_from": "visit", "occurred_at": "2026-05-12T09:00"}),
        ("order", {"amount": "-1"}),
        ("order", {"amount": "5", "occurred_at": "2026-05-12T09:00"}),
        ("order", {"amount": "5", "currency": "XXX"}),
        ("invoice", {"amount": "5"}),
        ("invoice", {"amount": "0", "due_on": "2026-06-01"}),
        ("invoice", {"amount": "5", "due_on": "1026-06-01"}),
        ("payment", {"kind": "paid"}),
        ("payment", {"invoice": "99999999999999999999", "kind": "paid"}),
        ("usage", {"metric": "x", "quantity": "1"}),
        ("usage", {"metric": "1", "quantity": "NaN"}),
    ],
)
def test_odd_input_is_refused_and_the_sheet_stands_open(
    dealings: Any, what: str, said: dict[str, str]
) -> None:
    text = dealings.post(what, 422, **said)
    assert "data-open" in text
    assert not any(m.objects.exists() for m in (Order, Invoice, Usage, CompetitorSighting, Competitor))


# --- Who may -----------------------------------------------------------------------------------
def test_dealings_of_others_are_not_there(
    client: Client, customer: Customer, outsider: User, manager: User
) -> None:
    live(customer)
    mine = CustomerFactory(owner=outsider)
    order, invoice, usage, sighting = (
        m.objects.filter(customer=customer).first() for m in (Order, Invoice, Usage, CompetitorSighting)
    )
    client.force_login(outsider)
    assert client.get(f"/customers/{customer.pk}/dealings/").status_code == 404
    for path in (
        f"/customers/{customer.pk}/dealings/usage/",
        f"/customers/{mine.pk}/dealings/orders/{order.pk}/",
        f"/customers/{mine.pk}/dealings/invoice/{invoice.pk}/remove/",
        f"/customers/{mine.pk}/dealings/usage/{usage.pk}/remove/",
        f"/customers/{customer.pk}/dealings/sighting/",
        f"/customers/{mine.pk}/dealings/sighting/{sighting.pk}/remove/",
    ):
        assert client.post(path, {"delivered_on": "2026-05-11"}).status_code == 404
    said = {"invoice": invoice.pk, "kind": "paid"}
    assert client.post(f"/customers/{mine.pk}/dealings/payment/", said).status_code == 422
    assert not CompetitorSighting.objects.filter(void=True).exists()
    assert not (Usage.objects.filter(void=True).exists() or Invoice.objects.filter(void=True).exists())


def test_analysts_read_and_enter_nothing(client: Client, customer: Customer, analyst: User) -> None:
    client.force_login(analyst)
    text = client.get(f"/customers/{customer.pk}/dealings/").content.decode()
    assert "popovertarget" not in text.split("<main")[1]
    assert client.post(f"/customers/{customer.pk}/dealings/usage/", {}).status_code == 403
