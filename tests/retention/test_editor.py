"""The condition editor: every act without script and with it, each error at its condition."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from django.urls import reverse

from customers.ground import clock
from customers.models import Attribute, AttributeValue, Customer
from retention import segments
from retention.measures import Unit, every
from retention.models import CustomerMeasures, Segment
from retention.pages.editor import GroupDraft, LeafDraft, draft, trees
from retention.pages.editor.controls import allowed_ops, control_of
from retention.rules import parse, terms
from retention.rules.conditions import DEEPEST, MOST_NODES, OPERATORS
from tests.factories import NOW, CustomerFactory
from tests.retention.filling import Form

pytestmark = pytest.mark.django_db
NEW = "/segments/new/"


@pytest.fixture(autouse=True)
def _today(db: None) -> None:
    clock.fix(NOW)


@pytest.fixture
def industry(company: Any) -> Attribute:
    """An attribute of three choices, one of them hostile."""
    choices = ["food", "steel", "<b>x</b>"]
    return Attribute.objects.create(
        code="industry", kind="choice", label_en="Industry", label_zh="行业", choices=choices
    )


def measured(customer: Customer, **values: Any) -> None:
    """Put measures into the wide table."""
    CustomerMeasures.objects.update_or_create(customer=customer, defaults={"as_of": NOW, **values})


class Visitor:
    """Somebody without script, who presses one button after the other."""

    def __init__(self, client: Any, path: str = NEW) -> None:
        self.client, self.path = client, path
        self.show(client.get(path))

    def show(self, response: Any) -> None:
        """Look at an answer."""
        self.response, self.html = response, response.content.decode()
        self.form = Form(self.html)

    def press(self, act: str, **changed: Any) -> Visitor:
        """Press a button of the editor, some fields filled in before."""
        self.show(self.client.post(self.path, self.form.sends(act, **changed)))
        assert self.response.status_code == 200
        return self

    def save(self, **changed: Any) -> Any:
        """Press the form's own button."""
        response = self.client.post(self.path, self.form.sends(**changed))
        if response.status_code != 302:
            self.show(response)
        return response


@pytest.fixture
def visitor(client: Any, admin: Any, industry: Attribute) -> Visitor:
    """An admin at the page for a new segment."""
    client.force_login(admin)
    return Visitor(client)


def saved() -> Any:
    """Return the condition of the one segment."""
    return Segment.objects.get().condition


# --- Without script ---------------------------------------------------------------------------
def test_a_nested_condition_is_built_by_buttons_alone(visitor: Visitor, customer: Customer) -> None:
    measured(customer, last_order_day=739000, spend_365d=2_000_000)
    visitor.press("add:root").press("use:0:measure:days_since_last_order")
    visitor.press("show", condition__0__value="30")
    visitor.press("group:root").press("use:1-0:attribute:industry")
    visitor.press("show", **{"condition.1-0.op": "one_of"})
    visitor.press("add:1", **{"condition.1-0.value": ["food", "steel"]})
    visitor.press("use:1-1:measure:spend_365d").press("negate:1", **{"condition.1-1.value": "12,345.6"})
    assert "13 June" not in visitor.html
    assert "it is not so that" in visitor.html
    response = visitor.save(name_en="Silent")
    assert response.status_code == 302
    assert saved() == {
        "all": [
            {"measure": "days_since_last_order", "op": ">=", "value": 30},
            {
                "not": {
                    "any": [
                        {"attribute": "industry", "op": "one_of", "value": ["food", "steel"]},
                        {"measure": "spend_365d", "op": ">=", "value": 1234560},
                    ]
                }
            },
        ]
    }


def test_acts_move_wrap_dissolve_and_remove(visitor: Visitor) -> None:
    for number, code in enumerate(["orders_90d", "orders_365d", "complaints_90d"]):
        visitor.press("add:root").press(f"use:{number}:measure:{code}")
        visitor.press("show", **{f"condition.{number}.value": str(number)})
    assert "up:0" not in visitor.form.buttons and "down:2" not in visitor.form.buttons
    visitor.press("down:0").press("up:2")
    assert _whats(visitor) == ["orders_365d", "complaints_90d", "orders_90d"]
    assert [visitor.form.values[f"condition.{n}.value"] for n in range(3)] == [["1"], ["2"], ["0"]]
    visitor.press("wrap:1").press("add:1").press("use:1-1:measure:orders_90d").press("negate:1-1")
    assert visitor.form.values["condition.1.is"] == ["any"]
    visitor.press("word:1:all").press("word:root:any")
    assert (visitor.form.values["condition.1.is"], visitor.form.values["condition.root.is"]) == (
        ["all"],
        ["any"],
    )
    visitor.press("unwrap:1")
    assert _whats(visitor) == ["orders_365d", "complaints_90d", "orders_90d", "orders_90d"]
    assert visitor.form.values["condition.2.not"] == ["1"]
    visitor.press("wrap:3").press("remove:3-0")  # the group goes with its last part
    visitor.press("remove:0").press("negate:1")
    assert _whats(visitor) == ["complaints_90d", "orders_90d"]
    assert "condition.1.not" not in visitor.form.values


