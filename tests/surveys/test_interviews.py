"""Interviews: begun once, kept without losing anybody's words, finished once, corrected, erased, merged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from customers import causes, competitors, erasure, merges, objections
from customers.competitor_names import CompetitorNameRefused
from customers.ground import sealed
from customers.ground.models import AuditEvent, Event, SealedValue
from customers.models import (
    Cause,
    CompetitorSighting,
    Customer,
    Interaction,
    TouchedCustomer,
    User,
)
from customers.writing import InTheFuture
from surveys.guides import writing
from surveys.interviews import holding
from surveys.interviews.said import (
    ConsentUnclear,
    Held,
    Said,
    SaidTooLong,
    UnknownAnswerCode,
    UnknownQuestion,
    held_of,
)
from surveys.models import Interview, InterviewAnswer, InterviewAnswerVersion
from tests.factories import NOW, ContactFactory, CustomerFactory
from tests.surveys.talks import WHO, begun, document, guide, held, said, words

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=1)
THEN: dict[str, Any] = {"by": None, "at": LATER}


def answers(interview: Interview) -> dict[str, tuple[list[str], str, str]]:
    rows = InterviewAnswer.objects.filter(interview=interview, void=False).order_by("pk")
    return {row.question: (row.chosen, row.note, row.quote) for row in rows}


# --- Beginning --------------------------------------------------------------------------------
def test_two_presses_hold_one_interview_and_another_guide_a_second(customer: Customer) -> None:
    first = begun(customer)
    assert begun(customer).pk == first.pk
    other = begun(customer, guide=guide("review", purpose="relationship"))
    assert Interview.objects.count() == 2 and other.purpose == "relationship"
    assert AuditEvent.objects.filter(act="interview.begin").count() == 2
    holding.drop(first, **WHO)
    assert begun(customer).pk not in {first.pk, other.pk}


def test_who_is_retired_erased_or_anothers_holds_no_interview(customer: Customer) -> None:
    asked = guide()
    stranger = CustomerFactory().contacts.get()
    with pytest.raises(objections.NotTheirs):
        holding.begin(customer, asked, contact=stranger, **WHO)
    writing.retire_guide(asked, **WHO)
    with pytest.raises(writing.GuideRetired):
        begun(customer)
    erasure.erase_customer(customer, reason="request", **WHO)
    with pytest.raises(objections.Erased):
        begun(customer, guide=guide("other"))
    assert not Interview.objects.exists()


# --- While it is held -------------------------------------------------------------------------
def test_what_is_typed_is_kept_as_it_was_typed_and_counts_nowhere_yet(customer: Customer) -> None:
    interview = begun(customer)
    typed = said("price", note="  Raised twice. ", quote="Too dear.", competitor="…", may_quote=None)
    typed = replace(typed, may_quote=True)  # how and when are not typed yet
    holding.save(interview, typed, revision=1, **WHO)
    found = held_of(Interview.objects.get())
    assert found.answers == {"why": Said(("price",), "Raised twice.", "Too dear.")}
    assert (found.competitor, found.may_quote, found.agreed_how) == ("…", True, "")
    assert not InterviewAnswer.objects.exists() and not Interaction.objects.exists()
    assert not Event.objects.filter(kind__startswith="interview.").exists()


def test_who_saves_over_a_colleague_is_told_and_overwrites_nothing(customer: Customer, manager: User) -> None:
    interview = begun(customer)
    mine, theirs = Interview.objects.get(), Interview.objects.get()
    holding.save(theirs, said(note="Theirs"), revision=1, page="b", by=manager, at=NOW)
    with pytest.raises(holding.InterviewChanged) as refused:
        holding.save(mine, said(note="Mine"), revision=1, page="a", **WHO)
    assert str(manager) in str(refused.value)
    assert held_of(Interview.objects.get(pk=interview.pk)).answers["why"].note == "Theirs"


def test_a_page_does_not_contradict_itself(customer: Customer) -> None:
    interview = begun(customer)
    holding.save(interview, said(note="One"), revision=1, page="a", **WHO)
    holding.save(interview, said(note="One two"), revision=1, page="a", **WHO)  # sent before it was answered
    holding.finish(interview, said(note="One two three"), revision=1, page="a", **WHO)
    assert answers(interview)["why"][1] == "One two three"


def test_a_guide_that_changes_while_an_interview_is_held_loses_nothing(customer: Customer) -> None:
    interview = begun(customer)
    back = Held(answers={"back": Said(("yes",), "If it is cheaper.")})
    holding.save(interview, back, revision=1, **WHO)
    only_why = {**document(), "questions": document()["questions"][:1]}
    writing.save_guide(interview.guide, document=only_why, **WHO)
    interview = Interview.objects.get()
    holding.finish(interview, held_of(interview), revision=2, **THEN)
    assert interview.version.number == 1
    assert answers(interview) == {"back": (["yes"], "If it is cheaper.", "")}
    assert begun(customer).version.number == 2


# --- Finishing --------------------------------------------------------------------------------
def test_a_finished_interview_is_facts_an_interaction_and_a_sighting(
    customer: Customer, manager: User
) -> None:
    contact = customer.contacts.get()
    interview = begun(customer, by=manager, kind="visit")
    TouchedCustomer.objects.all().delete()
    written = said(
        *("late_delivery", "price"),
        note="Twice late.",
        quote="I was waiting for days.",
        summary="Left for Rival.",
        competitor="Rival",
        offered="10 % less",
        held_at=NOW - timedelta(days=1),
    )
    written = replace(written, answers={**written.answers, "back": Said(("no",))})
    holding.finish(interview, written, revision=1, by=manager, at=LATER)
    # causes in the order of the catalogue, as they stand on the page
    assert answers(interview) == {
        "why": (["late_delivery", "price"], "Twice late.", "I was waiting for days."),
        "back": (["no"], "", ""),
    }
    row = InterviewAnswer.objects.filter(question="back").get()
    assert (row.customer, row.contact, row.occurred_at, row.recorded_at) == (
        customer,
        contact,
        NOW - timedelta(days=1),
        LATER,
    )
    spoken = Interaction.objects.get()
    assert (spoken.kind, spoken.text, spoken.contact, spoken.by, spoken.reached) == (
        "visit",
        "Left for Rival.",
        contact,
        manager,
        True,
    )
    seen = CompetitorSighting.objects.get()
    assert (seen.competitor.name, seen.offered, seen.learnt_from) == ("Rival", "10 % less", "customer")
    interview.refresh_from_db()
    assert (interview.status, interview.draft, interview.interaction, interview.sighting) == (
        "done",
        None,
        spoken,
        seen,
    )
    assert TouchedCustomer.objects.filter(customer=customer).exists()
    assert Event.objects.get(kind="interview.finished").subject_id == interview.pk
    held_by = AuditEvent.objects.get(act="interview.finish")
    assert (held_by.actor_id, held_by.customer_id) == (manager.pk, customer.pk)


def test_without_a_summary_the_timeline_names_the_guide(customer: Customer) -> None:
    held(customer, "price", quote="Never say this.")
    assert Interaction.objects.get().text in {"Interview: Guide exit", "访谈：提纲 exit"}


def test_finished_twice_is_refused_and_written_once(customer: Customer) -> None:
    interview = begun(customer)
    stale = Interview.objects.get()
    holding.finish(interview, said("price"), revision=1, **WHO)
    for again in (interview, stale):
        with pytest.raises(holding.InterviewEnded):
            holding.finish(again, said("price"), revision=1, **WHO)
    assert (Interaction.objects.count(), InterviewAnswer.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("written", "refusal"),
    [
        (Held(), holding.NothingSaid),
        (said(note=" \x00 "), holding.NothingSaid),
        (said(offered="10 %"), holding.NothingSaid),
        (said(note="x" * 4001), SaidTooLong),
        (said(quote="x" * 1001), SaidTooLong),
        (said("nonsense"), UnknownAnswerCode),
        (Held(answers={"back": Said(("perhaps",))}), UnknownAnswerCode),
        (Held(answers={"who": Said(("yes",))}), UnknownQuestion),
        (said("price", may_quote=True, agreed_how=""), ConsentUnclear),
        (said("price", may_quote=True, agreed_on=None), ConsentUnclear),
        (said("price", held_at=NOW + timedelta(minutes=1)), InTheFuture),
        (said("price", competitor="…"), CompetitorNameRefused),
    ],
)
def test_what_cannot_be_finished_writes_nothing(
    customer: Customer, written: Held, refusal: type[Exception]
) -> None:
    interview = begun(customer)
    with pytest.raises(refusal):
        holding.finish(interview, written, revision=1, **WHO)
    assert Interview.objects.get().status == "open"
    assert not (InterviewAnswer.objects.exists() or Interaction.objects.exists())
    assert not CompetitorSighting.objects.exists()


def test_a_consent_without_yes_keeps_neither_how_nor_when(customer: Customer) -> None:
    written = replace(said("price"), may_quote=False, agreed_how="spoken", agreed_on=NOW.date())
    interview = begun(customer)
    holding.finish(interview, written, revision=1, **WHO)
    assert (interview.may_quote, interview.agreed_how, interview.agreed_on) == (False, "", None)


def test_a_cause_that_was_retired_stays_where_it_was_ticked_and_is_not_ticked_anew(
    customer: Customer,
) -> None:
    interview = begun(customer)
    holding.save(interview, said("price"), revision=1, **WHO)
    causes.retire_cause(Cause.objects.get(code="price"), **WHO)
    causes.retire_cause(Cause.objects.get(code="brand_damage"), **WHO)
    with pytest.raises(UnknownAnswerCode):
        holding.save(interview, said("price", "brand_damage"), revision=2, **WHO)
    holding.finish(interview, said("price"), revision=2, **WHO)
    assert answers(interview)["why"][0] == ["price"]


def test_what_was_not_held_keeps_no_words(customer: Customer) -> None:
    interview = begun(customer)
    holding.save(interview, said(note="Half"), revision=1, **WHO)
    holding.drop(interview, **THEN)
    assert (interview.status, interview.draft) == ("dropped", None)
    with pytest.raises(holding.InterviewEnded):
        holding.save(interview, said(note="More"), revision=interview.revision, **THEN)
    with pytest.raises(holding.InterviewEnded):
        holding.drop(interview, **THEN)
    assert not Interaction.objects.exists()


# --- Correcting -------------------------------------------------------------------------------
def test_a_correction_is_a_version_and_what_stood_before_is_known_for_its_time(customer: Customer) -> None:
    interview = held(
        customer, "price", "late_delivery", quote="Old words.", summary="Old.", competitor="Rival"
    )
    corrected = replace(
        said("too_expensive", note="New.", summary="New.", competitor="Other", offered="Gifts"),
        answers={"why": Said(("too_expensive",), "New."), "back": Said(("yes",))},
    )
    holding.correct(interview, corrected, revision=interview.revision, **THEN)
    assert answers(interview) == {"why": (["too_expensive"], "New.", ""), "back": (["yes"], "", "")}
    before = InterviewAnswerVersion.objects.get()
    assert sorted(before.chosen) == ["late_delivery", "price"]
    assert (before.recorded_at, before.superseded_at) == (NOW, LATER)
    holder = f"contact:{interview.contact_id}"
    old = SealedValue.objects.get(holder=holder, subject_type="surveys.interviewanswer")
    assert sealed.unseal(old) == {"old": {"quote": "Old words."}}
    assert Interaction.objects.get().text == "New."
    seen = CompetitorSighting.objects.get()
    assert (seen.competitor.name, seen.offered) == ("Other", "Gifts")
    assert Event.objects.get(kind="interview.corrected").subject_id == interview.pk


def test_an_answer_that_is_taken_back_and_said_again_is_one_row(customer: Customer) -> None:
    interview = held(customer, "price", competitor="Rival")
    only_back = Held(answers={"back": Said(("no",))})
    holding.correct(interview, only_back, revision=interview.revision, **THEN)
    assert answers(interview) == {"back": (["no"], "", "")}
    assert CompetitorSighting.objects.get().void
    at = LATER + timedelta(hours=1)
    again = said("price", competitor="Rival")
    holding.correct(interview, again, revision=interview.revision, by=None, at=at)
    assert answers(interview) == {"why": (["price"], "", "")}
    assert InterviewAnswer.objects.count() == 2
    assert not CompetitorSighting.objects.get().void


def test_what_cannot_be_corrected(customer: Customer) -> None:
    interview = begun(customer)
    with pytest.raises(holding.InterviewNotFinished):
        holding.correct(interview, said("price"), revision=1, **THEN)
    holding.finish(interview, said("price"), revision=1, **WHO)
    with pytest.raises(holding.NothingSaid):
        holding.correct(interview, Held(), revision=interview.revision, **THEN)
    with pytest.raises(holding.InterviewChanged):
        holding.correct(interview, said("competitor"), revision=1, **THEN)
    assert answers(interview) == {"why": (["price"], "", "")}


def test_a_quote_may_be_used_from_yes_on_until_it_is_taken_back(customer: Customer) -> None:
    interview = held(customer, "price", quote="Dear.")
    quotable = InterviewAnswer.objects.quotable
    assert not quotable().exists()
    agreed = said("price", quote="Dear.", may_quote=True)
    holding.correct(interview, agreed, revision=interview.revision, **THEN)
    assert [row.quote for row in quotable()] == ["Dear."]
    holding.correct(interview, said("price", quote="Dear."), revision=interview.revision, by=None, at=LATER)
    assert not quotable().exists()


# --- Erased and merged ------------------------------------------------------------------------
def test_erased_words_go_and_codes_stay(customer: Customer) -> None:
    more = {"code": "more", "text": words("More?"), "prompts": [], "codes": []}
    done = held(
        customer,
        "price",
        note="Note",
        quote="Quote",
        may_quote=True,
        summary="Sum",
        competitor="R",
        offered="O",
    )
    corrected = said("price", note="Newer", quote="Quote", may_quote=True)
    holding.correct(done, corrected, revision=done.revision, **THEN)
    going_on = begun(customer, guide=guide("two", asks=document(more)))
    holding.save(going_on, said(note="Half"), revision=1, **WHO)
    erasure.erase_customer(customer, reason="request", by=None, at=LATER)
    assert answers(done) == {"why": (["price"], "", "")}
    going_on.refresh_from_db()
    assert going_on.draft is None
    assert not SealedValue.objects.filter(subject_type="surveys.interviewanswer").exists()
    assert not InterviewAnswer.objects.quotable().exists()
    for act in (holding.save, holding.finish):
        with pytest.raises(objections.Erased):
            act(going_on, said(note="More"), revision=2, by=None, at=LATER)
    done.refresh_from_db()
    with pytest.raises(objections.Erased):
        holding.correct(done, said("price", note="Again"), revision=done.revision, by=None, at=LATER)
    assert answers(done) == {"why": (["price"], "", "")}


def test_an_erased_contact_takes_her_words_along_and_nobody_elses(customer: Customer) -> None:
    other = ContactFactory(customer=customer, name="Other", is_main=False)
    asked = guide()
    mine = holding.begin(customer, asked, contact=other, **WHO)
    holding.finish(mine, said("price", quote="Mine"), revision=1, **WHO)
    theirs = held(customer, "price", quote="Theirs")
    erasure.erase_person(other, reason="request", by=None, at=LATER)
    assert (answers(mine)["why"][2], answers(theirs)["why"][2]) == ("", "Theirs")


def test_interviews_move_with_a_merge_and_one_that_is_held_goes_on(customer: Customer, lead: User) -> None:
    gone = CustomerFactory(name="Blue Lake", owner=customer.owner)
    done = held(gone, "price", quote="Dear.")
    going_on = begun(gone, guide=guide("review", purpose="relationship"))
    merges.merge_customers(customer, gone, values={}, reason="The same.", by=lead, at=LATER)
    for interview in (done, going_on):
        interview.refresh_from_db()
        assert interview.customer == customer
    assert InterviewAnswer.objects.get().customer == customer
    holding.finish(going_on, said("competitor"), revision=1, by=None, at=LATER)
    assert set(InterviewAnswer.objects.values_list("customer", flat=True)) == {customer.pk}
    assert Interaction.objects.filter(customer=customer).count() == 2


def test_a_competitor_that_was_merged_shows_under_its_name_and_is_not_written_anew(
    customer: Customer,
) -> None:
    interview = held(customer, "price", competitor="Rival")
    seen = CompetitorSighting.objects.get()
    main = competitors.add_competitor(name="Main", **WHO)
    competitors.merge_competitors(seen.competitor, into=main, **WHO)
    interview = Interview.objects.get()
    assert held_of(interview).competitor == "Main"
    corrected = said("price", note="More", competitor="Main")
    holding.correct(interview, corrected, revision=interview.revision, **THEN)
    seen.refresh_from_db()
    assert seen.recorded_at == NOW
