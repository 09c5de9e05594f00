"""Points, rewards and redemptions by program: what each call does, gives and refuses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import merges
from customers.ground import clock
from customers.ground.models import ApiAnswer
from customers.models import Customer, ExternalRef, ImportBatch
from loyalty.models import (
    PointsAccount,
    PointsAdjustment,
    PointsEntry,
    Programme,
    Redemption,
    Referral,
    Reward,
)
from loyalty.rewards import codes
from tests.factories import NOW, CustomerFactory, TeamFactory, UserFactory
from tests.loyalty.factories import ProgrammeFactory, earn, make_account, redeem, sums
from tests.loyalty.rewarding import make_reward, make_tier

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
TODAY = NOW.date().toordinal()


@pytest.fixture(autouse=True)
def programme(company: Any) -> Programme:
    """A programme that runs, on the factories' Monday."""
    clock.fix(NOW)
    return ProgrammeFactory(referral_referrer=50, pending_days=0)


@pytest.fixture
def account() -> PointsAccount:
    return make_account()


@pytest.fixture
def manager() -> Any:
    return UserFactory(role="account_manager", team=TeamFactory())


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


class TestReading:
    def test_programme_shows_its_settings_and_tiers(self, program: Any, programme: Programme) -> None:
        make_tier("gold", 1000)
        said = program.get(f"loyalty-programmes/{programme.pk}/").json()
        assert (said["state"], said["expiry"], said["expiry_months"]) == ("live", "months", 12)
        assert said["remind_days"] == [30, 15, 7, 1]
        assert [(tier["code"], tier["threshold"]) for tier in said["tiers"]] == [("gold", 1000)]
        listed = program.get("loyalty-programmes/", state="draft").json()
        assert listed["results"] == []

    def test_an_account_of_who_was_merged_away_is_not_listed_and_still_reached(
        self, program: Any, account: PointsAccount
    ) -> None:
        other = make_account()
        merges.merge_customers(account.customer, other.customer, reason="Same.", by=None, at=NOW)
        assert [row["id"] for row in program.get("points-accounts/").json()["results"]] == [account.pk]
        assert program.get(f"points-accounts/{other.pk}/").status_code == 200

    def test_account_shows_balance_pending_next_expiry_and_progress(
        self, program: Any, account: PointsAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gold = make_tier("gold", 10_000)
        earn(account, 100, expires_day=TODAY + 5)
        earn(account, 30, expires_day=TODAY + 5)
        earn(account, 70)
        earn(account, 9, usable_day=TODAY + 3)
        said = program.get(f"points-accounts/{account.pk}/").json()
        assert (said["balance"], said["usable"], said["pending"], said["debt"]) == (200, 200, 9, 0)
        assert said["next_expiry"] == {"points": 130, "last_on": "2026-05-16"}
        progress = said["tier_progress"]
        assert (progress["next_tier"], progress["to_next"], progress["to_keep"]) == (gold.pk, 10_000, 0)
        monkeypatch.setattr(clock, "now", lambda: NOW + 6 * DAY)  # past the last day, and nothing was written
        said = program.get(f"points-accounts/{account.pk}/").json()
        assert (said["balance"], said["usable"], said["pending"]) == (200, 79, 9)
        assert said["next_expiry"]["points"] == 79

    def test_accounts_are_found_by_customer_and_tier(self, program: Any) -> None:
        gold, silver = make_tier("gold", 10), make_tier("silver", 5)
        one, two, three = (make_account() for _n in range(3))
        PointsAccount.objects.filter(pk=one.pk).update(tier=gold)
        PointsAccount.objects.filter(pk=two.pk).update(tier=silver)

        def found(**query: Any) -> set[int]:
            return {row["id"] for row in program.get("points-accounts/", **query).json()["results"]}

        assert found() == {one.pk, two.pk, three.pk}
        assert found(tier=gold.pk) == {one.pk}
        assert found(customer=three.customer_id) == {three.pk}

    def test_statement_is_paged_and_keeps_its_balances(self, program: Any, account: PointsAccount) -> None:
        for n in range(5):
            earn(account, 10, at=NOW - (9 - n) * DAY)
        redeem(account, 25, note="At the counter.")
        path = f"points-accounts/{account.pk}/entries/"
        whole = [(row["points"], row["balance"]) for row in program.get(path).json()["results"]]
        assert whole == [(-25, 25), (10, 50), (10, 40), (10, 30), (10, 20), (10, 10)]
        paged: list[tuple[int, int]] = []
        query: dict[str, Any] = {"page_size": 2}
        while True:
            page = program.get(path, **query).json()
            paged += [(row["points"], row["balance"]) for row in page["results"]]
            if page["next"] is None:
                break
            query["cursor"] = page["next"].partition("cursor=")[2].partition("&")[0]
        assert paged == whole
        upwards = program.get(path, order="occurred_at").json()["results"]
        assert [(row["points"], row["balance"]) for row in upwards] == whole[::-1]
        assert upwards[-1]["note"] == "At the counter."

    def test_statement_as_of_a_moment_is_what_was_known_then(
        self, program: Any, account: PointsAccount
    ) -> None:
        earn(account, 10, at=NOW - 9 * DAY)
        earn(account, 5, at=NOW - DAY, occurred_at=NOW - 20 * DAY)  # told later
        redeem(account, 4, at=NOW)
        path = f"points-accounts/{account.pk}/entries/"

        def said(moment: Any) -> list[tuple[int, int]]:
            rows = program.get(path, as_of=moment.isoformat()).json()["results"]
            return [(row["points"], row["balance"]) for row in rows]

        assert said(NOW - 2 * DAY) == [(10, 10)]
        assert said(NOW - DAY) == [(10, 15), (5, 5)]
        assert said(NOW) == [(-4, 11), (10, 15), (5, 5)]

    def test_lots_are_listed_open_or_used_up(self, program: Any, account: PointsAccount) -> None:
        earn(account, 10, expires_day=TODAY + 1)
        earn(account, 20)
        redeem(account, 10)
        path = f"points-accounts/{account.pk}/lots/"
        assert [row["left"] for row in program.get(path).json()["results"]] == [0, 20]
        (used,) = program.get(path, is_open="false").json()["results"]
        assert (used["points"], used["expires_on"]) == (10, "2026-05-12")
        assert [row["left"] for row in program.get(path, is_open="true").json()["results"]] == [20]

    def test_statement_takes_as_many_queries_for_30_entries_as_for_3(
        self, program: Any, account: PointsAccount
    ) -> None:
        def queries() -> int:
            with CaptureQueriesContext(connection) as seen:
                program.get(f"points-accounts/{account.pk}/entries/")
            return len([one for one in seen if "ratecounter" not in one["sql"]])

        for _n in range(3):
            earn(account, 1)
        queries()
        few = queries()
        for _n in range(27):
            earn(account, 1)
        assert queries() == few


class TestMoving:
    def test_redeem_takes_points_and_the_same_key_takes_them_once(
        self, program: Any, account: PointsAccount
    ) -> None:
        earn(account, 100)
        path = f"points-accounts/{account.pk}/redeem/"
        answer = program("post", path, {"points": 40, "note": "At the till."}, key="till-1")
        assert answer.status_code == 201
        said = answer.json()
        assert (said["points"], said["balance"], said["note"], said["kind"]) == (
            -40,
            60,
            "At the till.",
            "redeem",
        )
        again = program("post", path, {"points": 40, "note": "At the till."}, key="till-1")
        assert (again.json(), again["Idempotency-Replayed"]) == (said, "true")
        assert sums(account) == (60, 0, 0)
        assert code_of(program("post", path, {"points": 61})) == (409, "not_enough_points")
        assert code_of(program("post", path, {"points": 40}, key=None)) == (428, "key_required")
        assert sums(account) == (60, 0, 0)

    def test_key_counts_in_the_ledger_when_its_answer_is_forgotten(
        self, program: Any, account: PointsAccount
    ) -> None:
        earn(account, 100)
        path = f"points-accounts/{account.pk}/redeem/"
        first = program("post", path, {"points": 40}, key="till-1").json()
        ApiAnswer.objects.all().delete()
        assert program("post", path, {"points": 40}, key="till-1").json()["id"] == first["id"]
        assert sums(account) == (60, 0, 0)

    def test_earn_counts_once_for_its_id_and_lands_like_a_batch(
        self, program: Any, account: PointsAccount
    ) -> None:
        path = f"points-accounts/{account.pk}/earn/"
        body = {"points": 50, "source": "training", "external_id": "course-7", "expires_on": "2026-06-30"}
        said = program("post", path, body).json()
        assert (said["points"], said["balance"], said["kind"]) == (50, 50, "earn")
        assert program("post", path, body).json()["id"] == said["id"]
        assert code_of(program("post", path, {**body, "points": 51})) == (409, "points_reference_taken")
        other = make_account()
        answer = program("post", f"points-accounts/{other.pk}/earn/", body)
        assert code_of(answer) == (409, "points_reference_taken")
        assert (sums(account), sums(other)) == ((50, 0, 0), (0, 0, 0))
        assert account.lots.get().expires_day == 739797  # 30 June 2026
        tomorrow = {**body, "external_id": "course-8", "occurred_at": (NOW + DAY).isoformat()}
        assert program("post", path, tomorrow).status_code == 409
        assert sums(account) == (50, 0, 0)

    def test_who_does_not_decide_asks_for_an_adjustment(self, caller: Any, account: PointsAccount) -> None:
        admin = UserFactory(role="admin")
        asking = caller(UserFactory(role="integration"))
        path = f"points-accounts/{account.pk}/adjust/"
        answer = asking("post", path, {"points": 20, "reason": "Late twice."})
        assert (answer.status_code, answer.json()["state"]) == (201, "asked")
        waiting = answer.json()["id"]
        assert sums(account) == (0, 0, 0)
        assert code_of(asking("post", f"points-adjustments/{waiting}/grant/")) == (403, "role_not_allowed")
        granted = caller(admin)("post", f"points-adjustments/{waiting}/grant/")
        assert granted.json()["state"] == "granted"
        assert sums(account) == (20, 0, 0)
        again = caller(admin)("post", f"points-adjustments/{waiting}/decline/")
        assert code_of(again) == (409, "points_adjustment_decided")
        assert PointsAdjustment.objects.get().decided_by == admin

    def test_entry_is_reversed_by_a_lead_and_once(self, caller: Any, account: PointsAccount) -> None:
        entry = earn(account, 30)
        admin = caller(UserFactory(role="admin"))
        path = f"points-entries/{entry.pk}/reverse/"
        said = admin("post", path, {"reason": "Wrong customer."})
        assert said.status_code == 201
        assert (said.json()["points"], said.json()["reverses"], said.json()["note"]) == (
            *(-30, entry.pk),
            "Wrong customer.",
        )
        assert sums(account) == (0, 0, 0)
        assert code_of(admin("post", path, {"reason": "Again."})) == (409, "points_more_than_moved")
        program = caller(UserFactory(role="integration"))
        assert code_of(program("post", path, {"reason": "No."})) == (403, "role_not_allowed")

    def test_account_is_opened_once(self, program: Any) -> None:
        customer = CustomerFactory()
        first = program("post", "points-accounts/", {"customer": customer.pk})
        assert first.status_code == 201
        again = program("post", "points-accounts/", {"customer": customer.pk})
        assert again.json()["id"] == first.json()["id"]
        Programme.objects.update(state="draft")
        other = program("post", "points-accounts/", {"customer": CustomerFactory().pk})
        assert code_of(other) == (409, "no_programme")

    def test_referral_is_noted_by_code(self, program: Any, account: PointsAccount) -> None:
        friend = CustomerFactory()
        body = {"code": account.referral_code, "customer": friend.pk}
        said = program("post", "referrals/", body)
        assert (said.status_code, said.json()["referrer"], said.json()["state"]) == (
            201,
            account.pk,
            "waiting",
        )
        assert code_of(program("post", "referrals/", body)) == (409, "referred_before")
        own = {"code": account.referral_code, "customer": account.customer_id}
        assert code_of(program("post", "referrals/", own)) == (409, "self_referral")
        assert Referral.objects.count() == 1


class TestRewards:
    def test_reward_is_made_changed_and_offered(self, program: Any) -> None:
        body = {"code": "tin", "name": "Tin", "points": 500, "stock": 2, "until_on": "2026-05-31"}
        made = program("post", "rewards/", body)
        assert made.status_code == 201, made.content
        said, path = made.json(), f"rewards/{made.json()['id']}/"
        assert (said["is_on"], said["until_on"], said["stock"]) == (False, "2026-05-31", 2)
        assert code_of(program("post", "rewards/", body)) == (409, "reward_code_taken")
        assert code_of(program("patch", path, {"points": 450})) == (428, "match_required")
        changed = program("patch", path, {"points": 450}, If_Match=made["ETag"])
        assert changed.json()["points"] == 450
        assert program("post", f"{path}offer/").json()["is_on"]
        assert program("post", f"{path}stock/", {"count": 3}).json()["stock"] == 5
        assert code_of(program("post", f"{path}stock/", {"count": -6})) == (409, "reward_stock")
        assert not program("post", f"{path}retire/").json()["is_on"]
        wrong = program("post", "rewards/", {**body, "code": "x", "tier": 999_999})
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "#/tier")

    def test_codes_are_added_and_those_that_stand_are_named(self, program: Any) -> None:
        reward = make_reward(kind="code", stock=None)
        said = program("post", f"rewards/{reward.pk}/codes/", {"text": "A\nB\nA"}).json()
        assert said == {"added": 2, "twice": [{"line": 3, "code": "A"}], "known": [], "stock": 2}
        said = program("post", f"rewards/{reward.pk}/codes/", {"text": "B"}).json()
        assert said == {"added": 0, "twice": [], "known": [{"line": 1, "code": "B"}], "stock": 2}

    def test_redemption_goes_its_way_and_back(self, program: Any, account: PointsAccount) -> None:
        reward = make_reward(points=100, stock=1)
        earn(account, 150)
        body = {"account": account.pk, "reward": reward.pk, "contact": account.customer.contacts.get().pk}
        answer = program("post", "redemptions/", body, key="wish-1")
        assert answer.status_code == 201, answer.content
        said = answer.json()
        assert (said["state"], said["points"], said["code"]) == ("asked", 100, "")
        assert answer["Location"].endswith(f"/redemptions/{said['id']}/")
        path = f"redemptions/{said['id']}/"
        sent = program("post", f"{path}state/", {"state": "sent", "tracking": "SF1"}).json()
        assert (sent["state"], sent["tracking"]) == ("sent", "SF1")
        assert code_of(program("post", f"{path}state/", {"state": "ready"})) == (409, "redemption_move")
        assert program("post", f"{path}state/", {"state": "cancelled"}).status_code == 400
        cancelled = program("post", f"{path}cancel/", {"reason": "Broken."}).json()
        assert (cancelled["state"], cancelled["note"]) == ("cancelled", "Broken.")
        assert sums(account) == (150, 0, 0)
        listed = program.get("redemptions/", customer=account.customer_id, state="cancelled").json()
        assert [row["id"] for row in listed["results"]] == [said["id"]]

    @pytest.mark.parametrize(
        ("given", "code"),
        [
            ({"stock": 0}, "reward_gone"),
            ({"is_on": False}, "reward_not_offered"),
            ({"points": 101}, "not_enough_points"),
            ({}, ""),
        ],
    )
    def test_refusals_name_themselves(
        self, program: Any, account: PointsAccount, given: dict[str, Any], code: str
    ) -> None:
        reward = make_reward(**given)
        earn(account, 100)
        answer = program("post", "redemptions/", {"account": account.pk, "reward": reward.pk})
        assert code_of(answer) == (409 if code else 201, code)
        assert Redemption.objects.exists() is not bool(code)

    def test_code_is_shown_to_who_hands_it_on_and_not_to_the_analyst(
        self, program: Any, caller: Any, account: PointsAccount
    ) -> None:
        reward = make_reward(kind="code", stock=None)
        codes.add_codes(reward, "SECRET-1", by=None, at=NOW)
        earn(account, 100)
        said = program("post", "redemptions/", {"account": account.pk, "reward": reward.pk}).json()
        assert (said["state"], said["code"]) == ("done", "SECRET-1")
        analyst = caller(UserFactory(role="analyst"))
        assert analyst.get(f"redemptions/{said['id']}/").json()["code"] == ""
        refused = program("post", f"redemptions/{said['id']}/cancel/", {"reason": "Changed her mind."})
        assert code_of(refused) == (409, "redemption_cancel")
        lead = caller(UserFactory(role="admin"))
        gone = lead("post", f"redemptions/{said['id']}/cancel/", {"reason": "Not readable."}).json()
        assert (gone["state"], gone["code"]) == ("cancelled", "")
        assert Reward.objects.get().stock == 0