def _whats(visitor: Visitor) -> list[str]:
    found = []
    for number in itertools.count():
        value = visitor.form.values.get(f"condition.{number}.what")
        if value is None:
            return found
        found.append(value[0].removeprefix("measure:"))
    return found


def test_root_can_be_negated_and_wrapped(visitor: Visitor) -> None:
    visitor.press("add:root").press("use:0:measure:orders_90d").press("negate:root", condition__0__value="2")
    visitor.press("wrap:root").press("add:root").press("use:1:measure:orders_365d")
    assert visitor.save(name_en="A", **{"condition.1.value": "1"}).status_code == 302
    inner = {"not": {"all": [{"measure": "orders_90d", "op": ">=", "value": 2}]}}
    assert saved() == {"all": [inner, {"measure": "orders_365d", "op": ">=", "value": 1}]}


def test_every_kind_of_value_has_its_control_and_arrives(visitor: Visitor) -> None:
    visitor.press("add:root").press("use:0:measure:orders_90d")
    for op, fields, tree in [
        ("between", {"value": ["1", "4"]}, {"op": "between", "value": [1, 4]}),
        ("one_of", {"value": "1, 3，5"}, {"op": "one_of", "value": [1, 3, 5]}),
        ("is_unknown", {}, {"op": "is_unknown"}),
        (
            "x<",
            {"factor": "0.5", "other": "measure:orders_prev_90d"},
            {"op": "<", "factor": "0.5", "other": "orders_prev_90d"},
        ),
    ]:
        visitor.press("show", **{"condition.0.op": op})
        visitor.press("show", **{f"condition.0.{name}": value for name, value in fields.items()})
        assert "field-errors" not in visitor.html, op
        visitor.client.post(NEW, visitor.form.sends(name_en="A"))
        assert saved() == {"measure": "orders_90d", **tree}
        Segment.objects.all().delete()
    for what, value, tree in [
        ("measure:last_order_day", "2026-05-01", {"op": ">=", "value": "2026-05-01"}),
        ("measure:owner_inactive", "1", {"op": "=", "value": 1}),
        ("measure:overdue_ratio", "2.5", {"op": ">=", "value": "2.5"}),
        ("measure:spend_90d", "１２.50", {"op": ">=", "value": 1250}),
        ("attribute:industry", "food", {"op": "=", "value": "food"}),
    ]:
        visitor.press("choose:0").press(f"use:0:{what}").press("show", condition__0__value=value)
        visitor.client.post(NEW, visitor.form.sends(name_en="A"))
        family, code = what.split(":")
        assert saved() == {family: code, **tree}
        Segment.objects.all().delete()


def test_texts_and_segments_are_conditions_too(visitor: Visitor) -> None:
    Attribute.objects.create(code="area", kind="text", label_en="Area", label_zh="区域")
    segments.make_list("vip", name_en="VIP", name_zh="贵宾", by=None, at=NOW)
    visitor.press("add:root").press("use:0:attribute:area").press("show", **{"condition.0.op": "one_of"})
    visitor.press("add:root", condition__0__value="north, by the river\nsouth")
    visitor.press("use:1:segment:vip").press("negate:1")
    assert visitor.save(name_en="A").status_code == 302
    assert Segment.objects.get(code="a").condition == {
        "all": [
            {"attribute": "area", "op": "one_of", "value": ["north, by the river", "south"]},
            {"not": {"segment": "vip"}},
        ]
    }


def test_choosing_something_else_forgets_the_value_and_cancel_keeps_it(visitor: Visitor) -> None:
    visitor.press("add:root").press("use:0:measure:orders_90d").press("show", condition__0__value="7")
    visitor.press("choose:0").press("cancel:0")
    assert visitor.form.values["condition.0.value"] == ["7"]
    visitor.press("choose:0").press("use:0:measure:orders_90d")
    assert visitor.form.values["condition.0.value"] == ["7"]
    visitor.press("choose:0").press("use:0:measure:orders_365d")
    assert visitor.form.values["condition.0.value"] == [""]


