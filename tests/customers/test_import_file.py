"""What files say of the customer's file: places, numbers, parents, who left, attributes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from customers import attributes
from customers.imports import batches, kinds, mapping
from customers.models import Address, AttributeValue, Contact, Customer, MainContactChange
from tests.factories import NOW, ago, day

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture
def bring(tmp_path, company):
    """Import a text and return the report; ``refused`` reads the columns and reasons of refused lines."""

    def bring(kind, content, *, at=NOW, **stated):
        path = tmp_path / "file.csv"
        path.write_text(content)
        wanted = mapping.from_data({"history": False, **stated})
        errors = tmp_path / "errors.csv"
        return batches.import_file(path, kinds.named(kind), wanted, errors_to=errors, by=None, at=at)

    bring.errors = tmp_path / "errors.csv"
    return bring


def places():
    facts = Address.objects.filter(void=False).order_by("customer__name", "occurred_at")
    return list(facts.values_list("customer__name", "country", "region", "occurred_day"))


def test_customers_bring_their_address_as_a_dated_fact_once(bring):
    text = (
        "id,name,country,region,street,postal code,address_since,registration_number,source\n"
        "1,Ash,中国,江苏省苏州市,1 Lake Road,215000,2024-03-01,91110000600037341L,推荐\n"
        "2,Birch,GB,London,,,,,\n"
        "3,Cedar,,上海,,,,,\n"
    ).replace("London", "LND")
    report = bring("customers", text, columns={})
    assert (report.accepted, report.refused) == (3, 0)
    assert places() == [
        ("Ash", "CN", "3205", 738946),
        ("Birch", "GB", "LND", day(NOW)),
        ("Cedar", "CN", "31", day(NOW)),
    ]
    ash = Customer.objects.get(name="Ash")
    assert (ash.street, ash.postal_code, ash.registration_number, ash.source) == (
        "1 Lake Road",
        "215000",
        "91110000600037341L",
        "referral",
    )
    again = bring("customers", text, at=LATER)
    assert (again.landed.unchanged, Address.objects.count()) == (3, 3)


def test_customers_who_moved_get_a_second_fact(bring):
    bring("customers", "id,name,country,region\n1,Ash,CN,3205\n", at=ago(50))
    bring("customers", "id,name,country,region\n1,Ash,CN,3101\n".replace("3101", "310115"))
    assert places() == [("Ash", "CN", "3205", day(ago(50))), ("Ash", "CN", "310115", day(NOW))]
    bring("customers", "id,name,country\n1,Ash,GB\n", at=LATER)
    assert places()[-1] == ("Ash", "GB", "", day(LATER))


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("1,Ash,CN,Atlantis,", "region"),
        ("1,Ash,Atlantis,,", "country"),
        ("1,Ash,CN,,12345", "registration_number"),
    ],
)
def test_customers_with_a_wrong_place_or_number_are_refused(bring, line, column):
    report = bring("customers", f"id,name,country,region,registration_number\n{line}\n2,Birch,CN,32,\n")
    assert (report.accepted, report.refused) == (1, 1)
    assert column in bring.errors.read_text()
    assert list(Customer.objects.values_list("name", flat=True)) == ["Birch"]


def test_customers_find_their_parent_in_the_same_file_or_before(bring):
    bring("customers", "id,name,parent\n1,Child,9\n9,Top,\n")
    bring("customers", "id,name,parent\n2,Other,9\n3,Lost,77\n", at=LATER)
    assert set(Customer.objects.values_list("name", "parent__name")) == {
        ("Child", "Top"),
        ("Top", None),
        ("Other", "Top"),
    }
    assert "77" in bring.errors.read_text()


def test_customers_in_a_circle_are_refused(bring):
    bring("customers", "id,name,parent\n1,A,\n2,B,1\n")
    report = bring("customers", "id,name,parent\n1,A,3\n3,C,2\n", at=LATER)
    assert report.refused >= 1
    chain = dict(Customer.objects.values_list("name", "parent__name"))
    assert chain["A"] is None


def test_contacts_who_left_are_facts_and_come_back_as_none(bring):
    bring("customers", "id,name\n1,Ash\n")
    head = "id,customer,name,main,left_on,function,decision maker\n"
    bring("contacts", f"{head}7,1,Wang Jing,yes,,采购,yes\n")
    person = Contact.objects.get(name="Wang Jing")
    assert (person.function, person.is_decision_maker) == ("purchasing", True)
    bring("contacts", f"{head}7,1,Wang Jing,yes,2026-05-01,采购,yes\n", at=LATER)
    fact = MainContactChange.objects.get()
    assert (fact.kind, fact.contact, fact.void) == ("left", person, False)
    bring("contacts", f"{head}8,1,Zhao Min,yes,,,\n7,1,Wang Jing,no,2026-05-01,采购,yes\n", at=LATER)
    assert list(MainContactChange.objects.order_by("pk").values_list("kind", flat=True)) == [
        "left",
        "followed",
    ]


def test_birthdays_of_contacts_come_in_both_calendars_and_go(bring):
    def standing():
        columns = ("name", "birth_calendar", "birth_year", "birth_month", "birth_day", "birth_is_leap")
        return set(Contact.objects.filter(name__in="ABCD").values_list(*columns))

    bring("customers", "id,name\n1,Ash\n")
    head = "id,customer,name,生日,历法\n"
    lines = "1,1,A,1990-05-12,\n2,1,B,08-15,农历\n3,1,C,闰六月初一,\n4,1,D,,\n"
    lines += "5,1,E,1990-02-30,\n6,1,F,5/12,\n"
    report = bring("contacts", head + lines)
    assert (report.accepted, report.refused) == (4, 2)
    expected = {
        ("A", "solar", 1990, 5, 12, None),
        ("B", "lunar", None, 8, 15, False),
        ("C", "lunar", None, 6, 1, True),
        ("D", "", None, None, None, None),
    }
    assert standing() == expected
    bring("contacts", "id,customer,name\n1,1,A\n", at=LATER)  # a file that says nothing of it
    assert standing() == expected
    bring("contacts", f"{head}1,1,A,,\n", at=LATER)
    assert ("A", "", None, None, None, None) in standing()


def test_attributes_land_as_dated_facts_of_their_kind(bring):
    who = {"by": None, "at": ago(9)}
    attributes.define_attribute(code="staff", kind="number", label_en="Staff", label_zh="员工", **who)
    attributes.define_attribute(
        code="size", kind="choice", label_en="S", label_zh="规", choices=[("big", "Big", "大")], **who
    )
    bring("customers", "id,name\n1,Ash\n")
    text = (
        "id,customer,attribute,value,since\n"
        'a,1,staff,"1,400",2026-05-01\n'
        "b,1,size,大,2026-05-02\n"
        "c,1,size,huge,2026-05-02\n"
        "d,1,colour,red,2026-05-02\n"
        "e,1,staff,many,2026-05-02\n"
    )
    report = bring("attributes", text)
    assert (report.accepted, report.refused) == (2, 3)
    assert set(AttributeValue.objects.values_list("attribute__code", "number", "choice")) == {
        ("staff", 1400, ""),
        ("size", None, "big"),
    }
    assert bring("attributes", text, at=LATER).landed.unchanged == 2
