"""What every resource has, shown on customers."""

from __future__ import annotations

from customers.models import Customer


def test_first_steps(program, customer):
    found = program.get("customers/").json()
    assert [row["id"] for row in found["results"]] == [customer.pk]
    assert found["next"] is None
    shown = program.get(f"customers/{customer.pk}/")
    assert shown.json()["name_alt"] == "蓝湖贸易"
    made = program("post", "customers/", {"name": "New"})
    assert made.status_code == 201, made.content
    assert made["Location"] == f"/api/v1/customers/{made.json()['id']}/"
    changed = program("patch", f"customers/{customer.pk}/", {"city": "Wuxi"}, If_Match=shown["ETag"])
    assert changed.status_code == 200, changed.content
    assert Customer.objects.get(pk=customer.pk).city == "Wuxi"
    stale = program("patch", f"customers/{customer.pk}/", {"city": "Suzhou"}, If_Match=shown["ETag"])
    assert stale.status_code == 412
    assert stale.json()["code"] == "stale"
    assert stale["Content-Type"] == "application/problem+json"


def test_a_number_is_no_text(program, customer):
    for value in (11728, 1.5, True):
        answer = program("patch", f"customers/{customer.pk}/", {"name": value}, If_Match="*")
        assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (400, "#/name")
    assert program("patch", f"customers/{customer.pk}/", {"name": "11728"}, If_Match="*").status_code == 200
