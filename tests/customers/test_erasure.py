"""Erasing people: all or nothing, once, for good; and nobody comes back by the next file or a restore."""

from __future__ import annotations

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from customers import customers, erasure, interactions, movers, writing
from customers.batch import (
    ConsentRecord,
    ContactRecord,
    CustomerRecord,
    InteractionRecord,
    OrderRecord,
    upsert_consents,
    upsert_contacts,
    upsert_customers,
    upsert_interactions,
    upsert_orders,
)
from customers.batch.records import Line
from customers.erasure import log, names
from customers.ground.models import AuditEvent, Event, HolderKey, SealedValue
from customers.models import (
    Attachment,
    Contact,
    Customer,
    ErasedName,
    ErasureReceipt,
    ExternalRef,
    Interaction,
    Order,
)
from tests.factories import NOW, ContactFactory, CustomerFactory, OrderFactory, ago

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def _outside(settings, tmp_path):
    settings.ERASURE_LOG = tmp_path / "var" / "erasures.log"
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def private(company):
    """A private customer with her main contact and what was said, known to the shop as C1 and K1."""
    customer = customers.create_customer(
        name="Liu Yan", kind="person", contact={"phone": "13800001111"}, notes="likes tea", by=None, at=ago(9)
    )
    refer(customer, "C1")
    refer(customer.contacts.get(), "K1")
    interactions.log_interaction(customer, kind="call", text="Her son is ill.", by=None, at=ago(3))
    OrderFactory(customer=customer, number="SO-1")
    return customer


def refer(row, name, *, source="shop"):
    kind = row._meta.model_name
    return ExternalRef.objects.create(source=source, kind=kind, external_id=name, object_id=row.pk)


def erase(customer, *, at=NOW, by=None):
    return erasure.erase_customer(customer, reason="request", by=by, at=at)


# --- What goes, what stays ---------------------------------------------------------------------
def test_erase_customer_blanks_names_and_words_and_keeps_the_sums(private, admin):
    receipt = erase(private, by=admin)
    contact = private.contacts.get()
    assert (private.name, private.notes, private.erased_at) == (f"#{private.pk}", "", NOW)
    assert (contact.name, contact.phone, contact.erased_at) == (f"#{contact.pk}", "", NOW)
    assert Interaction.objects.get().text == ""
    order = Order.objects.get()
    assert (order.customer, order.sold, order.number) == (private, 10000, "")
    assert not ExternalRef.objects.exists()
    assert receipt.counts["customers.Customer"] == 1 and receipt.names == 2 and receipt.by == admin
    audited = AuditEvent.objects.get(act="person.erase")
    assert audited.codes == {"receipt": receipt.number, "reason": "request"}
    assert Event.objects.get(kind="person.erased").data == {"receipt": receipt.pk}


def test_erase_customer_leaves_others_alone(private):
    other = CustomerFactory(name="Other")
    refer(other, "C2")
    mine = SealedValue.objects.count()
    customers.change_customer(other, notes="x", name="Other Ltd", by=None, at=LATER)
    erase(private)
    other.refresh_from_db()
    assert (other.name, other.erased_at) == ("Other Ltd", None)
    assert other.contacts.get().phone and ExternalRef.objects.get().external_id == "C2"
    assert SealedValue.objects.count() == mine + 1


def test_erase_person_of_a_private_customers_main_contact_takes_the_customer(private):
    erasure.erase_person(private.contacts.get(), reason="request", by=None, at=NOW)
    private.refresh_from_db()
    assert private.name == f"#{private.pk}" and private.erased_at == NOW


@pytest.mark.parametrize("kind", ["company", "person"])
def test_erase_person_of_another_contact_leaves_the_customer(company, kind):
    customer = CustomerFactory(kind=kind, name="Blue Lake")
    second = ContactFactory(customer=customer, is_main=False, name="Wang Jing")
    said = interactions.log_interaction(customer, kind="call", text="Secret", contact=second, by=None, at=NOW)
    kept = interactions.log_interaction(customer, kind="call", text="Public", by=None, at=NOW)
    erasure.erase_person(second, reason="request", by=None, at=NOW)
    for row in (customer, said, kept):
        row.refresh_from_db()
    assert (customer.name, customer.erased_at) == ("Blue Lake", None)
    assert (said.text, kept.text) == ("", "Public")
    assert customer.contacts.get(is_main=True).erased_at is None


