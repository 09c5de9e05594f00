"""The shape of the house, checked: what would rot first if nobody looked."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import models
from django.template import engines
from django.urls import URLPattern, URLResolver, get_resolver

from config.privacy import FOREIGN
from customers import movers
from customers.ground.privacy import Data, Erasure
from retention import cases
from retention.models import RetentionCase

ROOT = Path(settings.BASE_DIR)
OURS = ["ground", "customers", "surveys", "loyalty", "retention", "config"]
FLOOR = {"ground": 0, "customers": 1, "surveys": 2, "loyalty": 2, "retention": 3, "config": 4}
FOLDERS = ["customers", "surveys", "loyalty", "retention"]


def sources(*folders: str) -> list[Path]:
    return [
        path
        for folder in folders
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "migrations" not in path.parts
    ]


def floor_of(path: Path) -> str:
    parts = path.relative_to(ROOT).parts
    return "ground" if parts[:2] == ("customers", "ground") else parts[0]


# --- Time is an argument ----------------------------------------------------------------------
READS_THE_CLOCK = re.compile(
    r"\b(?:clock\.(?:real_)?now|timezone\.now|datetime\.(?:utc)?now|date\.today|time\.time)\("
)
MAY_READ_IT = re.compile(
    r"(/pages/|/api/|/management/commands/|/tasks\.py$|/templatetags/|/ground/(clock|drain|outbox|pulse)\.py$"
    r"|/navigation\.py$|/retention/rules/ready\.py$)"  # the last: a signal of migrate
)


def test_the_domain_never_reads_the_clock():
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources(*FOLDERS)
        if not MAY_READ_IT.search(path.as_posix())
        for number, line in enumerate(path.read_text().splitlines(), start=1)
        if READS_THE_CLOCK.search(line) and "real_now" not in line
    ]
    assert found == []


def test_the_domain_reads_real_time_for_leases_and_ingestion_only():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in sources(*FOLDERS)
        if "clock.real_now" in path.read_text() and not MAY_READ_IT.search(path.as_posix())
    }
    leases = (
        "retention/backtest",
        "retention/sweep",
        "customers/ground/runs.py",
        "customers/imports",
        "customers/undo/working.py",
        "customers/channels",
        "customers/mentions/keeping.py",  # when a name was erased, as every name is
        "customers/feedback/keeping.py",  # the same
        "customers/invitations.py",  # its links work for some days of real time
        "surveys/distributions/handing.py",  # and so do those that it asks for
        "surveys/sending.py",  # as do these
        "surveys/results.py",  # which counts those links
        "loyalty/notices.py",  # the link to the own page lasts for a year of real time
    )
    # ``ingested_at`` is when Liuke wrote a row, for the audit only (decision 1)
    writers = ("customers/batch/", "retention/standing/judging.py")
    assert {name for name in found if not name.startswith((*leases, *writers))} == set()


# --- What points where ------------------------------------------------------------------------
def own_models() -> list[type[models.Model]]:
    return [model for label in OURS for model in apps.get_app_config(label).get_models()]


def test_relations_point_down():
    wrong = []
    for model in own_models():
        for field in model._meta.get_fields():
            target = getattr(field, "related_model", None)
            if not field.auto_created and target is not None and target._meta.app_label in FLOOR:
                if FLOOR[target._meta.app_label] > FLOOR[model._meta.app_label]:
                    wrong.append(f"{model.__name__}.{field.name}")
    assert wrong == []


def test_model_names_in_strings_point_down():
    reference = re.compile(r"""["'](ground|customers|surveys|loyalty|retention)\.[A-Z]\w+["']""")
    wrong = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in sources(*FOLDERS)
        for match in reference.finditer(path.read_text())
        if FLOOR[match.group(1)] > FLOOR[floor_of(path)]
    ]
    assert wrong == []


def test_migrations_depend_downward_only():
    from django.db.migrations.loader import MigrationLoader

    wrong = [
        f"{key} -> {parent}"
        for key, migration in MigrationLoader(None).disk_migrations.items()
        if key[0] in FLOOR
        for parent in migration.dependencies
        if parent[0] in FLOOR and FLOOR[parent[0]] > FLOOR[key[0]]
    ]
    assert wrong == []


def test_template_urls_point_down():
    reference = re.compile(r"""{%\s*url\s+["'](\w+):""")
    wrong = [
        f"{path.relative_to(ROOT)}: {match.group(1)}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("templates/**/*.html")
        for match in reference.finditer(path.read_text())
        if match.group(1) in FLOOR and FLOOR[match.group(1)] > FLOOR[folder]
    ]
    assert wrong == []


def test_every_template_compiles():
    engine = engines["django"].engine
    found = [*ROOT.glob("config/templates/**/*.html")]
    found += [path for folder in FOLDERS for path in (ROOT / folder).rglob("templates/**/*.html")]
    assert found
    for path in found:
        engine.from_string(path.read_text())