class TestRights:
    def test_manager_acts_for_her_customers_alone(self, caller: Any, manager: Any) -> None:
        mine = make_account(CustomerFactory(owner=manager))
        other = make_account()
        for account in (mine, other):
            earn(account, 100)
        her, reward = caller(manager), make_reward(points=10)
        assert [row["id"] for row in her.get("points-accounts/").json()["results"]] == [mine.pk]
        for path in ("", "entries/", "lots/"):
            assert her.get(f"points-accounts/{mine.pk}/{path}").status_code == 200
            assert her.get(f"points-accounts/{other.pk}/{path}").status_code == 404
        took = her("post", "redemptions/", {"account": mine.pk, "reward": reward.pk})
        assert (took.status_code, sums(mine)) == (201, (90, 0, 0))
        alone = her(
            "post", f"points-accounts/{mine.pk}/redeem/", {"points": 1}
        )  # of nothing in the catalogue
        assert (code_of(alone), sums(mine)) == ((403, "role_not_allowed"), (90, 0, 0))
        asked = her("post", "redemptions/", {"account": other.pk, "reward": reward.pk})
        assert (asked.status_code, asked.json()["errors"][0]["code"]) == (400, "does_not_exist")
        entry = PointsEntry.objects.filter(account=other).get()
        assert her.get(f"points-entries/{entry.pk}/").status_code == 404
        assert sums(other) == (100, 0, 0)
        assert her("post", f"points-accounts/{mine.pk}/earn/", {}).status_code == 403
        assert her("post", "rewards/", {}).status_code == 403

    @pytest.mark.parametrize(
        ("scope", "path", "body"),
        [
            ("loyalty:read", "points-accounts/{}/redeem/", {"points": 1}),
            ("loyalty:redeem", "points-accounts/{}/adjust/", {"points": 1, "reason": "x"}),
            ("loyalty:adjust", "points-accounts/{}/earn/", {"points": 1, "source": "a", "external_id": "b"}),
            ("loyalty:earn", "rewards/", {"code": "x", "name": "X", "points": 1}),
        ],
    )
    def test_scope_opens_its_own_acts_alone(
        self, caller: Any, account: PointsAccount, scope: str, path: str, body: dict[str, Any]
    ) -> None:
        earn(account, 10)
        answer = caller(UserFactory(role="integration"), [scope])("post", path.format(account.pk), body)
        assert code_of(answer) == (403, "scope_missing")
        assert sums(account) == (10, 0, 0)

    @pytest.mark.parametrize("role", ["account_manager", "team_lead", "admin"])
    def test_points_for_what_happened_elsewhere_come_from_programs_alone(
        self, caller: Any, account: PointsAccount, role: str
    ) -> None:
        """A person adjusts: within the limit, or with a second one."""
        body = {"points": 10**9, "source": "x", "external_id": "1"}
        person = caller(UserFactory(role=role, team=TeamFactory()))
        answer = person("post", f"points-accounts/{account.pk}/earn/", body)
        assert (code_of(answer), sums(account)) == ((403, "role_not_allowed"), (0, 0, 0))

    def test_manager_opens_accounts_of_her_customers_alone(
        self, caller: Any, manager: Any, programme: Any
    ) -> None:
        mine, other = CustomerFactory(owner=manager), CustomerFactory()
        her = caller(manager)
        made = her("post", "points-accounts/", {"customer": mine.pk})
        assert (made.status_code, made.json()["customer"]) == (201, mine.pk)
        refused = her("post", "points-accounts/", {"customer": other.pk})
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (400, "does_not_exist")
        assert PointsAccount.objects.count() == 1
        Customer.objects.filter(pk=mine.pk).update(erased_at=NOW)
        assert her("post", "points-accounts/", {"customer": mine.pk}).status_code == 201  # it has one
        gone = CustomerFactory(owner=manager, erased_at=NOW)
        assert code_of(her("post", "points-accounts/", {"customer": gone.pk}))[1] == "erased"
        analyst = caller(UserFactory(role="analyst"))
        assert analyst("post", "points-accounts/", {"customer": other.pk}).status_code == 403

    def test_lead_still_opens_accounts_and_redeems_points(self, caller: Any, account: PointsAccount) -> None:
        earn(account, 10)
        admin = caller(UserFactory(role="admin"))
        assert admin("post", "points-accounts/", {"customer": CustomerFactory().pk}).status_code == 201
        assert admin("post", f"points-accounts/{account.pk}/redeem/", {"points": 4}).status_code == 201
        assert sums(account) == (6, 0, 0)

    def test_nothing_is_redeemed_for_an_erased_customer(self, program: Any, account: PointsAccount) -> None:
        earn(account, 100)
        Customer.objects.update(erased_at=NOW)
        body = {"account": account.pk, "reward": make_reward(points=10).pk}
        assert code_of(program("post", "redemptions/", body)) == (409, "erased")
        path = f"points-accounts/{account.pk}/redeem/"
        assert code_of(program("post", path, {"points": 1})) == (409, "erased")
        assert sums(account) == (100, 0, 0)

    def test_analyst_reads_and_moves_nothing(self, caller: Any, account: PointsAccount) -> None:
        analyst = caller(UserFactory(role="analyst"))
        assert analyst.get(f"points-accounts/{account.pk}/").status_code == 200
        for path in (f"points-accounts/{account.pk}/redeem/", "redemptions/", "referrals/"):
            assert code_of(analyst("post", path, {})) == (403, "role_not_allowed")