def test_erase_destroys_keys_and_sealed_values(private):
    customers.change_customer(private, name="Liu Yan-Li", by=None, at=LATER)
    writing.revise(Interaction.objects.get(), text="Her son is well.", at=LATER)
    assert SealedValue.objects.exists()
    erase(private)
    assert not SealedValue.objects.exists() and not HolderKey.objects.exists()


def test_erase_twice_gives_the_first_receipt_and_writes_nothing(private):
    first = erase(private)
    written = AuditEvent.objects.count()
    again = erasure.erase_customer(Customer.objects.get(), reason="other", by=None, at=LATER)
    assert again == first and ErasureReceipt.objects.count() == 1
    assert AuditEvent.objects.count() == written


def test_erase_again_after_new_words_takes_them_too(private):
    first = erase(private)
    interactions.log_interaction(private, kind="call", text="Called as Liu Yan", by=None, at=NOW)
    second = erase(private, at=LATER)
    assert second != first and not Interaction.objects.exclude(text="").exists()


def test_erase_that_dies_in_the_middle_changes_nothing(
    private, monkeypatch, django_capture_on_commit_callbacks
):
    def die(person, pk):
        raise RuntimeError("killed")

    monkeypatch.setitem(movers._erasers, ErasureReceipt, die)  # after every other table
    with django_capture_on_commit_callbacks(execute=True), pytest.raises(RuntimeError):
        erase(private)
    private.refresh_from_db()
    assert private.name == "Liu Yan" and private.erased_at is None
    assert Interaction.objects.get().text and ExternalRef.objects.count() == 2
    assert not ErasedName.objects.exists() and not ErasureReceipt.objects.exists()
    assert not log.path().exists()


def test_receipts_say_nothing_of_the_person(private):
    receipt = erase(private)
    said = json.dumps([receipt.counts, receipt.number, receipt.reason, receipt.object_id])
    assert "Liu" not in said and "C1" not in said


# --- Nobody comes back -------------------------------------------------------------------------
def reasons(landed):
    return [(refusal.field, refusal.reason.code) for refusal in landed.refused]


def test_next_file_refuses_the_customer_with_the_day(private):
    erase(private)
    records = [
        CustomerRecord(external_id="C1", values={"name": "Liu Yan"}),
        CustomerRecord(external_id="C9", values={"name": "New"}),
    ]
    landed = upsert_customers(records, source="shop", batch=None, at=LATER)
    assert landed.created == 1 and reasons(landed) == [("external_id", "was_erased")]
    assert "2026-05-11" in str(landed.refused[0].reason)
    assert not Customer.objects.filter(name="Liu Yan").exists()


def test_the_same_id_of_another_system_is_somebody_else(private):
    erase(private)
    record = CustomerRecord(external_id="C1", values={"name": "Another"})
    assert upsert_customers([record], source="erp", batch=None, at=LATER).created == 1


def fact(**more):
    return {"external_id": "N1", "customer": "C1", "occurred_at": ago(1), "recorded_at": NOW, **more}


@pytest.mark.parametrize("create", [True, False])
@pytest.mark.parametrize("by_number", [True, False])
def test_facts_of_an_erased_customer_are_refused(private, create, by_number):
    erase(private)
    who = {"customer": private.pk} if by_number else {}
    order = OrderRecord(**fact(currency="CNY", lines=[Line(1, 1, 5)], **who))
    said = InteractionRecord(**fact(values={"kind": "call", "text": "Liu Yan called"}, **who))
    shared = {"source": "shop", "batch": None, "at": LATER, "create_missing": create}
    assert reasons(upsert_orders([order], **shared)) == [("customer", "was_erased")]
    assert reasons(upsert_interactions([said], **shared)) == [("customer", "was_erased")]
    assert Order.objects.count() == Interaction.objects.count() == Customer.objects.count() == 1


