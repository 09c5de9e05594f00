"""Hostile files (P7): a verdict within 30 seconds, bounded memory, no crash, no 5xx."""

from __future__ import annotations

import io
import os
import random
import time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.urls import reverse

from customers.ground import clock, drain
from customers.imports import background, lines, reading, together
from customers.models import ImportBatch, Order
from tests.customers import programs
from tests.customers.hostile import HEADER, HEAVY, WRITE, buffered
from tests.factories import NOW

pytestmark = pytest.mark.django_db
SECONDS = 30
LANDS = {  # those that are refused line by line: how many orders land
    "mixed-newlines": 50,
    "nul": 50,
    "surrogates": 50,
    "a-million-columns-in-a-line": 50,
    "endless-line-behind": 50,
    "text-called-gz": 50,
    "gbk": 1,
    "xlsx-odd-characters": 0,
}
OFTEN = {"fifo", "gz-cut", "utf-16", "gbk", "surrogates", "xlsx-entities", "xlsx-row-far-below"}
EACH = [name if name in OFTEN else pytest.param(name, marks=pytest.mark.slow) for name in WRITE]


@pytest.fixture(autouse=True)
def _set_up(company, settings, tmp_path, monkeypatch):
    settings.MEDIA_ROOT = tmp_path / "media"
    monkeypatch.setattr(clock, "now", lambda: NOW)
    monkeypatch.setattr(background, "_running", {})
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", EACH)
def test_command_gives_a_verdict_on_a_hostile_file(name, tmp_path):
    path = tmp_path / (name + (".gz" if name == "text-called-gz" else ".csv"))
    WRITE[name](path)
    mapping = tmp_path / "mapping.json"
    mapping.write_text('{"on_missing_customer": "create"}')
    began = time.monotonic()
    err, code = io.StringIO(), 0
    try:
        call_command("import_data", "orders", path, "--mapping", mapping, stdout=io.StringIO(), stderr=err)
    except SystemExit as end:
        code = int(end.code or 0)
    assert time.monotonic() - began < SECONDS
    assert code in ((0, 1) if name in LANDS else (1, 2))
    assert bool(err.getvalue().strip()) == (code == 2)  # says why
    assert Order.objects.count() == LANDS.get(name, 0)


@pytest.mark.parametrize("name", EACH)
def test_pages_answer_no_5xx_to_a_hostile_file(name, tmp_path, client, admin):
    stream = buffered(name, tmp_path)
    if stream is None:
        return  # no browser uploads a directory, a pipe or a socket
    client.force_login(admin)
    began = time.monotonic()
    file = SimpleUploadedFile("orders.csv", stream.getvalue())
    response = client.post(reverse("customers:import_new"), {"kind": "orders", "file": file})
    assert response.status_code in (302, 422)
    if response.status_code == 302:
        batch = ImportBatch.objects.get()
        assert client.get(response.url).status_code == 200
        fields = ("external_id", "customer", "occurred_at", "quantity", "unit_price")
        columns = dict(zip(fields, HEADER.decode().strip().split(","), strict=True))
        answers = {f"column_{field}": column for field, column in columns.items()}
        answers |= {"source": "shop", "on_missing_customer": "create", "do": "start"}
        started = client.post(reverse("customers:import_columns", args=[batch.pk]), answers)
        assert started.status_code in (200, 302, 422)
        drain.until_empty(at=NOW)
        shown = client.get(reverse("customers:import_detail", args=[batch.pk]), follow=True)
        assert shown.status_code == 200
        batch.refresh_from_db()
        assert batch.status in ("uploaded", "done", "refused")
    assert time.monotonic() - began < SECONDS


