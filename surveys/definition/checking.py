"""What a definition lacks before people can answer it: each problem names the question and how to mend it.

Whoever cannot see the page needs the same words as who can, so a question or a choice without a text is
no question; what nobody can reach is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, product

from django.utils.translation import gettext

from surveys.definition.conditions import Given, holds
from surveys.definition.languages import LANGUAGES
from surveys.definition.parts import (
    CHOOSING,
    NO,
    OPS,
    SCALES,
    VALUELESS,
    YES,
    Condition,
    Definition,
    Kind,
    Question,
    Test,
    Text,
)
from surveys.definition.reading import values_of

LEAST_CHOICES = 2
_MOST_TRIES = 50_000


@dataclass(frozen=True)
class Problem:
    """One thing to mend: ``code`` for programs, ``question`` where it stands (empty: the survey)."""

    code: str
    question: str
    text: str
    language: str = ""


def problems(definition: Definition) -> list[Problem]:
    """Return all that must be mended before the survey can be answered, in the order of its questions."""
    return [*_of_survey(definition), *_of_questions(definition)]


# --- The whole --------------------------------------------------------------------------------
def _of_survey(definition: Definition) -> Iterator[Problem]:
    yield from _unsaid(definition, "", gettext("the title of the survey"), definition.title, needed=True)
    yield from _unsaid(definition, "", gettext("the introduction"), definition.intro)
    for name, text in definition.thanks.items():
        label = gettext("the thanks") if name == "any" else gettext("the thanks by score")
        yield from _unsaid(definition, "", label, text)
    if definition.thanks.keys() - {"any"} and definition.score is None:
        yield Problem(
            "thanks_without_score",
            "",
            gettext(
                "The thanks depend on a score, but no question asks for one. Add one, or leave these out."
            ),
        )
    if not definition.pages:
        yield Problem("no_questions", "", gettext("The survey asks nothing. Add a question."))
    for number, page in enumerate(definition.pages, start=1):
        label = gettext("the title of page %(number)s") % {"number": number}
        yield from _unsaid(definition, "", label, page.title)
        if not page.questions:
            yield Problem(
                "empty_page",
                "",
                gettext("Page %(number)s is empty. Put a question on it, or remove it.") % {"number": number},
            )


# --- Questions --------------------------------------------------------------------------------
def _of_questions(definition: Definition) -> Iterator[Problem]:
    earlier: dict[str, Question] = {}
    later = {question.code for question in definition.questions()}
    unreached: set[str] = set()
    for question in definition.questions():
        yield from _texts_of(definition, question)
        yield from _choices_of(definition, question)
        wrong = list(_condition_of(question, earlier, later))
        yield from wrong
        if not wrong and question.visible_if and not _is_reachable(question, earlier, unreached):
            unreached.add(question.code)
            yield Problem(
                "unreachable",
                question.code,
                _named(
                    question, gettext("Nobody can reach it: its condition never holds. Change the condition.")
                ),
            )
        earlier[question.code] = question


def _texts_of(definition: Definition, question: Question) -> Iterator[Problem]:
    code = question.code
    yield from _unsaid(
        definition, code, gettext("the question “%(code)s”") % {"code": code}, question.text, True
    )
    for text, label in (
        (question.help, gettext("the help of “%(code)s”")),
        (question.ends[0], gettext("the lowest end of the scale of “%(code)s”")),
        (question.ends[1], gettext("the highest end of the scale of “%(code)s”")),
        *((text, gettext("the question why of “%(code)s”")) for text in question.follow_up.values()),
    ):
        yield from _unsaid(definition, code, label % {"code": code}, text)
    if question.follow_up and len(question.follow_up) < 3:
        yield Problem(
            "follow_up_incomplete",
            code,
            _named(
                question,
                gettext("Ask why in the words for low, middle and high scores, or for none of them."),
            ),
        )
    if bool(question.ends[0]) != bool(question.ends[1]):
        yield Problem(
            "one_end",
            code,
            _named(question, gettext("Say what both ends of the scale mean, or neither.")),
        )


def _choices_of(definition: Definition, question: Question) -> Iterator[Problem]:
    if question.kind not in CHOOSING:
        return
    if len(question.choices) < LEAST_CHOICES:
        yield Problem(
            "few_choices",
            question.code,
            _named(question, gettext("Give at least two choices.")),
        )
    for choice in question.choices:
        label = gettext("the choice “%(choice)s” of “%(code)s”") % {
            "choice": choice.code,
            "code": question.code,
        }
        yield from _unsaid(definition, question.code, label, choice.text, needed=True)
    for language in definition.languages:
        words = [choice.text[language].casefold() for choice in question.choices if language in choice.text]
        if len(set(words)) < len(words):
            yield Problem(
                "choices_alike",
                question.code,
                _named(question, gettext("Two choices read the same (%(language)s). Word them apart."))
                % {"language": LANGUAGES[language]},
                language,
            )


def _unsaid(
    definition: Definition, question: str, label: str, text: Text, needed: bool = False
) -> Iterator[Problem]:
    """Yield a problem for each language that misses a text; what is nowhere said may be left out."""
    if not text and not needed:
        return
    for language in definition.languages:
        if language not in text:
            said = gettext("%(language)s misses %(what)s. Write it, or take the language away.")
            values = {"language": LANGUAGES[language], "what": label}
            yield Problem("text_missing", question, said % values, language)


def _condition_of(question: Question, earlier: dict[str, Question], known: set[str]) -> Iterator[Problem]:
    if question.visible_if is None:
        return
    if not question.visible_if.tests:
        said = gettext("It is shown on a condition that asks nothing. Add a comparison, or show it always.")
        yield Problem("empty_condition", question.code, _named(question, said))
    for test in question.visible_if.tests:
        asked = earlier.get(test.question)
        if asked is None and test.question in known:
            said = gettext("It depends on “%(other)s”, which is asked later. Move it behind that question.")
        elif asked is None:
            said = gettext("It depends on “%(other)s”, which is not asked. Change the condition.")
        elif test.op not in OPS[asked.kind]:
            said = gettext("The answer to “%(other)s” cannot be compared like that. Change the condition.")
        elif test.op not in VALUELESS and not _has_value(asked, test):
            said = gettext("“%(other)s” has no such answer. Change the condition.")
        else:
            continue
        yield Problem("condition", question.code, _named(question, said) % {"other": test.question})


def _has_value(asked: Question, test: Test) -> bool:
    return any(test.value == value and type(test.value) is type(value) for value in values_of(asked, test.op))


def _named(question: Question, what: str) -> str:
    return gettext("Question “{code}”: {what}").format(code=question.code, what=what)


# --- Reachability -----------------------------------------------------------------------------
def _is_reachable(question: Question, earlier: dict[str, Question], unreached: set[str]) -> bool:
    """Say whether some answers show the question: tries those that its conditions can tell apart.

    Beyond fifty thousand combinations it is taken to be reachable.
    """
    asked = _closure(question, earlier)
    wanted = [condition for one in (*asked, question) if (condition := one.visible_if)]
    spaces = [_answers_of(one, wanted) for one in asked]
    for combination in islice(product(*spaces), _MOST_TRIES):
        if _shows(question, asked, combination):
            return True
    total = 1
    for space in spaces:
        total *= len(space)
    return total > _MOST_TRIES


def _closure(question: Question, earlier: dict[str, Question]) -> list[Question]:
    """Return the earlier questions on which it depends, by others too, in the order of the survey."""
    needed: set[str] = set()
    waiting = [question]
    while waiting:
        condition = waiting.pop().visible_if
        for test in condition.tests if condition else ():
            if test.question in earlier and test.question not in needed:
                needed.add(test.question)
                waiting.append(earlier[test.question])
    return [one for code, one in earlier.items() if code in needed]


def _answers_of(question: Question, conditions: list[Condition]) -> list[Given | None]:
    """Return the answers that the conditions can tell apart; ``None`` is no answer."""
    found: list[Given | None] = [] if question.required else [None]
    values = {
        test.value
        for condition in conditions
        for test in condition.tests
        if test.question == question.code and test.value is not None
    }
    if question.kind in SCALES:
        edges = {value + step for value in values if isinstance(value, int) for step in (-1, 0, 1)} | {
            question.scale.start
        }
        return found + [Given(number=number) for number in sorted(edges) if number in question.scale]
    if question.kind == Kind.MULTIPLE:
        named = [one.code for one in question.choices if one.code in values]
        other = next((one.code for one in question.choices if one.code not in values), None)
        for flags in islice(product((False, True), repeat=len(named)), 256):
            chosen = [code for code, is_on in zip(named, flags, strict=True) if is_on]
            found += [Given(chosen=tuple(chosen))] if chosen else []
            found += [Given(chosen=(*chosen, other))] if other else []
        return found
    if question.kind == Kind.SINGLE:
        codes = [one.code for one in question.choices]
        kept = [code for code in codes if code in values] + [c for c in codes if c not in values][:1]
        return found + [Given(chosen=(code,)) for code in kept]
    if question.kind == Kind.YES_NO:
        return [*found, Given(chosen=(YES,)), Given(chosen=(NO,))]
    return [*found, Given(text="x", chosen=(YES,))]


def _shows(question: Question, asked: list[Question], combination: tuple[Given | None, ...]) -> bool:
    counted: dict[str, Given] = {}
    for one, given in zip(asked, combination, strict=True):
        if holds(one.visible_if, counted) and given is not None:
            counted[one.code] = given
    return holds(question.visible_if, counted)