class TestBatch:
    def test_batch_says_of_each_movement_what_became_of_it(self, program: Any) -> None:
        people = {"source": "card", "records": [{"external_id": "C-1", "name": "Blue Lake"}]}
        assert program("post", "batch/customers/", people).json()["created"] == 1

        def send(*records: dict[str, Any]) -> Any:
            said = program("post", "batch/points/", {"source": "card", "records": list(records)})
            assert said.status_code == 200, said.content
            return said.json()

        def record(name: str, kind: str, points: Any, moment: str, **more: Any) -> dict[str, Any]:
            at = f"{moment}T09:00:00+08:00"
            return {
                "external_id": name,
                "customer": "C-1",
                "kind": kind,
                "points": points,
                "occurred_at": at,
                **more,
            }

        said = send(
            record("P-3", "redeem", 120, "2026-03-01"),  # before what covers it: moments count, not places
            record("P-1", "opening", 100, "2026-01-01", expires_on="2026-12-31"),
            record("P-2", "earn", 30, "2026-02-01"),
            record("P-4", "redeem", 11, "2026-04-01"),
            record("P-5", "earn", 1.5, "2026-04-01"),
            record("P-6", "gift", 1, "2026-04-01"),
        )
        assert [one["status"] for one in said["results"]] == ["created"] * 3 + ["refused"] * 3
        assert [(e["pointer"], e["code"]) for one in said["results"] for e in one["errors"]] == [
            ("#/records/3/points", "points_not_covered"),
            ("#/records/4/points", "points_not_whole"),
            ("#/records/5/kind", "invalid_choice"),
        ]
        numbers = dict(ExternalRef.objects.filter(kind="pointsentry").values_list("external_id", "object_id"))
        assert [one["id"] for one in said["results"][:3]] == [numbers["P-3"], numbers["P-1"], numbers["P-2"]]
        assert PointsAccount.objects.get().balance == 10
        again = send(record("P-2", "earn", 30, "2026-02-01"), record("P-1", "opening", 101, "2026-01-01"))
        assert [one["status"] for one in again["results"]] == ["unchanged", "refused"]
        assert again["results"][1]["errors"][0]["code"] == "points_entry_fixed"
        assert PointsEntry.objects.count() == 3
        assert ImportBatch.objects.get(kind="points").created == 3
