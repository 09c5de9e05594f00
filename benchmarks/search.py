"""Search among a million customers: what is typed in the box, and the list of all that fit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from random import Random
from statistics import quantiles
from typing import Any

from django.db import connection
from django.db.models import Max

from benchmarks.book import Limit, Measured, Stage, Trial, Unequal, bench
from benchmarks.generate.rows import execute, loading
from customers.batch import inserting
from customers.models import Contact, Customer, SearchToken, Team, User
from customers.models.people import Role
from customers.search import finding, index, suggesting, words

MOST = 1_000_000
TIMES = 300  # searches of a run
MANAGERS = 1000
CITIES = "上海北京广州深圳杭州南京苏州成都重庆武汉西安天津青岛大连厦门长沙宁波无锡"  # two characters each
SIGNS = "清风明月江山海天华润宏达鼎盛瑞祥嘉禾金泰永兴隆昌福安康乐佳美雅致远博文信德仁和同济大方"
TRADES = "茶业贸易包装餐饮科技食品建材服饰物流印刷家具电子医疗农业机械广告"  # two characters each
SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾单解"
GIVEN = "伟芳娜秀英敏静丽强磊军洋勇艳杰娟涛明超兰霞平刚桂琴云莉凤洁梅琳"
FIRST = (
    "Blue",
    "Red",
    "Green",
    "Silver",
    "Golden",
    "North",
    "South",
    "East",
    "West",
    "Bright",
    "Happy",
    "Royal",
    "Grand",
    "Little",
    "Old",
    "New",
)
SECOND = (
    "Lake",
    "River",
    "Mountain",
    "Forest",
    "Harbour",
    "Bridge",
    "Garden",
    "Tower",
    "Valley",
    "Meadow",
    "Stone",
    "Field",
    "Star",
    "Moon",
)
THIRD = (
    "Trading",
    "Packaging",
    "Foods",
    "Logistics",
    "Textiles",
    "Furniture",
    "Printing",
    "Electronics",
    "Medical",
    "Design",
)


@bench(
    "search",
    title="Search box and list among 1,000,000 customers, PostgreSQL",
    ratios=(),
    limits=(
        Limit("ours", "p95 ms", at_most=100),
        Limit("ours", "p95 ms of the worst kind", at_most=100),
        Limit("list", "p95 ms", at_most=500),
    ),
    depends=("customers/search", "customers/models/search.py", "benchmarks/search.py"),
    row="search",
    engines=("postgresql",),
    sizes=("xs", "s"),
    states=("fresh",),
    pairs={"xs": 3, "s": 3},
)
def search(stage: Stage) -> Trial:
    """Each kind of text that docs/search.md names, asked by an account manager, a lead and an admin.

    Customers are added beside those of the generated company until there are a million: names in both
    scripts, half with a second one, each with a contact, a phone number and an address. A thousand account
    managers in teams of ten look after them; the one who asks, and the lead, are of such a team.
    """
    count = MOST if stage.size != "xs" else stage.customers * 2
    _people(count)
    execute("ANALYZE")
    chance = Random(8)
    users = [User.objects.get(username=name) for name in ("search-am", "search-lead", "admin")]
    asked = [(kind, text) for kind, text in _texts(chance, TIMES)]

    def ours() -> Measured:
        times: dict[str, list[float]] = {}
        for number, (kind, text) in enumerate(asked):
            begin = time.perf_counter()
            suggesting.suggest(text, user=users[number % 3])
            times.setdefault(kind, []).append(1000 * (time.perf_counter() - begin))
        figures = {f"{kind} p95": _p95(each) for kind, each in times.items()}
        everything = [one for each in times.values() for one in each]
        figures |= {"p95 ms": _p95(everything), "p95 ms of the worst kind": max(figures.values())}
        rounded = {name: round(value, 1) for name, value in figures.items()}
        return Measured(seconds=sum(everything) / 1000, figures=rounded, output=len(asked))

    def listed() -> Measured:
        times = []
        for number, (_kind, text) in enumerate(asked[:: len(users) + 1]):
            mine = Customer.objects.visible_to(users[number % 3])  # type: ignore[attr-defined]
            begin = time.perf_counter()
            list(mine.filter(finding.matching(text)).order_by("sort_key", "pk")[:50])
            times.append(1000 * (time.perf_counter() - begin))
        return Measured(seconds=sum(times) / 1000, figures={"p95 ms": round(_p95(times), 1)}, output=None)

    def floor() -> int:
        with connection.cursor() as cursor:
            for number in range(TIMES):
                cursor.execute(
                    "SELECT name FROM customers_customer WHERE id = %s", [1 + number * 7919 % count]
                )
                cursor.fetchall()
        return TIMES

    def same(outputs: Mapping[str, Any]) -> str:
        for kind, text in asked if count == MOST else ():
            if kind != "nobody" and not suggesting.suggest(text, user=users[-1]):
                raise Unequal(f"nobody is found by {text}")
        return f"{len(asked)} texts, {Customer.objects.count():,} customers, {_size()}"

    return Trial(ways={"floor": floor, "ours": ours, "list": listed}, same=same, rows=len(asked))


def _texts(chance: Random, count: int) -> Iterator[tuple[str, str]]:
    """Give texts of each kind in turn, made of customers that are there."""
    pks = range(1, Customer.objects.aggregate(last=Max("pk"))["last"] + 1)
    kinds = (
        *("part of a Chinese name", "part of an English name", "two words", "pinyin", "initials"),
        *("end of a phone number", "e-mail", "one character", "common part", "nobody"),
    )
    for number in range(count):
        kind = kinds[number % len(kinds)]
        chinese = _company(chance)
        english = _english(chance).split()
        row = Contact.objects.filter(pk__in=[chance.choice(pks) for _ in range(5)]).exclude(email="").first()
        yield (
            kind,
            {
                "part of a Chinese name": chinese[2:5],
                "part of an English name": english[1][1:5],
                "two words": f"{english[0]} {english[2][:4]}",
                "pinyin": "".join(words.syllables(chinese[2:6])),
                "initials": "".join(one[0] for one in words.syllables(chinese[:4])),
                "end of a phone number": row.phone[-4:] if row else "8000",
                "e-mail": row.email[:9] if row else "c1",
                "one character": chance.choice(SIGNS),
                "common part": chance.choice(["公司", "ing", "trad", "sh", "有限"]),
                "nobody": f"qzx{number}",
            }[kind],
        )


def _people(count: int) -> None:
    """Give the generated customers names, and add others until there are ``count``, with all tokens."""
    first = Customer.objects.aggregate(last=Max("pk"))["last"] + 1
    teams = _managers()
    now = inserting.moment_text(User.objects.get(username="admin").date_joined)
    chance = Random(7)
    named = [(pk, *_names(chance)) for pk in range(first, count + 1)]
    for part in ("name_parts", "name_alt_parts", "name_pairs", "name_alt_pairs"):  # of the version before
        execute(f"DROP INDEX IF EXISTS customer_{part}")
    with loading(Customer, Contact):
        columns = ("id", "kind", "name", "name_alt", "sort_key", "owner_id", "team_id", "segment", "city")
        columns += ("time_zone", "language", "notes", "created_at", "updated_at")
        inserting.insert(
            Customer,
            columns,
            (
                (pk, "company", name, alt, _sorted(name), *teams[pk % len(teams)], *[""] * 5, now, now)
                for pk, name, alt, _person in named
            ),
        )
        columns = ("id", "customer_id", "name", "role", "phone", "email", "preferred_channel", "language")
        columns += ("is_main", "created_at", "updated_at")
        inserting.insert(
            Contact,
            columns,
            (
                (pk, pk, person, "", _phone(pk), _email(pk), "", "", 1, now, now)
                for pk, _name, _alt, person in named
            ),
        )
    index.fill()
    with loading(SearchToken):
        inserting.insert(SearchToken, index.COLUMNS, _tokens(named))


def _managers() -> list[tuple[int, int]]:
    """Hire account managers in teams of ten, the first team with a lead; return them with their teams."""
    teams = Team.objects.bulk_create(Team(name=f"Search {number}") for number in range(MANAGERS // 10))
    made = User.objects.bulk_create(
        User(
            username=f"search-{number}" if number else "search-am",
            role=Role.ACCOUNT_MANAGER,
            team=teams[number // 10],
        )
        for number in range(MANAGERS)
    )
    User.objects.create(username="search-lead", role=Role.TEAM_LEAD, team=teams[0])
    return [(user.pk, teams[number // 10].pk) for number, user in enumerate(made)]


def _tokens(named: list[tuple[int, str, str, str]]) -> Iterator[tuple[int, int, int, str, int]]:
    for pk, name, alt, person in named:
        found: dict[tuple[int, int, str], int] = {}
        for contact, tokens in (
            (0, _cut(name, words.Kind.NAME)),
            (0, _cut(alt, words.Kind.NAME_ALT)),
            (pk, _cut(person, words.Kind.CONTACT)),
            (pk, (*words.phone_tokens(_phone(pk)), *words.email_tokens(_email(pk)))),
        ):
            for kind, place, token in tokens:
                key = (contact, int(kind), token)
                found[key] = min(found.get(key, place), int(place))
        for (contact, kind, token), place in found.items():
            yield pk, contact, kind, token, place


_sorted = lru_cache(maxsize=200_000)(words.sort_key)


@lru_cache(maxsize=200_000)
def _cut(name: str, kind: int) -> tuple[words.Token, ...]:
    return tuple(words.name_tokens(name, kind))


def _names(chance: Random) -> tuple[str, str, str]:
    chinese, english = _company(chance), _english(chance)
    person = chance.choice(SURNAMES) + "".join(chance.choices(GIVEN, k=chance.choice((1, 2))))
    turn = chance.random()
    if turn < 0.3:
        return chinese, "", person
    return (chinese, english, person) if turn < 0.8 else (english, "", person)


def _company(chance: Random) -> str:
    sign = "".join(chance.choices(SIGNS, k=2))
    return f"{_pair(chance, CITIES)}{sign}{_pair(chance, TRADES)}有限公司"


def _pair(chance: Random, among: str) -> str:
    place = 2 * chance.randrange(len(among) // 2)
    return among[place : place + 2]


def _english(chance: Random) -> str:
    return f"{chance.choice(FIRST)} {chance.choice(SECOND)} {chance.choice(THIRD)} {chance.randrange(1000)}"


def _phone(pk: int) -> str:
    return f"+86 138 {(pk * 48271) % 100_000_000:08}"


def _email(pk: int) -> str:
    return f"c{(pk * 48271) % 2_147_483_647}@example.com"


def _p95(times: list[float]) -> float:
    return quantiles(times, n=20, method="inclusive")[-1] if len(times) > 1 else times[0]


def _size() -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), pg_total_relation_size('customers_searchtoken') FROM customers_searchtoken"
        )
        rows, size = cursor.fetchone()
    return f"{rows:,} tokens in {size / 1e9:.1f} GB"
