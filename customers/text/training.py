"""Training: every night, and by hand. What was learnt reads only if it beats what reads already."""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from customers import company
from customers.ground import audit, runs
from customers.ground.models import Company
from customers.models import Aspect, TextModel
from customers.text import judging, readers, reading
from customers.text.keywords import Lexicon
from customers.text.labels import Labelled, labelled
from customers.text.learning import Learnt, learn

NAME = "customers.train_texts"
FEWEST = 20
"""With fewer labelled texts keywords alone speak."""
_KEPT_WEIGHTS = 3  # trainings of an aspect whose weights are kept
ACTIVATED, NOT_BETTER = TextModel.Outcome.ACTIVATED.value, TextModel.Outcome.NOT_BETTER.value
TOO_FEW, UNCHANGED = "too_few", "unchanged"


@dataclass(frozen=True)
class Trained:
    """What a training of one aspect came to.

    ``outcome``: ``activated``, ``not_better``, ``too_few`` (labels, or all of one kind) or ``unchanged``
    (the same labels as last time). ``model``: the row with the figures, where something was learnt.
    """

    aspect: str
    outcome: str
    labels: int
    corrections: int
    model: TextModel | None = None
    read_again: int = 0


def train_texts(*, at: datetime) -> list[Trained]:
    """Learn each aspect from what people labelled; return what each came to.

    What was learnt reads from now on if its macro-F1 on held-out texts is above that of keywords and of
    always saying the most frequent, and, on those that the active model has not learnt from, not below
    that model's. Side effects: rows of ``TextModel``, audit ``text.train`` for each that was activated,
    and the newest texts are read again by it.
    """
    return [_train(aspect, at=at) for aspect in Aspect.values]


def nightly(*, at: datetime) -> list[Trained]:
    """Train once each local day; nothing when it was done, or somebody is at it."""
    slot = str(company.today(at).number)
    if not runs.take(NAME, slot, at=at):
        return []
    try:
        trained = train_texts(at=at)
    except Exception:
        runs.give_up(NAME, slot)
        raise
    runs.end(NAME, slot, at=at)
    return trained


def _train(aspect: str, *, at: datetime) -> Trained:
    lexicon = readers.lexicon_of(aspect)
    codes = tuple(lexicon.phrases)
    said = labelled(aspect, codes=codes)
    counts = (len(said.examples), said.corrections)
    if len(said.examples) < FEWEST or len({one.code for one in said.examples}) < 2:
        return Trained(aspect, TOO_FEW, *counts)
    fingerprint = _fingerprint(said, lexicon)
    last = TextModel.objects.filter(aspect=aspect).order_by("-id").defer("weights").first()
    if last is not None and last.fingerprint == fingerprint:
        return Trained(aspect, UNCHANGED, *counts)
    began = time.monotonic()
    learnt = learn(said.examples, lexicon, classes=codes)
    row = _row(aspect, learnt, at=at)
    row.labels, row.corrections = counts
    row.fingerprint, row.seconds = fingerprint, round(time.monotonic() - began, 2)
    if not _keep(row, said, learnt, lexicon):
        return Trained(aspect, NOT_BETTER, *counts, row)
    return Trained(aspect, ACTIVATED, *counts, row, reading.read_again(aspect, at=at))


def _keep(row: TextModel, said: Labelled, learnt: Learnt, lexicon: Lexicon) -> bool:
    """Write a training down, active if it is better than what reads; return whether it is."""
    with transaction.atomic():
        list(Company.objects.select_for_update().values_list("pk"))  # one training after the other
        active = TextModel.objects.filter(aspect=row.aspect, is_active=True).first()
        if _is_better(row, active, said, learnt, lexicon):
            TextModel.objects.filter(aspect=row.aspect, is_active=True).update(is_active=False)
            row.is_active, row.outcome = True, ACTIVATED
            row.weights = learnt.model.to_bytes()
        row.save()
        if row.is_active:
            codes = {"aspect": row.aspect, "labels": row.labels, "macro_f1": round(row.macro_f1, 4)}
            audit.record("text.train", obj=row, by=None, at=row.trained_at, codes=codes)
        _forget_weights(row.aspect)
    return row.is_active


def _is_better(
    row: TextModel, active: TextModel | None, said: Labelled, learnt: Learnt, lexicon: Lexicon
) -> bool:
    if row.macro_f1 <= max(row.keyword_f1, row.majority_f1):
        return False
    if active is None:
        return True
    new = [
        one
        for one in said.examples
        if one.key in learnt.held_out and said.said_at[one.key] > active.trained_at
    ]
    truth = [one.code for one in new]
    before = readers.first_answers(
        readers.weights_of(active.pk, active.fingerprint), lexicon, [one.text for one in new]
    )
    now = [learnt.held_out[one.key] for one in new]
    return judging.macro_f1(truth, now) >= judging.macro_f1(truth, before)


def _row(aspect: str, learnt: Learnt, *, at: datetime) -> TextModel:
    found = learnt.figures
    return TextModel(
        aspect=aspect,
        trained_at=at,
        outcome=NOT_BETTER,
        classes=list(learnt.model.classes),
        threshold=learnt.threshold,
        held_out=found.texts,
        macro_f1=found.macro_f1,
        majority_f1=learnt.majority_f1,
        keyword_f1=learnt.keyword_f1,
        right=found.right,
        kept=found.kept,
        right_kept=found.right_kept,
        calibration_error=found.ece,
    )


def _fingerprint(said: Labelled, lexicon: Lexicon) -> str:
    labels = [
        (one.key, one.text, one.code, one.weight, said.said_at[one.key].isoformat()) for one in said.examples
    ]
    phrases = sorted((code, list(phrases)) for code, phrases in lexicon.phrases.items())
    return hashlib.sha256(json.dumps([labels, phrases]).encode()).hexdigest()


def _forget_weights(aspect: str) -> None:
    """Empty the weights of all but the newest trainings that read once."""
    read = TextModel.objects.filter(aspect=aspect, outcome=ACTIVATED).order_by("-id")
    kept = list(read.values_list("pk", flat=True)[:_KEPT_WEIGHTS])
    old = TextModel.objects.filter(~Q(pk__in=kept), aspect=aspect, is_active=False).exclude(weights=b"")
    old.update(weights=b"")