def test_contacts_and_consents_of_erased_people_are_refused(private):
    refer(other := CustomerFactory(), "C2")
    refer(gone := ContactFactory(customer=other, is_main=False), "K2")
    erase(private)
    erasure.erase_person(gone, reason="request", by=None, at=NOW)
    contacts = [
        ContactRecord(external_id="K1", customer="C2", values={"name": "Liu Yan"}),
        ContactRecord(external_id="K2", customer="C2", values={"name": "Back"}),
        ContactRecord(external_id="K3", customer="C1", values={"name": "Liu Yan"}),
        ContactRecord(external_id="K4", customer="C2", values={"name": "New"}),
    ]
    shared = {"source": "shop", "batch": None, "at": LATER}
    landed = upsert_contacts(contacts, **shared)
    assert landed.created == 1
    assert sorted(reasons(landed)) == [
        ("customer", "was_erased"),
        ("external_id", "was_erased"),
        ("external_id", "was_erased"),
    ]
    said = InteractionRecord(**fact(customer="C2", contact="K2", values={"kind": "call", "text": "Back"}))
    assert reasons(upsert_interactions([said], **shared)) == [("contact", "was_erased")]
    agreed = ConsentRecord(
        external_id="E1",
        customer="C2",
        contact="K2",
        purpose="offer",
        channel="email",
        is_given=True,
        text="",
        occurred_at=ago(1),
        recorded_at=NOW,
    )
    assert reasons(upsert_consents([agreed], **shared)) == [("contact", "was_erased")]


def test_an_import_that_read_before_the_erasure_does_not_write_after_it(private, monkeypatch):
    """The row is looked up, somebody erases her, then the import comes to write."""
    from customers.batch import landing, references

    erase(private)
    find_refs, calls = landing.find_refs, []

    def stale(kind, wanted, *, source):
        calls.append(kind)
        return {"C1": private.pk} if len(calls) == 1 else find_refs(kind, wanted, source=source)

    monkeypatch.setattr(landing, "find_refs", stale)
    asked = references.erased
    monkeypatch.setattr(references, "erased", lambda *said, **more: asked(*said, **more) if calls else {})
    record = CustomerRecord(external_id="C1", values={"name": "Liu Yan again"})
    landed = upsert_customers([record], source="shop", batch=None, at=LATER)
    assert reasons(landed) == [("external_id", "was_erased")]
    assert Customer.objects.get().name == f"#{private.pk}"


def test_digests_need_the_key_and_not_the_secret_key(private, settings):
    erase(private)
    before = names.digest("shop", "customer", "C1")
    settings.SECRET_KEY = "another" * 9
    assert names.digest("shop", "customer", "C1") == before
    names.key_file().unlink()
    with pytest.raises(names.KeyMissing):
        names.erased("customer", ["C1"], source="shop")
    settings.ERASURE_KEY = "k" * 40
    assert names.digest("shop", "customer", "C1") != before


def test_names_ask_once_while_nobody_was_erased(company, django_assert_num_queries):
    with django_assert_num_queries(1):
        assert names.erased("customer", ["C1"], source="shop") == {}


# --- After a restore ---------------------------------------------------------------------------
def dumped():
    """What a backup of the tables of people would hold."""
    return [list(m.objects.values()) for m in (Customer, Contact, ExternalRef)]


def restored(rows):
    """Bring the tables back to what the backup held, as if nobody had been erased."""
    for model, values in zip((Customer, Contact), rows[:2], strict=True):
        for value in values:
            pk = value.pop("id")
            model.objects.filter(pk=pk).update(**value)
    ExternalRef.objects.all().delete()
    ExternalRef.objects.bulk_create(ExternalRef(**value) for value in rows[2])


