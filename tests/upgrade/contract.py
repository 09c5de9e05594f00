"""What others build on: commands with their options, keys of ``--json``, the API. ``make contract``.

    python tests/upgrade/contract.py      keep today's as the contract of this version

The kept one (``contract.json``) is that of the last version; ``test_contract.py`` compares.
"""

from __future__ import annotations

import json
import sys
import tomllib
from argparse import Action
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
KEPT = Path(__file__).with_name("contract.json")
OPENAPI = ROOT / "docs" / "openapi.yaml"
APPS = ("config", "customers", "surveys", "loyalty", "retention")
JSON_KEYS = {
    "import_data": ["kind", "file", "lines", "accepted", "refused", "records", "seconds", "error_file"],
    "import_data.records": ["created", "updated", "unchanged"],
    "sweep": [
        *["as_of", "customers", "seconds", "warnings"],
        *["warnings_closed", "cases_opened", "calls_created", "failed_rules"],
    ],
    "sweep.seconds": ["measures", "rules", "cases"],
    "demo": ["customers", "orders", "seconds", "accounts"],
    "rules list": ["rules"],
    "losses": ["as_of", "losses", "lost", "returned"],
}
"""Keys that the documented ``--json`` objects have; ``test_contract.py`` runs the commands."""

METHODS = {"get", "post", "put", "patch", "delete"}


def commands() -> dict[str, Any]:
    """Return our commands: each option or argument by name and whether it must be given."""
    from django.core.management import get_commands, load_command_class

    ours = {name: app for name, app in get_commands().items() if str(app).split(".")[0] in APPS}
    found: dict[str, Any] = {}
    for name, app in sorted(ours.items()):
        parser = load_command_class(str(app), name).create_parser("manage.py", name)
        inherited = {"help", "version", "verbosity", "settings", "pythonpath", "traceback", "no_color"}
        inherited |= {"force_color", "skip_checks"}
        found[name] = arguments([action for action in parser._actions if action.dest not in inherited])
    return found


def arguments(actions: list[Action]) -> dict[str, Any]:
    """Return arguments by name, sub-commands with their own inside."""
    found: dict[str, Any] = {}
    for action in actions:
        if isinstance(action.choices, dict):  # sub-commands
            for name, parser in action.choices.items():
                found[name] = arguments([a for a in parser._actions if a.dest != "help"])
        else:
            name = max(action.option_strings, key=len, default=action.dest)
            found[name] = action.required
    return found


def api(document: dict[str, Any]) -> dict[str, Any]:
    """Return an OpenAPI document cut down to what a client leans on.

    Operations with their parameters, request and answers; schemas with the type and format of each
    property, what is required, and the values of closed lists.
    """
    return {
        "operations": {
            f"{method} {path}": {
                "parameters": {
                    f"{p['in']}:{p['name']}": bool(p.get("required")) for p in operation.get("parameters", [])
                },
                "request": _schema(operation.get("requestBody", {})),
                "answers": {code: _schema(answer) for code, answer in operation["responses"].items()},
            }
            for path, item in document.get("paths", {}).items()
            for method, operation in item.items()
            if method in METHODS
        },
        "schemas": {
            name: {
                "required": sorted(schema.get("required", [])),
                "enum": sorted(map(str, schema.get("enum", []))),
                "properties": {
                    field: _kind(described) for field, described in schema.get("properties", {}).items()
                },
            }
            for name, schema in document.get("components", {}).get("schemas", {}).items()
        },
    }


def _schema(holder: dict[str, Any]) -> str:
    for content in holder.get("content", {}).values():
        return _kind(content.get("schema", {}))
    return ""


def _kind(described: dict[str, Any]) -> str:
    """Return a property's type in a word or two."""
    if "$ref" in described:
        return str(described["$ref"]).rpartition("/")[2]
    for several in ("oneOf", "anyOf", "allOf"):
        if several in described:
            return " | ".join(sorted(_kind(one) for one in described[several]))
    kind = described.get("type", "any")
    kinds = "|".join(sorted(kind)) if isinstance(kind, list) else str(kind)
    if kinds == "array":
        return f"array of {_kind(described.get('items', {}))}"
    return " ".join(filter(None, [kinds, described.get("format", "")]))


def today() -> dict[str, Any]:
    """Return the contract as the code has it now."""
    import yaml

    document = yaml.safe_load(OPENAPI.read_text()) if OPENAPI.exists() else {}
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return {"version": version, "commands": commands(), "json": JSON_KEYS, "api": api(document)}


def broken(kept: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Return in words what of the kept contract no longer holds. What is new breaks nobody."""
    found = _missing(kept["commands"], now["commands"], "command")
    found += [
        f"json of {name}: {key} is gone"
        for name, keys in kept["json"].items()
        for key in keys
        if key not in now["json"].get(name, [])
    ]
    return found + _broken_operations(kept["api"], now["api"]) + _broken_schemas(kept["api"], now["api"])


def _missing(kept: dict[str, Any], now: dict[str, Any], where: str) -> list[str]:
    found = [f"{where} {name} is gone" for name in kept if name not in now]
    for name, after in now.items():
        before = kept.get(name)
        if isinstance(before, dict) and isinstance(after, dict):
            found += _missing(before, after, f"{where} {name}")
        elif after is True and before is not True and where != "command":
            found.append(f"{where} {name} must be given now")
    return found


def _broken_operations(kept: dict[str, Any], now: dict[str, Any]) -> list[str]:
    found = []
    for name, before in kept["operations"].items():
        after = now["operations"].get(name)
        if after is None:
            found.append(f"{name} is gone")
            continue
        found += [f"{name}: {p} is gone" for p in before["parameters"] if p not in after["parameters"]]
        found += [
            f"{name}: {parameter} must be given now"
            for parameter, required in after["parameters"].items()
            if required and not before["parameters"].get(parameter)
        ]
        if before["request"] != after["request"]:
            found.append(
                f"{name} takes {after['request'] or 'nothing'}, not {before['request'] or 'nothing'}"
            )
        for code, schema in before["answers"].items():
            if code.startswith("2") and after["answers"].get(code) != schema:
                found.append(f"{name} answers {code} with {after['answers'].get(code)}, not {schema}")
    return found


def _broken_schemas(kept: dict[str, Any], now: dict[str, Any]) -> list[str]:
    found = []
    for name, before in kept["schemas"].items():
        after = now["schemas"].get(name)
        if after is None:
            found.append(f"schema {name} is gone")
            continue
        for field, kind in before["properties"].items():
            if after["properties"].get(field) != kind:
                found.append(f"{name}.{field} is {after['properties'].get(field, 'gone')}, was {kind}")
        if name.endswith(("Request", "RequestRequest")):
            added = sorted(set(after["required"]) - set(before["required"]))
            found += [f"{name}.{field} must be given now" for field in added]
        found += [f"{name}: value {value} is gone" for value in before["enum"] if value not in after["enum"]]
    return found


def main() -> None:
    """Keep today's contract."""
    import os

    import django

    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    KEPT.write_text(json.dumps(today(), indent=1, ensure_ascii=False, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
