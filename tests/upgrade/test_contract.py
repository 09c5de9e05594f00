"""The contract that was kept at the last version still holds: commands, ``--json``, the API."""

from __future__ import annotations

import copy
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from tests.factories import CompanyFactory
from tests.upgrade import contract

pytestmark = pytest.mark.slow  # asks of no database what another would answer otherwise: once is enough


@pytest.fixture(scope="module")
def kept() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(contract.KEPT.read_text())
    return found


def printed(*command: str) -> dict[str, Any]:
    out = StringIO()
    call_command(*command, stdout=out, stderr=StringIO())
    found: dict[str, Any] = json.loads(out.getvalue().splitlines()[-1])
    return found


def test_nothing_that_others_build_on_has_gone(kept: dict[str, Any]) -> None:
    broken = contract.broken(kept, contract.today())
    assert not broken, "Say it under “Breaking” in CHANGELOG.md and run `make contract`:\n" + "\n".join(
        broken
    )


@pytest.mark.django_db
def test_json_of_commands_has_the_keys_of_the_contract(tmp_path: Path) -> None:
    CompanyFactory()
    file = tmp_path / "customers.csv"
    file.write_text("external_id,name\n1,Ada\n")
    imported, swept = printed("import_data", "customers", str(file), "--json"), printed("sweep", "--json")

    assert sorted(imported) == sorted(contract.JSON_KEYS["import_data"])
    assert sorted(imported["records"]) == sorted(contract.JSON_KEYS["import_data.records"])
    assert sorted(swept) == sorted(contract.JSON_KEYS["sweep"])
    assert sorted(swept["seconds"]) == sorted(contract.JSON_KEYS["sweep.seconds"])
    assert sorted(printed("rules", "list", "--json")) == contract.JSON_KEYS["rules list"]
    assert sorted(printed("losses", "--json")) == contract.JSON_KEYS["losses"]


# --- The comparison itself --------------------------------------------------------------------

BEFORE: dict[str, Any] = {
    "commands": {"sweep": {"--as-of": False}, "rules": {"list": {"--json": False}}},
    "json": {"sweep": ["as_of", "customers"]},
    "api": {
        "operations": {
            "get /cases/": {
                "parameters": {"query:cursor": False},
                "request": "",
                "answers": {"200": "CasePage", "400": "Problem"},
            }
        },
        "schemas": {
            "Case": {"required": ["id"], "enum": [], "properties": {"id": "integer", "due_at": "string"}},
            "CallRequest": {"required": ["at"], "enum": [], "properties": {"at": "string date-time"}},
            "Status": {"required": [], "enum": ["closed", "open"], "properties": {}},
        },
    },
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """Return the contract above with one place, named by keys between "|", set or (``None``) taken out."""
    after = copy.deepcopy(BEFORE)
    *way, last = path.split("|")
    place: Any = after
    for key in way:
        place = place[key]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return after


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("commands|sweep", None),
        ("commands|sweep|--as-of", None),
        ("commands|sweep|--zone", True),
        ("commands|rules|list|--json", None),
        ("commands|rules|list|code", True),
        ("json|sweep", ["as_of"]),
        ("api|operations|get /cases/", None),
        ("api|operations|get /cases/|parameters|query:cursor", None),
        ("api|operations|get /cases/|parameters|query:team", True),
        ("api|operations|get /cases/|request", "Filter"),
        ("api|operations|get /cases/|answers|200", "Case"),
        ("api|schemas|Case", None),
        ("api|schemas|Case|properties|due_at", None),
        ("api|schemas|Case|properties|id", "string"),
        ("api|schemas|CallRequest|required", ["at", "by"]),
        ("api|schemas|Status|enum", ["open"]),
    ],
)
def test_broken_names_what_is_gone_or_demanded(path: str, value: Any) -> None:
    assert len(contract.broken(BEFORE, changed(path, value))) == 1


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("commands|losses", {"--json": False}),
        ("commands|sweep|--zone", False),
        ("json|sweep", ["as_of", "customers", "rows"]),
        ("api|operations|get /calls/", {"parameters": {}, "request": "", "answers": {}}),
        ("api|operations|get /cases/|parameters|query:team", False),
        ("api|operations|get /cases/|answers|429", "Problem"),
        ("api|schemas|Case|properties|team", "string"),
        ("api|schemas|Case|required", ["due_at", "id"]),
        ("api|schemas|Status|enum", ["closed", "open", "held"]),
    ],
)
def test_broken_says_nothing_of_what_is_new(path: str, value: Any) -> None:
    assert contract.broken(BEFORE, changed(path, value)) == []
