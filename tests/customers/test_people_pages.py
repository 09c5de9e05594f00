"""Users, teams, sign-in, language: what a colleague may do with accounts."""

from __future__ import annotations

import pytest
from django.urls import reverse

from customers.ground.models import AuditEvent
from customers.models import Customer, Team, User, UserActivity
from tests.factories import PASSWORD, CustomerFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(company):
    return UserFactory(username="boss", role="admin")


def form(**values):
    return {
        "username": "newbie",
        "password": "a long enough one",
        "first_name": "New",
        "last_name": "Bie",
        "email": "newbie@example.com",
        "role": "account_manager",
        "language": "en",
        **values,
    }


def test_admin_makes_a_colleague_who_can_sign_in(client, boss):
    client.force_login(boss)
    assert client.post(reverse("customers:user_new"), form()).status_code == 302
    user = User.objects.get(username="newbie")
    assert user.check_password("a long enough one") and not user.is_staff
    assert UserActivity.objects.filter(user=user, is_active=True).count() == 1
    assert AuditEvent.objects.filter(act="user.create", object_id=user.pk, actor_id=boss.pk).count() == 1


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"username": "BOSS"}, "is taken"),
        ({"password": "123"}, "too short"),
        ({"role": "emperor"}, "not one of the available choices"),
        ({"email": "boss@example.com"}, "has this e-mail"),
        ({"capacity": "-1"}, "greater than or equal to 0"),
    ],
)
def test_new_colleague_is_refused_in_words_when_the_input_is_bad(client, boss, values, words):
    client.force_login(boss)
    response = client.post(reverse("customers:user_new"), form(**values))
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not User.objects.filter(username="newbie").exists()


def test_user_without_password_sets_it_by_mail(client, boss, mailoutbox):
    client.force_login(boss)
    client.post(reverse("customers:user_new"), form(password=""))
    client.logout()
    client.post(reverse("account_reset_password"), {"email": "newbie@example.com"})
    assert len(mailoutbox) == 1 and mailoutbox[0].to == ["newbie@example.com"]


def test_last_admin_cannot_be_locked_out_or_demoted(client, boss):
    client.force_login(boss)
    client.post(reverse("customers:user_set_active", args=[boss.pk]), {"active": "0"})
    client.post(reverse("customers:user_edit", args=[boss.pk]), form(role="analyst", email=boss.email))
    boss.refresh_from_db()
    assert boss.is_active and boss.role == "admin"


def test_admin_can_be_demoted_when_another_is_left(client, boss):
    other = UserFactory(role="admin")
    client.force_login(boss)
    client.post(reverse("customers:user_edit", args=[other.pk]), form(role="analyst", email="x@example.com"))
    other.refresh_from_db()
    assert other.role == "analyst" and not other.is_superuser


def test_role_that_owns_nothing_is_refused_while_customers_are_owned(client, boss, manager):
    CustomerFactory(owner=manager)
    client.force_login(boss)
    response = client.post(
        reverse("customers:user_edit", args=[manager.pk]), form(role="analyst", email="m@example.com")
    )
    assert "still owns 1 customers" in response.content.decode()
    manager.refresh_from_db()
    assert manager.role == "account_manager"


def test_change_of_team_moves_the_customers_with_their_owner(client, boss, manager):
    customer, other = CustomerFactory(owner=manager), TeamFactory()
    client.force_login(boss)
    client.post(reverse("customers:user_edit", args=[manager.pk]), form(team=other.pk, email="m@example.com"))
    assert Customer.objects.get(pk=customer.pk).team == other
    newest = customer.ownerships.order_by("-occurred_at", "-pk").first()
    assert (newest.user, newest.team) == (manager, other)
    assert AuditEvent.objects.filter(act="customer.assign_owner", customer_id=customer.pk).exists()


def test_locked_colleague_cannot_sign_in(client, boss, manager):
    client.force_login(boss)
    client.post(reverse("customers:user_set_active", args=[manager.pk]), {"active": "0"})
    client.logout()
    client.post(reverse("account_login"), {"login": "manager", "password": PASSWORD})
    assert "_auth_user_id" not in client.session
    assert UserActivity.objects.filter(user=manager, is_active=False).count() == 1


