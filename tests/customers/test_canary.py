"""P16: a unique value planted in every field of one person is found nowhere after her erasure.

The tables and fields are read from the models' privacy declarations, so that a new one is planted without
anybody thinking of it.
"""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connection, models

from customers import complaints, contacts, customers, erasure, interactions, movers, writing
from customers import contact as contacting
from customers.channels import writing as messages
from customers.ground import clock, drain
from customers.ground.privacy import Data, Erasure
from customers.models import Cause, Contact, Customer, ExternalRef, ImportBatch, UnknownFeedback
from retention import cases
from retention import loop as looping
from retention.models import LoopClosure
from surveys import answering, invitations
from surveys.definition import Given
from tests.factories import NOW, OrderFactory, OrderLineFactory, UserFactory, day
from tests.surveys.makers import live

pytestmark = pytest.mark.django_db(transaction=True, serialized_rollback=True)
LATER = NOW + timedelta(days=1)
SAID = {Data.IDENTITY, Data.REACH, Data.TEXT}
NOT_OF_CUSTOMERS = {"admin.LogEntry"}  # tables of libraries
CHANGEABLE = {"surveys.Invitation": models.Q(answered_at=None)}  # what is answered keeps no draft


class Canaries:
    """Makes words that stand nowhere else, and looks for them everywhere."""

    def __init__(self) -> None:
        self.words: list[str] = []

    def word(self) -> str:
        self.words.append(f"kanari{uuid.uuid4().hex[:10]}")
        return self.words[-1]

    def found(self, text: str) -> list[str]:
        return sorted({word for word in self.words if word in text})


def value_for(field: models.Field[Any, Any], word: str) -> Any:
    if isinstance(field, models.JSONField):
        return {"said": word}
    if isinstance(field, models.EmailField):
        return f"{word}@example.org"
    return word[: field.max_length] if field.max_length else word


SOUND: dict[str, dict[str, Any]] = {"loyalty.PointsEntry": {"points": 1}}
"""What a row needs beside what it cannot be without, for the database to take it."""


def planted_fields(model: type[models.Model]) -> list[str]:
    """Return the fields of a table that can hold what somebody is called, reached by, or said.

    Those of a closed list hold none of it: the database refuses what does not stand in the list.
    """
    declared = getattr(model, "privacy", {})
    return [
        name
        for name, (data, action) in declared.items()
        if data in SAID
        and action is not Erasure.KEEP
        and isinstance(model._meta.get_field(name), models.CharField | models.TextField | models.JSONField)
        and not model._meta.get_field(name).choices
    ]


def persons_tables() -> list[type[models.Model]]:
    """Return every table with a row of a person: a column of a customer or contact, or the person itself."""
    return [
        model
        for model in apps.get_models()
        if model._meta.label not in NOT_OF_CUSTOMERS
        and planted_fields(model)
        and (model in (Customer, Contact) or movers._persons_of(model))
    ]


def plant(canaries: Canaries, customer: Customer, contact: Contact) -> set[str]:
    """Put a word into every field of every table of the person; return the tables that had a row."""
    reached = set()
    for model in persons_tables():
        persons = movers._persons_of(model)
        rows = model._base_manager.filter(
            models.Q(**{persons["customer"]: customer.pk}) if "customer" in persons else models.Q(),
            models.Q(**{persons["contact"]: contact.pk}) if set(persons) == {"contact"} else models.Q(),
        )
        rows = rows.filter(CHANGEABLE.get(model._meta.label, models.Q())).order_by("pk")
        if model is Customer:
            rows = rows.filter(pk=customer.pk)
        elif model is Contact:
            rows = rows.filter(customer=customer)
        if not rows.exists():
            make(model, customer, contact, canaries)
            rows = model._base_manager.filter(pk=model._base_manager.latest("pk").pk)
        said = {
            name: value_for(model._meta.get_field(name), canaries.word())
            for name in planted_fields(model)
            if not model._meta.get_field(name).unique
        }
        if said:
            model._base_manager.filter(pk__in=list(rows.values_list("pk", flat=True))[:1]).update(**said)
        reached.add(model._meta.label)
    return reached