def forget_receipts():
    from django.db import connection

    from customers.ground import guards

    guards.remove(connection)
    ErasureReceipt.objects.all().delete()
    ErasedName.objects.all().delete()
    guards.install(connection)


def test_replay_erases_again_whom_a_backup_brought_back(private, django_capture_on_commit_callbacks):
    backup = dumped()
    with django_capture_on_commit_callbacks(execute=True):
        receipt = erase(private)
    forget_receipts()
    restored(backup)
    assert Customer.objects.get().name == "Liu Yan"
    assert erasure.replay(at=LATER) == {"lines": 1, "replayed": 1, "people": 1}
    assert Customer.objects.get().name == f"#{private.pk}" and not ExternalRef.objects.exists()
    again = ErasureReceipt.objects.get()
    assert (again.number, again.at, again.is_replay) == (receipt.number, NOW, True)
    record = CustomerRecord(external_id="C1", values={"name": "Liu Yan"})
    landed = upsert_customers([record], source="shop", batch=None, at=LATER)
    assert reasons(landed) == [("external_id", "was_erased")]
    assert erasure.replay(at=LATER)["replayed"] == 0


def test_replay_spares_whoever_got_the_number_meanwhile(private, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        erase(private)
    forget_receipts()
    Customer.objects.update(name="Somebody New", created_at=LATER, erased_at=None)
    Contact.objects.update(name="Somebody New", created_at=LATER, erased_at=None)
    assert erasure.replay(at=LATER) == {"lines": 1, "replayed": 1, "people": 0}
    assert Customer.objects.get().name == "Somebody New"
    assert ErasedName.objects.count() == 2  # her ids stay refused


def test_replay_reads_this_databases_lines_only_and_bears_half_a_line(private):
    log.book()  # it has its name before somebody else writes
    log.append({"book": "another", "receipt": "X-1", "people": [], "names": [], "at": "", "reason": ""})
    with log.path().open("ab") as file:
        file.write(b'{"book": "' + log.book().encode())
    assert erasure.replay(at=LATER) == {"lines": 0, "replayed": 0, "people": 0}
    log.append({"book": log.book(), "receipt": "X-2", "people": [], "names": []})
    assert [line["receipt"] for line in log.lines()] == ["X-2"]


def test_log_is_made_up_when_the_process_died_after_the_commit(private):
    receipt = erase(private)  # its callbacks after the commit never ran
    assert not log.path().exists()
    erasure.finish(receipt, at=NOW)
    (line,) = log.lines()
    assert line["receipt"] == receipt.number and "Liu" not in json.dumps(line)
    assert line["people"][-1] == ["customer", private.pk, private.created_at.isoformat()]
    assert log.path().stat().st_mode & 0o777 == 0o600


# --- Commands ----------------------------------------------------------------------------------
def run(command, *args):
    out = StringIO()
    call_command(command, *args, stdout=out)
    return out.getvalue()


@pytest.mark.parametrize("by_source", [True, False])
def test_commands_erase_by_number_or_by_the_id_of_a_source(private, by_source):
    ref = "shop:C1" if by_source else f"customer:{private.pk}"
    said = json.loads(run("erase_customer", ref, "--json").splitlines()[-1])
    receipt = ErasureReceipt.objects.get()
    assert said["receipt"] == receipt.number and said["refused_ids"] == 2
    assert log.path().exists()
    with pytest.raises(CommandError, match="There is no customer"):
        run("erase_customer", "shop:C1")


def test_command_erases_a_contact(company):
    customer = CustomerFactory()
    refer(contact := ContactFactory(customer=customer, is_main=False), "K7")
    assert "Receipt" in run("erase_person", "shop:K7", "--reason", "withdrawn")
    contact.refresh_from_db()
    assert contact.erased_at and ErasureReceipt.objects.get().reason == "withdrawn"
    for ref in ("contact:0", "contact:x", "customer:1", "", "contact:99999999999999999999"):
        with pytest.raises(CommandError):
            run("erase_person", ref)


def test_replay_command_says_what_it_did(private):
    erasure.finish(erase(private), at=NOW)
    assert json.loads(run("replay_erasures", "--json")) == {"lines": 1, "replayed": 0, "people": 0}
    assert run("replay_erasures") == ""


# --- A copy ------------------------------------------------------------------------------------
def test_export_tells_everything_of_one_and_nothing_of_others(private, admin):
    customers.change_customer(private, name="Liu Yan-Li", by=None, at=LATER)
    CustomerFactory(name="Other")
    told = erasure.export_person(private, by=admin, at=NOW)
    text = json.dumps(told, ensure_ascii=False)
    for word in ("Liu Yan-Li", "13800001111", "Her son is ill.", "SO-1", "C1", "K1", "likes tea"):
        assert word in text, word
    assert told["earlier_values"][-1]["values"]["before"] == {"name": "Liu Yan"}
    assert "Other" not in text
    assert AuditEvent.objects.filter(act="person.export", actor_id=admin.pk).count() == 1
    assert "Her son is ill." in run("export_person", f"customer:{private.pk}")


# --- Files -------------------------------------------------------------------------------------
def test_import_files_lose_the_persons_lines(private, company):
    from customers.erasure import files
    from customers.models import ImportBatch

    files.folder().mkdir(parents=True)
    made = {"kind": "customers", "made_at": NOW}
    done = ImportBatch.objects.create(
        **made, status="done", stored_as="a.csv", error_stored_as="a.errors.csv"
    )
    held = ImportBatch.objects.create(**made, status="uploaded", stored_as="b.csv", file_name="b.csv")
    free = ImportBatch.objects.create(**made, status="uploaded", stored_as="c.csv")
    (files.folder() / "a.errors.csv").write_text("id,name\nC1,x\nC11,y\nC3,Liu Yan\nC4,z\n")
    (files.folder() / "b.csv").write_bytes("编号;姓名;电话\nC7;甲;13800001111\n".encode("gb18030"))
    (files.folder() / "c.csv").write_text("id,name\nC11,Liu\n")
    receipt = erase(private)
    assert receipt.counts["files"] == 2
    erasure.finish(receipt, at=NOW)
    left = (files.folder() / "a.errors.csv").read_text(encoding="utf-8-sig").split()
    assert left == ["id,name", "C11,y", "C4,z"]
    assert not (files.folder() / "b.csv").exists() and (files.folder() / "c.csv").exists()
    for batch in (done, held, free):
        batch.refresh_from_db()
    assert (done.status, held.status, free.status) == ("done", "refused", "uploaded")


def test_attached_files_go_from_the_disk(private, settings):
    folder = settings.MEDIA_ROOT / "attachments"
    folder.mkdir(parents=True)
    other = CustomerFactory()
    for customer, name in ((private, "a1"), (other, "b2")):
        Attachment.objects.create(
            customer=customer, name="Contract.pdf", type="pdf", size=1, stored_as=name, added_at=NOW
        )
        (folder / name).write_bytes(b"x")
    erasure.finish(erase(private), at=NOW)
    assert [path.name for path in folder.iterdir()] == ["b2"]
    assert Attachment.objects.get().customer == other


def test_ending_an_erasure_twice_takes_out_the_same_lines_once(private):
    from customers.erasure import files
    from customers.ground.models import OutboxRow
    from customers.models import ImportBatch

    files.folder().mkdir(parents=True)
    ImportBatch.objects.create(
        kind="customers", made_at=NOW, status="done", stored_as="a.csv", error_stored_as="a.errors.csv"
    )
    path = files.folder() / "a.errors.csv"
    path.write_text("id,name\nC1,x\nC2,y\nC3,z\n")
    erase(private)
    row = OutboxRow.objects.get(handler="customers.erasure_ended")
    for _time in range(2):
        files.end(row, NOW)
    assert path.read_text(encoding="utf-8-sig").split() == ["id,name", "C2,y", "C3,z"]
    assert len(list(log.lines())) == 1