# --- Errors -----------------------------------------------------------------------------------
def problem_at(html: str, place: str) -> str:
    """Return what stands at a condition."""
    found = re.search(rf'id="condition-{place}-problem"[^>]*>(.*?)</div>', html, re.S)
    assert found is not None
    return re.sub(r"<[^>]+>", "", found[1]).strip()


def test_errors_stand_at_the_condition_and_the_others_have_none(visitor: Visitor) -> None:
    visitor.press("add:root").press("use:0:measure:orders_90d", name_en="A")
    visitor.press("add:root", condition__0__value="3").press("use:1:measure:orders_365d")
    visitor.press("add:root", condition__1__value="many")
    assert problem_at(visitor.html, "0") == ""
    assert "“many” is not a number" in problem_at(visitor.html, "1")
    assert problem_at(visitor.html, "2") == "Choose what to compare."
    assert visitor.html.count("field-errors") == 1  # what is only missing is no error yet
    assert visitor.save().status_code == 422
    assert visitor.html.count("field-errors") == 2
    assert visitor.form.values["condition.1.value"] == ["many"]
    assert not Segment.objects.exists()


def test_saving_nothing_is_refused_at_the_root(visitor: Visitor) -> None:
    assert visitor.save(name_en="A").status_code == 422
    assert problem_at(visitor.html, "root") == "Add a condition."


def test_a_segment_that_would_contain_itself_is_refused_at_the_condition(
    visitor: Visitor, client: Any
) -> None:
    few = {"measure": "orders_90d", "op": "<", "value": 2}
    segments.save("a", name_en="First", name_zh="一", condition=few, by=None, at=NOW)
    inner = {"any": [few, {"segment": "a"}]}
    segments.save("b", name_en="Second", name_zh="二", condition=inner, by=None, at=NOW)
    editing = Visitor(client, "/segments/a/edit/")
    editing.press("add:root")
    assert "use:1:segment:a" not in editing.form.buttons  # itself is not offered
    editing.press("use:1:segment:b")
    assert "“First” would contain itself: First › Second › First" in problem_at(editing.html, "1")
    assert editing.save().status_code == 422
    assert "First › Second › First" in problem_at(editing.html, "1")
    assert Segment.objects.get(code="a").condition == few


@pytest.mark.parametrize(
    "what", ["measure:shoe_size", "attribute:shoes", "segment:gold", "password:x", "measure:", "x" * 3000]
)
def test_foreign_measures_are_refused_at_the_condition(visitor: Visitor, what: str) -> None:
    visitor.press("add:root").press("use:0:measure:orders_90d", name_en="A")
    data = {**visitor.form.sends(), "condition.0.what": what, "condition.0.value": "1"}
    response = visitor.client.post(NEW, data)
    assert response.status_code == 422
    assert "field-errors" in response.content.decode()
    assert not Segment.objects.exists()


@pytest.mark.parametrize(
    "act",
    [
        "remove:9",
        "up:x",
        "word:root:none",
        "add:0-0-0",
        "use:root:measure:orders_90d",
        "explode:0",
        ":",
        "down:0",
    ],
)
def test_acts_that_make_no_sense_change_nothing(visitor: Visitor, act: str) -> None:
    visitor.press("add:root").press("use:0:measure:orders_90d")
    before = visitor.form.values
    response = visitor.client.post(NEW, {**visitor.form.sends("show"), "condition.act": act})
    assert response.status_code == 200
    after = Form(response.content.decode()).values
    assert {k: v for k, v in after.items() if k != "csrfmiddlewaretoken"} == {
        k: v for k, v in before.items() if k != "csrfmiddlewaretoken"
    }


def test_more_nodes_and_levels_than_a_tree_may_have_are_refused_not_dropped(visitor: Visitor) -> None:
    wide: dict[str, Any] = {"name_en": "A", "condition.root.is": "all"}
    for number in range(MOST_NODES + 5):
        wide[f"condition.{number}.is"] = "leaf"
        wide[f"condition.{number}.what"] = "measure:orders_90d"
        wide[f"condition.{number}.op"] = "is_known"
    response = visitor.client.post(NEW, wide)
    assert response.status_code == 422
    assert "more than 200 conditions" in response.content.decode()
    deep: dict[str, Any] = {"name_en": "A"}
    for depth in range(DEEPEST + 3):
        deep[f"condition.{draft.written((0,) * depth)}.is"] = "all"
    deep[f"condition.{draft.written((0,) * (DEEPEST + 3))}.is"] = "leaf"
    assert visitor.client.post(NEW, deep).status_code == 422
    assert not Segment.objects.exists()


