"""Files by the API: uploaded, started, watched; refused lines are read."""

from __future__ import annotations

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from customers.ground import clock
from customers.imports import background
from customers.models import ImportBatch
from customers.undo import working

FILE = b"id,name,city\nC-1,Blue Lake,Wuxi\nC-2,,Suzhou\n"


@pytest.fixture(autouse=True)
def _media(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


def upload(program, content=FILE, key="up", kind="customers"):
    return program.client.post(
        "/api/v1/imports/",
        {"kind": kind, "file": SimpleUploadedFile("customers.csv", content)},
        headers={"Authorization": f"Bearer {program.secret}", "Idempotency-Key": key},
    )


def test_file_goes_its_way(program):
    made = upload(program)
    assert made.status_code == 201, made.content
    path = made["Location"].removeprefix("/api/v1/")
    started = program("post", path + "start/", {"mapping": {"source": "shop"}})
    assert started.json()["status"] == "waiting", started.content
    while background.work(clock.now()):
        pass
    done = program.get(path).json()
    assert (done["status"], done["accepted"], done["refused"], done["created"]) == ("done", 1, 1, 1)
    told = program.get(path + "errors/").json()
    assert told["columns"] == ["id", "name", "city"] and not told["truncated"]
    assert [(line["line"], line["values"]) for line in told["lines"]] == [(3, ["C-2", "", "Suzhou"])]
    again = program("post", path + "start/", {})
    assert (again.status_code, again.json()["code"]) == (409, "import_started")


def test_same_file_with_the_same_key_is_one_import(program):
    assert upload(program).json() == upload(program).json()
    assert ImportBatch.objects.count() == 1
    assert upload(program, FILE + b"C-3,x,y\n").status_code == 422


def test_what_is_no_table_or_no_kind_is_refused(program):
    assert upload(program, b"\0\1\2", key="a").status_code == 409
    assert upload(program, kind="dogs", key="b").status_code == 400
    assert program("post", "imports/", {"kind": "customers"}).status_code == 400


def test_mapping_that_does_not_fit_is_refused(program):
    path = upload(program)["Location"].removeprefix("/api/v1/")
    for wanted in ({"colour": 1}, {"columns": {"name": "nowhere"}}, {"source": ""}):
        assert program("post", path + "start/", {"mapping": wanted}).status_code == 409


def test_imports_of_others_are_not_there(program, caller, lead):
    path = upload(program)["Location"].removeprefix("/api/v1/")
    assert caller(lead).get(path).status_code == 404
    assert caller(lead).get("imports/").json()["results"] == []


def test_import_is_looked_at_and_taken_back(program, caller, lead):
    path = upload(program)["Location"].removeprefix("/api/v1/")
    program("post", path + "start/", {})
    while background.work(clock.now()):
        pass
    told = program.get(path + "changes/").json()
    assert [(row["model"], row["created"], row["changed"]) for row in told["models"]] == [
        ("contact", 1, 0),
        ("customer", 1, 0),
    ]
    assert (told["in_the_way"], told["in_the_way_count"]) == ([], 0)
    assert caller(lead)("post", path + "undo/", {"reason": "x"}).status_code == 404
    assert program("post", path + "undo/", {}).status_code == 400
    asked = program("post", path + "undo/", {"reason": "another shop's"})
    assert asked.json()["status"] == "undoing", asked.content
    while working.work(clock.now()):
        pass
    assert program.get(path).json()["status"] == "undone"
    again = program("post", path + "undo/", {"reason": "x"})
    assert (again.status_code, again.json()["code"]) == (409, "undo_not_now")