# --- State ------------------------------------------------------------------------------------
def test_transition_tables_are_total():
    table = cases.TRANSITIONS
    statuses = set(RetentionCase.Status)
    assert set(table) == statuses
    assert all(set(after) <= statuses for after in table.values())
    reachable = {after for targets in table.values() for after in targets} | {RetentionCase.Status.UNASSIGNED}
    assert reachable == statuses


def test_only_move_to_writes_the_status_of_a_case():
    pattern = re.compile(r"(RetentionCase\.objects[^\n]*update\([^)]*status=|case\.status\s*=[^=])")
    found = {
        path.relative_to(ROOT).as_posix() for path in sources("retention") if pattern.search(path.read_text())
    }
    assert {name for name in found if not name.startswith("retention/cases/")} == set()


# --- Persons ----------------------------------------------------------------------------------
def declaration_of(model: type[models.Model]) -> dict[str, tuple[Data, Erasure]]:
    declared = FOREIGN.get(model._meta.label_lower) or getattr(model, "privacy", None)
    return declared if declared is not None else {}


@pytest.mark.parametrize("model", apps.get_models(include_auto_created=False), ids=lambda m: m._meta.label)
def test_every_field_declares_what_it_holds_of_a_person(model):
    declared = set(declaration_of(model))
    fields = {field.name for field in model._meta.concrete_fields}
    many = {field.name for field in model._meta.many_to_many}
    inherited = {"groups", "user_permissions"}
    assert fields - declared == set(), "declare these fields"
    assert declared - fields - many == set(), "these fields do not exist"
    assert many - declared - inherited - {"permissions"} == set()


def test_append_only_tables_hold_no_names_and_no_text():
    from customers.ground import guards

    personal = {Data.IDENTITY, Data.REACH, Data.TEXT}
    wrong = [
        f"{guard.model.__name__}.{name}"
        for guard in guards.registered()
        if isinstance(guard, guards.AppendOnly) and not guard.may_update
        for name, (data, _erasure) in declaration_of(guard.model).items()
        if data in personal
    ]
    assert wrong == []


def test_every_model_with_a_customer_has_a_mover_and_an_eraser():
    persons = {"customer", "contact"}
    wrong = [
        model.__name__
        for model in own_models()
        if any(
            (field.is_relation and field.related_model and field.related_model._meta.model_name in persons)
            or field.attname in {"customer_id", "contact_id"}
            for field in model._meta.concrete_fields
        )
        and not (model in movers.movers() and model in movers.erasers())
    ]
    assert wrong == []


# --- Acts -------------------------------------------------------------------------------------
def _verbs() -> dict[str, tuple[Path, ast.FunctionDef]]:
    """Return the public functions that take ``by`` and ``at``: the verbs."""
    found = {}
    for path in sources("customers", "retention"):
        if re.search(r"/(pages|api|management|demo|imports|templatetags)/", path.as_posix()):
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                names = {argument.arg for argument in node.args.kwonlyargs}
                if {"by", "at"} <= names:
                    found[node.name] = (path, node)
    return found


def _called(tree: ast.AST) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                owner = function.value.id if isinstance(function.value, ast.Name) else ""
                names.add(f"{owner}.{function.attr}" if owner == "audit" else function.attr)
            elif isinstance(function, ast.Name):
                names.add(function.id)
    return names


def test_every_writing_verb_writes_its_audit_event():
    bodies: dict[str, set[str]] = {}
    for path in sources("customers", "retention"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                bodies.setdefault(node.name, set()).update(_called(node))
    audited = {name for name, called in bodies.items() if {"audit.record", "audit.record_many"} & called}
    grown = True
    while grown:
        more = {name for name, called in bodies.items() if name not in audited and called & audited}
        grown = bool(more)
        audited |= more
    silent = sorted(
        f"{path.relative_to(ROOT)}: {name}"
        for name, (path, _node) in _verbs().items()
        if name not in audited and name != "record"
    )
    assert _verbs(), "no verbs found"
    assert silent == []


# --- Routes -----------------------------------------------------------------------------------
def routes(patterns=None, prefix: str = "") -> list[tuple[str, URLPattern]]:
    found = []
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            found += routes(pattern.url_patterns, prefix + str(pattern.pattern))
        else:
            found.append((prefix + str(pattern.pattern), pattern))
    return found


def test_every_route_declares_who_may_call_it():
    from customers.access import is_foreign

    undeclared = [
        route
        for route, pattern in routes()
        if not {"roles", "api_access"} & set(vars(pattern.callback)) and not is_foreign(pattern.callback)
        if not route.startswith("admin/")  # what the admin does not declare is refused
    ]
    assert undeclared == []