# --- With script ------------------------------------------------------------------------------
def test_fragment_draws_the_editor_and_the_outcome_without_writing(
    visitor: Visitor, customer: Customer
) -> None:
    measured(customer, orders_90d=5)
    measured(CustomerFactory(name="Few & Co"), orders_90d=1)
    visitor.press("add:root")
    url = reverse("retention:condition_editor")
    answer = visitor.client.post(url, visitor.form.sends("use:0:measure:orders_90d"))
    html = answer.content.decode()
    assert answer.status_code == 200
    assert html.strip().startswith('<div class="cond" id="condition-editor">')
    assert re.search(r'<select[^>]*id="condition-0-op"[^>]*autofocus', html)
    sent = {**visitor.form.sends(), "condition.0.what": "measure:orders_90d", "condition.0.op": ">="}
    part = visitor.client.post(url + "?part=outcome", {**sent, "condition.0.value": "2"}).content.decode()
    assert part.strip().startswith('<section class="cond-outcome card" id="condition-outcome"')
    assert 'data-count="1"' in part and "Blue Lake Trading" in part and "Few" not in part
    assert 'id="condition-0-problem" hx-swap-oob="true"' in part
    more = visitor.client.post(url + "?part=outcome", {**sent, "condition.0.value": "1"}).content.decode()
    assert 'data-count="2"' in more and "Few &amp; Co" in more
    bad = visitor.client.post(url + "?part=outcome", {**sent, "condition.0.value": "x"}).content.decode()
    assert "data-count" not in bad and "not a number" in problem_at(bad, "0")
    assert not Segment.objects.exists()


@pytest.mark.parametrize(("role", "seen"), [("lead", 1), ("admin", 2)])
def test_live_count_is_about_the_customers_that_one_may_see(
    client: Any, request: Any, role: str, seen: int, customer: Customer, company: Any
) -> None:
    measured(customer, orders_90d=5)
    measured(CustomerFactory(name="Foreign", owner=None, team=_other_team()), orders_90d=5)
    client.force_login(request.getfixturevalue(role))
    sent = {
        "editor": "condition",
        "condition.root.is": "all",
        "condition.0.is": "leaf",
        "condition.0.what": "measure:orders_90d",
        "condition.0.op": ">=",
        "condition.0.value": "2",
    }
    html = client.post("/conditions/?part=outcome", sent).content.decode()
    assert f'data-count="{seen}"' in html and ("Foreign" in html) is (seen == 2)


def _other_team() -> Any:
    from tests.factories import TeamFactory

    return TeamFactory()


def test_fragment_is_for_those_who_edit_and_for_posts(client: Any, manager: Any, admin: Any) -> None:
    client.force_login(manager)
    assert client.post("/conditions/", {"editor": "condition"}).status_code == 403
    client.force_login(admin)
    assert client.get("/conditions/").status_code == 405
    for name in ("", "A", "x y", '"><script>', "a" * 40):
        assert client.post("/conditions/", {"editor": name}).status_code == 404


def test_names_of_attributes_segments_and_customers_are_escaped(visitor: Visitor) -> None:
    hostile = "<script>alert(1)</script>"
    Attribute.objects.update(label_en=hostile, label_zh=hostile)
    segments.make_list("bad", name_en=hostile, name_zh=hostile, by=None, at=NOW)
    measured(CustomerFactory(name=hostile), orders_90d=5)
    visitor.press("add:root").press("use:0:attribute:industry").press("show", condition__0__value="<b>x</b>")
    assert hostile not in visitor.html and "<b>x</b>" not in visitor.html
    assert "&lt;script&gt;" in visitor.html
    visitor.press("add:root").press("use:1:measure:orders_90d").press("add:root", condition__1__value=hostile)
    visitor.press("use:2:segment:bad").press("remove:0").press("show", condition__0__value="1")
    visitor.press("remove:1")
    assert 'data-count="1"' in visitor.html
    assert hostile not in visitor.html


# --- Drafts -----------------------------------------------------------------------------------
TREES = [
    {"measure": "orders_90d", "op": ">=", "value": 4},
    {"measure": "spend_90d", "op": "between", "value": [100, "12345.5"]},
    {"measure": "spend_90d", "op": "<", "factor": "0.5", "other": "spend_prev_90d"},
    {"measure": "last_order_day", "op": "<", "value": "2026-05-11"},
    {"measure": "owner_inactive", "op": "=", "value": 1},
    {"measure": "orders_90d", "op": "one_of", "value": [1, 4]},
    {"measure": "overdue_ratio", "op": "is_unknown"},
    {"not": {"all": [{"measure": "orders_90d", "op": "<", "value": 4}]}},
    {
        "any": [
            {"not": {"measure": "orders_90d", "op": "<", "value": 4}},
            {"all": [{"measure": "overdue_ratio", "op": ">", "value": "2.5"}]},
        ]
    },
]


