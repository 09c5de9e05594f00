"""Where the embedded run keeps its things: the demo apart from one's own company, and nothing lost."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from config import embedded
from config.embedded import DATABASE, Holds


def database(folder: Path, *, company: bool | None, people: int = 0) -> Path:
    """Write a database as the program of any version leaves it: ``company`` is it a demo, None = none."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / DATABASE
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE ground_company (id integer, is_demo bool)")
        connection.execute("CREATE TABLE customers_user (id integer)")
        if company is not None:
            connection.execute("INSERT INTO ground_company VALUES (1, ?)", [company])
        connection.executemany("INSERT INTO customers_user VALUES (?)", [(n,) for n in range(people)])
    return file


def listed(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("company", "people", "held"),
    [
        (None, 0, Holds.NOTHING),
        (None, 1, Holds.OWN),
        (False, 0, Holds.OWN),
        (True, 4, Holds.DEMO),
    ],
)
def test_a_database_is_known_by_its_company_and_its_people(
    tmp_path: Path, company: bool | None, people: int, held: Holds
) -> None:
    assert embedded.holds(database(tmp_path, company=company, people=people)) == held


def test_no_file_an_empty_one_and_one_without_tables_hold_nothing(tmp_path: Path) -> None:
    assert embedded.holds(tmp_path / DATABASE) == Holds.NOTHING
    (tmp_path / DATABASE).touch()
    assert embedded.holds(tmp_path / DATABASE) == Holds.NOTHING
    with closing(sqlite3.connect(tmp_path / DATABASE)) as connection, connection:
        connection.execute("CREATE TABLE other (id integer)")
    assert embedded.holds(tmp_path / DATABASE) == Holds.NOTHING


def test_an_older_demo_moves_to_its_place_with_all_that_is_its(tmp_path: Path) -> None:
    database(tmp_path, company=True, people=4)
    (tmp_path / "secret_key").write_text("sealed by this")
    (tmp_path / "demo_password").write_text("known")
    (tmp_path / "media" / "imports").mkdir(parents=True)
    (tmp_path / "media" / "imports" / "a.csv").write_text("file")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "truth.json.gz").write_text("truth")
    assert embedded.settle(tmp_path)
    assert listed(tmp_path) == {
        "demo/liuke.sqlite3",
        "demo/secret_key",
        "demo/demo_password",
        "demo/media/imports/a.csv",
        "demo/truth.json.gz",
    }
    assert (tmp_path / "demo" / "secret_key").read_text() == "sealed by this"
    assert embedded.holds(tmp_path / "demo" / DATABASE) == Holds.DEMO
    assert not embedded.settle(tmp_path)


@pytest.mark.parametrize(("company", "people"), [(None, 0), (None, 1), (False, 3)])
def test_ones_own_company_never_moves(tmp_path: Path, company: bool | None, people: int) -> None:
    database(tmp_path, company=company, people=people)
    (tmp_path / "secret_key").write_text("key")
    before = listed(tmp_path)
    assert not embedded.settle(tmp_path)
    assert listed(tmp_path) == before


def test_a_demo_that_is_in_use_stays_where_it_is(tmp_path: Path) -> None:
    file = database(tmp_path, company=True)
    with closing(sqlite3.connect(file)) as user:
        user.execute("SELECT * FROM ground_company").fetchall()
        with pytest.raises(embedded.CannotMove, match="in use"):
            embedded.settle(tmp_path)
    assert file.exists()
    assert embedded.settle(tmp_path)


def test_two_demos_are_never_mixed(tmp_path: Path) -> None:
    database(tmp_path, company=True)
    database(tmp_path / "demo", company=True, people=2)
    with pytest.raises(embedded.CannotMove, match="Keep one"):
        embedded.settle(tmp_path)
    assert listed(tmp_path) == {"liuke.sqlite3", "demo/liuke.sqlite3"}


def test_what_stands_in_the_way_is_kept_under_another_name(tmp_path: Path) -> None:
    database(tmp_path, company=True)
    (tmp_path / "secret_key").write_text("right")
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "secret_key").write_text("of a database that is gone")
    embedded.settle(tmp_path)
    assert (tmp_path / "demo" / "secret_key").read_text() == "right"
    assert (tmp_path / "demo" / "secret_key.1").read_text() == "of a database that is gone"