@pytest.fixture(scope="module")
def of_its_own(tmp_path_factory):
    """A set-up database for programs of their own, and how to start one within limits."""
    folder = tmp_path_factory.mktemp("hostile")
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}",
        "DEBUG": "1",
        "SECRET_KEY": "x" * 50,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "TEST_DB_NAME": "",
    }

    def start(*arguments):
        return programs.start(arguments, cwd=folder, environment=environment, limit=1200 * 1024**2)

    company = ("company", "--currency", "CNY", "--time-zone", "Asia/Shanghai", "--margin", "0.3")
    for arguments in (("migrate", "-v0"), (*company, "--admin", "a@example.com")):
        program = start(*arguments)
        said = program.communicate(timeout=120)
        assert program.returncode == 0, said
    return folder, start


@pytest.mark.slow
@pytest.mark.parametrize("name", HEAVY)
def test_command_bears_a_heavy_hostile_file_in_bounded_memory(name, of_its_own):
    folder, start = of_its_own
    path = folder / "file.csv"
    HEAVY[name](path)
    began = time.monotonic()
    program = start("import_data", "orders", path, "--errors", folder / "errors.csv")
    _out, err = program.communicate(timeout=10 * SECONDS)
    seconds = time.monotonic() - began
    path.unlink()
    print(f"{name}: {seconds:.1f} s, {programs.peak(err)} MB")  # noqa: T201 — shown by -rP
    assert seconds < SECONDS
    assert program.returncode in (1, 2), err
    assert "Traceback" not in err
    assert programs.peak(err) < 256


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["gz-bomb", "100-mb-of-newlines", "a-line-of-1-gb-packed", "100-mb-of-quotes"]
)
def test_wizard_looks_at_a_heavy_hostile_file_for_a_moment_only(name, tmp_path):
    path = tmp_path / "file"
    HEAVY[name](path)
    began = time.monotonic()
    try:
        table = reading.open_table(path, most_lines=20)
        next(table.lines(), None)
        table.close()
    except reading.errors.ImportRefused:
        pass
    assert time.monotonic() - began < SECONDS / 3


# --- Cut many at once as one by one ---------------------------------------------------------------
PIECES = [
    *(b"a,b,c", b"d,e,f", b'"g,1",h,i', b'"j\nk",l,m', b"", b"  ", b"n,o", b"p,q,r,", b's,"t""u",v'),
    *(b"w\r", b'"x', b"\xe4\xb8\xad,y,z"),
]


@pytest.mark.parametrize("seed", range(12))
def test_lines_cut_many_at_once_are_those_cut_one_by_one(seed, tmp_path, monkeypatch):
    chance = random.Random(seed)
    path = tmp_path / "file.csv"
    kinds = chance.sample(PIECES, chance.randint(1, len(PIECES)))
    body = [chance.choice(kinds) for _line in range(60)]
    path.write_bytes(b"h1,h2,h3\n" + chance.choice([b"\n", b"\r\n"]).join(body))

    def found():
        table = reading.open_table(path)
        return [
            (line.number, line.cells if line.problem is None else line.problem.code) for line in table.lines()
        ]

    monkeypatch.setattr(lines, "PIECE", chance.choice([16, 64, 100_000]))
    many = found()
    monkeypatch.setattr(lines.TextLines, "_many", lambda *_arguments: None)
    assert many == found()


@pytest.mark.parametrize(
    ("ids", "is_grouped", "stand"),
    [
        (["A", "A", "B"], True, True),
        (["A", "B", "A"], True, False),
        (["A", "", "A", "B"], True, True),
        (["1.0", "2", "1"], True, False),
        (["1", "1.00", "2"], True, True),
        (["'=A", "B", "=A"], True, False),
        (["A ", "B", "A"], True, False),
        (["\u3000A", "B", "A"], True, False),
        (["\u00a0A", "B", "\u00a0A"], False, False),
        (["'\u3000=A", "B", "=A"], True, False),
        (["A", "A"], False, False),
        (["A", "B"], False, True),
    ],
)
def test_together_says_whether_the_lines_of_an_id_stand_together(ids, is_grouped, stand):
    whole, parts = together.Together(is_grouped=is_grouped), together.Together(is_grouped=is_grouped)
    whole.see(ids)
    for text in ids:
        parts.see([text])
    assert whole.stand() == parts.stand() == stand