def test_lead_sees_her_team_only_and_may_change_nobody(client, lead, manager, company):
    stranger = UserFactory(username="stranger", team=TeamFactory())
    client.force_login(lead)
    page = client.get(reverse("customers:user_list")).content.decode()
    assert manager.username in page and stranger.username not in page
    assert client.get(reverse("customers:user_edit", args=[manager.pk])).status_code == 403
    assert client.post(reverse("customers:user_new"), form()).status_code == 403


def test_account_manager_may_not_list_users(client, manager):
    client.force_login(manager)
    assert client.get(reverse("customers:user_list")).status_code == 403


@pytest.mark.parametrize("more", [1, 3])
def test_list_of_users_takes_the_same_queries_for_any_number(
    client, boss, more, django_assert_max_num_queries
):
    UserFactory.create_batch(more, team=TeamFactory())
    client.force_login(boss)
    with django_assert_max_num_queries(9):
        client.get(reverse("customers:user_list"))


def test_teams_are_made_and_renamed_but_never_twice(client, boss):
    client.force_login(boss)
    client.post(reverse("customers:team_list"), {"name": "North"})
    team = Team.objects.get(name="North")
    assert "is taken" in client.post(reverse("customers:team_list"), {"name": "north"}).content.decode()
    client.post(reverse("customers:team_edit", args=[team.pk]), {"name": "East"})
    team.refresh_from_db()
    assert team.name == "East"


# --- Sign-in ----------------------------------------------------------------------------------
def test_sign_in_is_written_down_and_so_is_a_failure(client, manager):
    client.post(reverse("account_login"), {"login": "manager", "password": "wrong"})
    client.post(reverse("account_login"), {"login": "manager", "password": PASSWORD})
    assert client.session["_auth_user_id"] == str(manager.pk)
    assert list(AuditEvent.objects.order_by("pk").values_list("act", "actor_id")) == [
        ("user.sign_in_failed", None),
        ("user.sign_in", manager.pk),
    ]


def test_program_cannot_sign_in_to_pages(client, company):
    UserFactory(username="robot", role="integration")
    client.post(reverse("account_login"), {"login": "robot", "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_sign_in_is_throttled_after_failures(client, manager):
    for _attempt in range(5):
        client.post(reverse("account_login"), {"login": "manager", "password": "wrong"})
    client.post(reverse("account_login"), {"login": "manager", "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_sign_out_needs_a_post(client, manager):
    client.force_login(manager)
    client.get(reverse("account_logout"))
    assert "_auth_user_id" in client.session
    client.post(reverse("account_logout"))
    assert "_auth_user_id" not in client.session


def test_nobody_can_sign_up(client, db):
    assert client.get("/accounts/signup/").status_code == 404


# --- Language and look ------------------------------------------------------------------------
def test_language_is_remembered_with_the_user(client, boss):
    client.force_login(boss)
    client.post("/language/", {"language": "zh-hans", "next": "/settings/users/"})
    boss.refresh_from_db()
    assert boss.language == "zh-hans"
    assert 'lang="zh-hans"' in client.get(reverse("customers:user_list")).content.decode()


def test_language_ignores_an_unknown_one_and_never_leaves_the_site(client, boss):
    client.force_login(boss)
    response = client.post("/language/", {"language": "xx", "next": "https://evil.example/"})
    boss.refresh_from_db()
    assert (boss.language, response["Location"]) == ("en", "/")


def test_language_does_not_change_by_get(client, boss):
    client.force_login(boss)
    assert client.get("/language/?language=zh-hans").status_code == 405


def test_theme_is_remembered_in_a_cookie(client, boss):
    client.force_login(boss)
    client.post("/theme/", {"theme": "dark"})
    assert 'data-theme="dark"' in client.get(reverse("customers:user_list")).content.decode()
    client.post("/theme/", {"theme": "<script>"})
    assert client.cookies["theme"].value == "dark"