@pytest.mark.parametrize("tree", TREES)
def test_a_stored_tree_is_the_same_after_editing_nothing(company: Any, tree: Any) -> None:
    root = trees.draft_of(tree, currency="CNY")
    assert parse(trees.tree_of(root, currency="CNY")).as_json() == tree


def test_amounts_are_typed_in_the_major_unit_of_any_currency() -> None:
    tree = {"measure": "spend_90d", "op": ">=", "value": 123450}
    for currency, typed in [("CNY", "1234.5"), ("JPY", "123450"), ("BHD", "123.45")]:
        root = trees.draft_of(tree, currency=currency)
        assert root.parts[0].values == (typed,)  # type: ignore[union-attr]
        assert trees.tree_of(root, currency=currency)["value"] in ("123450", "123450.0")


def test_a_tree_that_no_longer_stands_can_still_be_mended() -> None:
    tree = {"all": [{"measure": "gone", "op": "<", "value": 1}, {"odd": 1}, 7, {"not": None}]}
    root = trees.draft_of(tree, currency="CNY")
    assert [part.what for part in root.parts] == ["measure:gone", "", "", ""]  # type: ignore[union-attr]


def test_every_measure_offers_exactly_the_comparisons_of_its_unit(company: Any) -> None:
    known = terms.known()
    for measure in every().values():
        leaf = LeafDraft(f"measure:{measure.code}")
        plain = {op for op in allowed_ops(leaf, known) if not op.startswith("x")}
        assert plain == OPERATORS[measure.unit]
        for op in allowed_ops(leaf, known):
            assert control_of(LeafDraft(leaf.what, op), known, currency="CNY").kind
    assert {measure.unit for measure in every().values()} >= {Unit.COUNT, Unit.MONEY, Unit.DAY, Unit.RATIO}


def test_places_are_read_as_they_are_written_and_nothing_else() -> None:
    for place in [(), (0,), (1, 20, 3)]:
        assert draft.read_place(draft.written(place)) == place
    for text in ["", "-", "1-", "a", "-1", "1--2", "１", "1-" * 40 + "1"]:
        assert draft.read_place(text) is None
    assert draft.at(GroupDraft(parts=(LeafDraft(),)), (0, 0)) is None


@pytest.mark.parametrize("count", [1, 3])
def test_editor_takes_the_same_queries_for_any_number_of_conditions(
    visitor: Visitor, count: int, django_assert_max_num_queries: Any
) -> None:
    for number in range(count):
        visitor.press("add:root").press(f"use:{number}:attribute:industry")
        visitor.press("show", **{f"condition.{number}.value": "food"})
    with django_assert_max_num_queries(12):
        visitor.client.post("/conditions/", visitor.form.sends("show"))


def test_values_of_attributes_are_counted_live(visitor: Visitor, customer: Customer) -> None:
    measured(customer, orders_90d=1)
    AttributeValue.objects.create(
        customer=customer,
        attribute=Attribute.objects.get(),
        choice="food",
        occurred_at=NOW,
        occurred_day=1,
        recorded_at=NOW,
    )
    visitor.press("add:root").press("use:0:attribute:industry").press("show", condition__0__value="food")
    assert 'data-count="1"' in visitor.html


def test_a_comparison_may_hold_when_unknown_and_says_so(visitor: Visitor, customer: Customer) -> None:
    measured(customer)
    leaf = "condition.0"
    visitor.press("add:root").press("use:0:measure:days_since_last_contact")
    visitor.press("show", **{f"{leaf}.op": ">=", f"{leaf}.value": "60"})
    assert 'data-count="0"' in visitor.html
    assert f'name="{leaf}.unknown" value="yes">' in visitor.html
    visitor.press("show", **{f"{leaf}.unknown": "yes"})
    assert f'name="{leaf}.unknown" value="yes" checked>' in visitor.html
    assert "or this is unknown" in visitor.html
    assert 'data-count="1"' in visitor.html
    visitor.press("show", **{f"{leaf}.op": "is_known"})
    assert f"{leaf}.unknown" not in visitor.html


def test_what_an_unknown_counts_as_is_kept_by_the_editor() -> None:
    for rest in ({"op": ">=", "value": 60}, {"op": "<", "factor": "2", "other": "usual_interval"}):
        tree = {"measure": "days_since_last_contact", **rest, "unknown": "yes"}
        root = trees.draft_of(tree, currency="CNY")
        assert trees.tree_of(root, currency="CNY") == {**tree, **({"value": "60"} if "value" in rest else {})}
