"""The OpenAPI document: committed, true to the code, valid, and shown on a page.

After a deliberate change: ``LIUKE_WRITE_DOCS=1 pytest tests/api/test_schema.py``.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import translation
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

import customers
import retention
from customers.ground.api.problems import CODES
from customers.ground.errors import Refused

pytestmark = pytest.mark.slow  # asks of no database what another would answer otherwise: once is enough

DOCUMENT = Path(settings.BASE_DIR) / "docs" / "openapi.yaml"
MANUAL = Path(settings.BASE_DIR) / "docs" / "api.md"
CODES_BEGIN, CODES_END = "<!-- codes -->\n", "<!-- /codes -->\n"


@pytest.fixture(scope="module")
def schema():
    with translation.override("en"):
        return SchemaGenerator().get_schema(request=None, public=True)


def operations(schema):
    return [
        (verb, path, operation)
        for path, verbs in schema["paths"].items()
        for verb, operation in verbs.items()
    ]


def test_committed_document_is_what_the_code_says(schema):
    now = OpenApiYamlRenderer().render(schema, renderer_context={}).decode()
    if os.environ.get("LIUKE_WRITE_DOCS"):
        DOCUMENT.write_text(now)
    assert DOCUMENT.read_text() == now, "LIUKE_WRITE_DOCS=1 pytest tests/api/test_schema.py"


def test_document_is_valid_openapi(schema):
    validate_schema(schema)


def test_generator_has_nothing_to_complain_of(tmp_path):
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "api.yaml"))


def test_every_operation_tells_what_one_needs_to_call_it(schema):
    seen, poor = set(), []
    for verb, path, operation in operations(schema):
        headers = {p["name"] for p in operation.get("parameters", []) if p["in"] == "header"}
        answers = set(operation["responses"])
        unsafe = verb not in {"get", "head"}
        if not operation.get("summary") or len(operation["tags"]) != 1 or not operation["tags"][0]:
            poor.append((verb, path, "summary, tag"))
        if operation["operationId"] in seen:
            poor.append((verb, path, "operationId"))
        is_upload = path == "/api/v1/imports/recurring/"  # with the token of that recurring import alone
        if operation["security"] != ([{"upload": []}] if is_upload else [{"token": []}, {"session": []}]):
            poor.append((verb, path, "security"))
        if not {"400", "401", "403", "404", "405", "406", "429", "500", "503"} <= answers:
            poor.append((verb, path, "refusals"))
        if unsafe != ("Idempotency-Key" in headers) or unsafe != (
            {"409", "413", "415", "422", "428"} <= answers
        ):
            poor.append((verb, path, "key"))
        if (verb == "patch") > ("If-Match" in headers and "412" in answers):
            poor.append((verb, path, "If-Match"))
        content = operation.get("requestBody", {}).get("content", {})
        if "multipart/form-data" not in content and any("examples" not in said for said in content.values()):
            poor.append((verb, path, "example"))
        seen.add(operation["operationId"])
    assert poor == []
    assert len(seen) > 80


def test_schema_is_public_and_its_page_is_not(client, manager):
    assert client.get("/api/v1/schema/").status_code == 200
    assert client.get("/api/v1/docs/").status_code == 302
    client.force_login(manager)
    page = client.get("/api/v1/docs/")
    assert page.status_code == 200
    assert "<script>" not in page.content.decode() and "style=" not in page.content.decode()
    script = client.get("/api/v1/docs/?script=")
    assert script["Content-Type"].startswith("application/javascript")


def test_schema_is_drawn_once_for_a_process_and_is_the_committed_document(client, monkeypatch):
    yaml = client.get("/api/v1/schema/", headers={"Accept-Language": "zh-hans"})
    assert yaml["Content-Type"] == "application/vnd.oai.openapi"
    assert yaml.content.decode() == DOCUMENT.read_text()
    as_json = {"Accept": "application/json"}
    json = client.get("/api/v1/schema/", headers=as_json)
    assert json.json()["openapi"] == "3.1.1"
    monkeypatch.setattr(SchemaGenerator, "get_schema", lambda *_, **__: 1 / 0)
    assert client.get("/api/v1/schema/").content == yaml.content
    assert client.get("/api/v1/schema/", headers=as_json).content == json.content


def subclasses(of):
    return {of} | {inner for sub in of.__subclasses__() for inner in subclasses(sub)}


def codes_of_the_product():
    for app in (customers, retention):
        for module in pkgutil.walk_packages(app.__path__, f"{app.__name__}."):
            if ".migrations" not in module.name:
                importlib.import_module(module.name)
    own = [kind for kind in subclasses(Refused) if not kind.__module__.startswith("tests")]
    return sorted({kind.code for kind in own})


def test_manual_lists_every_code_of_a_refusal():
    lines = ["| status | code | means |", "|---|---|---|"]
    lines += [f"| {status} | `{code}` | {meaning} |" for code, (status, meaning) in CODES.items()]
    own = ", ".join(f"`{code}`" for code in codes_of_the_product() if code not in CODES)
    told = "\n".join(lines) + f"\n\nRefusals of the product, all 409: {own}.\n"
    text = MANUAL.read_text()
    before, rest = text.split(CODES_BEGIN)
    after = rest.split(CODES_END)[1]
    if os.environ.get("LIUKE_WRITE_DOCS"):
        MANUAL.write_text(before + CODES_BEGIN + told + CODES_END + after)
    assert MANUAL.read_text() == before + CODES_BEGIN + told + CODES_END + after


def test_refusals_that_resources_declare_exist(schema):
    known = {*codes_of_the_product(), *CODES}
    named = {
        code
        for _verb, _path, operation in operations(schema)
        for line in operation.get("description", "").split("\n")
        if line.startswith("Refusals")
        for code in re.findall(r"`(\w+)`", line)
    }
    assert named and named <= known, named - known