def make(model: type[models.Model], customer: Customer, contact: Contact, canaries: Canaries) -> None:
    """Make a row of a table that nothing else here makes: every needed field gets the plainest value."""
    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.primary_key or field.has_default() or (field.null and field.name != "customer"):
            continue
        if field.attname in ("customer_id", "contact_id"):
            values[field.attname] = customer.pk if field.attname == "customer_id" else contact.pk
        elif field.is_relation:
            other: Any = field.related_model
            values[field.name] = other._base_manager.first() or related(other, customer, contact, canaries)
        elif isinstance(field, models.DateTimeField):
            values[field.name] = NOW
        elif isinstance(field, models.DateField):
            values[field.name] = NOW.date()
        elif isinstance(field, models.IntegerField | models.DecimalField | models.FloatField):
            values[field.name] = (
                field.choices[0][0] if field.choices else (1 if "day" not in field.name else day(NOW))
            )
        elif isinstance(field, models.BooleanField):
            values[field.name] = False
        elif isinstance(field, models.BinaryField):
            values[field.name] = b""
        elif isinstance(field, models.UUIDField):
            values[field.name] = uuid.uuid4()
        elif not field.blank:
            word = f"x{uuid.uuid4().hex[:6]}"
            values[field.name] = field.choices[0][0] if field.choices else value_for(field, word)
    model._base_manager.create(**{**values, **SOUND.get(model._meta.label, {})})


def related(other: Any, customer: Customer, contact: Contact, canaries: Canaries) -> Any:
    make(other, customer, contact, canaries)
    return other._base_manager.latest("pk")


