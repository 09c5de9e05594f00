"""A sample file for every kind: it imports as it stands, in both languages and both forms."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django.utils import translation

from customers import undo
from customers.ground import clock
from customers.imports import batches, kinds, mapping, samples
from customers.models import Attribute, CustomerList, ExternalRef, ImportBatch
from tests.factories import NOW, CommunityFactory, IndicatorFactory, UserFactory
from tests.loyalty.factories import ProgrammeFactory

pytestmark = pytest.mark.django_db
KINDS = [kind.code for kind in kinds.every()]


@pytest.fixture(autouse=True)
def _company(company, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: NOW)


@pytest.fixture(autouse=True)
def _named():
    """What the samples name and an admin makes beforehand."""
    Attribute.objects.create(code="industry", kind="text", label_en="Industry", label_zh="行业")
    IndicatorFactory()
    CommunityFactory(code="tea-friends")
    ProgrammeFactory()
    CustomerList.objects.create(code="vip", made_at=NOW)


def fetch(client, kind, form):
    answer = client.get(f"{reverse('customers:import_sample', args=[kind])}?format={form}")
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


@pytest.mark.parametrize(("language", "form"), [("en", "csv"), ("zh-hans", "xlsx")])
def test_every_sample_imports_without_a_refused_line(client, tmp_path, language, form):
    client.force_login(UserFactory(role="admin", language=language))
    for kind in KINDS:
        path = tmp_path / f"{kind}.{form}"
        path.write_bytes(fetch(client, kind, form))
        report = batches.import_file(
            path,
            kinds.named(kind),
            mapping.from_data({"on_missing_customer": "create"}),
            errors_to=tmp_path / "errors.csv",
            by=None,
            at=NOW,
        )
        assert (kind, report.lines, report.refused) == (kind, samples.LINES, 0)
        assert report.landed.created, kind


def test_every_sample_is_taken_back_without_a_trace(client, tmp_path):
    client.force_login(UserFactory(role="admin"))
    for kind in KINDS:
        if kind in {"consents", "people"}:
            continue  # evidence stands in the way, accounts stay
        path = tmp_path / f"{kind}.csv"
        path.write_bytes(fetch(client, kind, "csv"))
        batches.import_file(path, kinds.named(kind), mapping.from_data({}), by=None, at=NOW)
    for batch in ImportBatch.objects.order_by("-pk"):
        undo.finish(undo.undo_import(batch, reason="a try", by=None, at=NOW))
        assert not ExternalRef.objects.filter(kind=batch.kind.rstrip("s")).exists(), batch.kind
    assert not ExternalRef.objects.exists()


@pytest.mark.parametrize("kind", KINDS)
def test_header_of_a_sample_is_guessed_whole(kind, company):
    known = kinds.named(kind)
    for language in ("en", "zh-hans"):
        with translation.override(language):
            header = samples.header_of(known)
            assert len(set(header)) == len(header)
        assert mapping.guess(known, header) == dict(zip(known.fields_by_name, header, strict=True))


def test_wizard_leads_to_the_samples_and_only_those_who_import_get_them(client, admin, manager):
    client.force_login(admin)
    page = client.get(reverse("customers:import_new")).content.decode()
    assert all(reverse("customers:import_sample", args=[kind]) in page for kind in KINDS)
    assert client.get(reverse("customers:import_sample", args=["dogs"])).status_code == 404
    client.force_login(manager)
    assert client.get(reverse("customers:import_sample", args=["orders"])).status_code == 403