def dump(folder: Path) -> str:
    """Return the whole database as text: a dump where there is the tool, else every row of every table."""
    if connection.vendor == "sqlite":
        return "\n".join(connection.connection.iterdump())
    if shutil.which("pg_dump"):
        said = connection.settings_dict
        told = subprocess.run(
            [
                "pg_dump",
                "-h",
                said["HOST"] or "127.0.0.1",
                "-p",
                str(said["PORT"] or 5432),
                "-U",
                said["USER"],
                said["NAME"],
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
        if told.returncode == 0:
            return told.stdout
    rows = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows += [
                str([bytes(v) if isinstance(v, memoryview) else v for v in row]) for row in cursor.fetchall()
            ]
    return "\n".join(rows)


def everywhere(folder: Path) -> str:
    """Return the database, Redis, and every file below media and the log of erasures, as one text."""
    texts = [dump(folder)]
    for root in (Path(django_settings.MEDIA_ROOT), Path(django_settings.ERASURE_LOG).parent):
        for path in root.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
                texts += [path.name, data.decode("utf-8", "replace"), data.decode("gb18030", "replace")]
    if django_settings.REDIS_URL:
        import redis

        server = redis.Redis.from_url(django_settings.REDIS_URL)
        for key in server.scan_iter(count=1000):
            texts += [repr(key), repr(server.dump(key))]
    return "\n".join(texts)


@pytest.fixture
def _outside(settings, tmp_path):
    settings.ERASURE_LOG = tmp_path / "var" / "erasures.log"
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.mark.parametrize("kind", ["person", "company"])
def test_a_canary_in_every_field_is_found_nowhere_after_erasure(company, _outside, tmp_path, client, kind):
    clock.fix(NOW)
    canaries, user = Canaries(), UserFactory(role="admin")
    customer = customers.create_customer(
        name=canaries.word(),
        kind=kind,
        contact={
            "name": canaries.word(),
            "phone": canaries.word(),
            "email": f"{canaries.word()}@example.org",
        },
        by=user,
        at=NOW,
    )
    contact = customer.contacts.get()
    said = interactions.log_interaction(
        customer, kind="call", text=canaries.word(), contact=contact, by=user, at=NOW
    )
    filed = complaints.file_complaint(customer, text=canaries.word(), contact=contact, by=user, at=NOW)
    drain.until_empty(at=NOW)  # a case opens
    case = cases.open_case(customer, kind="save", severity=2, reason=canaries.word(), by=user, at=NOW)
    loop = LoopClosure.objects.get(complaint=filed)
    looping.log_contact(loop, text=canaries.word(), by=user, at=NOW)
    looping.diagnose_loop(loop, cause=Cause.objects.get(code="price"), by=user, at=NOW)
    looping.act(loop, action="corrected", text=canaries.word(), by=user, at=NOW)
    looping.ask_customer(loop, message=canaries.word(), by_hand=True, by=user, at=NOW)
    looping.not_solved(loop, words=canaries.word(), by=None, at=NOW)
    UnknownFeedback.objects.create(
        kind="complaint",
        channel="web",
        text=canaries.word(),
        stated_name=canaries.word(),
        stated_reach=canaries.word(),
        language="en",
        source="form",
        external_id=canaries.word(),
        occurred_at=NOW,
        recorded_at=NOW,
        respond_by=NOW,
        due_at=NOW,
        state="linked",
        complaint=filed,
    )
    asked = contacting.reserve_contact(contact, purpose="service", channel="email", key="k", by=user, at=NOW)
    messages.send_message(asked, subject=canaries.word(), text=canaries.word(), by=user, at=NOW)
    order = OrderFactory(customer=customer, number=canaries.word())
    answer_surveys(contact, canaries)
    OrderLineFactory(order=order, description=canaries.word())
    for row in (customer, contact, order, said, filed):
        ExternalRef.objects.create(
            source="crm", kind=row._meta.model_name, external_id=canaries.word(), object_id=row.pk
        )
    # values overwritten by verbs lie under seal; the others are planted over what stands
    customers.change_customer(customer, name=canaries.word(), notes=canaries.word(), by=user, at=LATER)
    contacts.change_contact(contact, name=canaries.word(), by=user, at=LATER)
    writing.revise(said, text=canaries.word(), at=LATER)
    reached = plant(canaries, customer, contact)
    assert {"customers.Customer", "customers.Contact", "retention.RetentionCase"} <= reached
    assert reached == {model._meta.label for model in persons_tables()}
    contact.refresh_from_db()
    upload(tmp_path, user, [contact.phone, contact.name])
    copy = ask(client, user, contact)
    assert canaries.found(copy)

    before = canaries.found(everywhere(tmp_path))
    assert contact.name in before and case.pk
    receipt = erasure.erase_customer(customer, reason="request", by=user, at=LATER)
    erasure.finish(receipt, at=LATER)
    drain.until_empty(at=LATER)
    assert canaries.found(everywhere(tmp_path)) == []
    assert order.customer_id == customer.pk and order.sold  # sums hold
    call_command("replay_erasures")
    assert canaries.found(everywhere(tmp_path)) == []


def answer_surveys(contact: Contact, canaries: Canaries) -> None:
    """Leave one survey begun and one answered."""
    for is_sent in (False, True):
        invited = {"survey": live(f"s{is_sent}".lower()), "contact": contact, "by": None, "at": NOW}
        invitation, _token = invitations.invite(**invited, now=clock.real_now())
        given = {"nps": Given(number=3, text=canaries.word())}
        if is_sent:
            answering.submit(invitation, answers=given, by=None, now=clock.real_now(), at=NOW)
        else:
            answering.keep(invitation, answers=given, page=0, now=clock.real_now())


def upload(folder: Path, user: Any, words: list[str]) -> None:
    """Leave files of imports that name her."""
    media = Path(django_settings.MEDIA_ROOT) / "imports"
    media.mkdir(parents=True)
    (media / "u.csv").write_text(f"id,name\n1,{words[0]}\n2,other\n")
    (media / "g.csv.gz").write_bytes(gzip.compress(f"id;name\n1;{words[0]}\n".encode()))
    (media / "d.errors.csv").write_text(f"id,name,error_reason\n1,{words[1]},x\n2,other,y\n")
    shared = {"kind": "customers", "made_at": NOW, "by": user}
    ImportBatch.objects.create(**shared, status="uploaded", stored_as="u.csv", file_name="u.csv")
    ImportBatch.objects.create(**shared, status="uploaded", stored_as="g.csv.gz", file_name="g.csv.gz")
    ImportBatch.objects.create(
        **shared, status="done", stored_as="d.csv", error_stored_as="d.errors.csv", problem=words[1]
    )


def ask(client: Any, user: Any, contact: Contact) -> str:
    """Call the API, whose answer is kept for repeats."""
    client.force_login(user)
    etag = client.get(f"/api/v1/contacts/{contact.pk}/")["ETag"]
    answer = client.patch(
        f"/api/v1/contacts/{contact.pk}/",
        json.dumps({"role": "buyer"}),
        content_type="application/json",
        headers={
            "Idempotency-Key": uuid.uuid4().hex,
            "If-Match": etag,
        },
    )
    assert answer.status_code == 200, answer.content
    return answer.content.decode()
