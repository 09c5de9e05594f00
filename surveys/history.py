"""Answers of the past as a kind of data that files and programs bring."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from customers.ground.errors import Refused
from customers.imports import errors
from customers.imports.cells import Field, Type
from customers.imports.delivered.parts import NEW_CUSTOMER, RECORDED, customer, external_id, words
from customers.imports.kinds import CellRefused, Context, Group, Kind, LineRefusal, Outcome, register
from customers.imports.landing.together import creating, land, new_customer
from surveys import definition
from surveys.definition import POINTS, Question
from surveys.landing import ResponseRecord, Told, upsert_responses
from surveys.reading import LONGEST

_OF_RESPONSE = ("customer", "survey", "asked_at", "occurred_at")
_METRICS = words(
    dict.fromkeys(("nps", "csat", "ces", "rating")),
    nps="recommend recommendation 净推荐值 推荐度 推荐",
    csat="satisfaction satisfied 满意度 满意",
    ces="effort ease easy 费力度 省力度 轻松度",
    rating="stars star score 评分 星级 打分",
)


class ScoreWithoutMetric(Refused):
    code = "score_without_metric"
    message = _("There is a score, but not what it measures. Write nps, csat, ces or rating.")


class NoSuchScale(Refused):
    code = "no_such_scale"
    message = _("%(metric)s has no scale of %(points)s points. Write one of %(known)s, or leave it empty.")


class NotOnScale(Refused):
    code = "not_on_scale"
    message = _("%(score)s does not stand on the scale. Write a whole number from %(first)s to %(last)s.")


class OtherResponse(Refused):
    code = "other_response"
    message = _("Line %(line)s has the same id with another customer, survey or moment. Give it its own id.")


class AnsweredTwice(Refused):
    code = "answered_twice"
    message = _("The response that begins in line %(line)s answers this already. Leave one of the two out.")


class AskedAfterwards(Refused):
    code = "asked_afterwards"
    message = _("The customer cannot have been asked after it answered.")


def check_response(values: dict[str, Any], context: Context) -> None:
    """Refuse what no answer can be."""
    for name in ("occurred_at", "asked_at", "recorded_at"):
        if values.get(name) and values[name] > context.at:
            raise CellRefused(name, errors.Future())
    if values.get("asked_at") and values["asked_at"] > values["occurred_at"]:
        raise CellRefused("asked_at", AskedAfterwards())
    score, metric, points = (values.get(name) or None for name in ("score", "metric", "points"))
    if values.get("score") in (None, ""):
        return
    score = Decimal(values["score"])
    if metric is None:
        raise CellRefused("metric", ScoreWithoutMetric())
    known = POINTS[definition.Kind(metric)]
    if points is not None and points not in known:
        said = ", ".join(str(n) for n in sorted(known))
        raise CellRefused("points", NoSuchScale(metric=metric.upper(), points=f"{points:f}", known=said))
    question = Question(code="score", kind=definition.Kind(metric), text={}, points=int(points or known[0]))
    if score not in question.scale:
        first, last = question.scale[0], question.scale[-1]
        raise CellRefused("score", NotOnScale(score=f"{score:f}", first=first, last=last))


def land_responses(groups: Sequence[Group], context: Context) -> Outcome:
    """Create or change answers of the past; lines that differ on the response are refused."""
    outcome, records, kept = Outcome(), [], []
    for group in groups:
        group = _agreeing(group, outcome)
        first = group.first.values
        recorded_at, assumed = context.known(first["occurred_at"], first.get("recorded_at"))
        records.append(
            ResponseRecord(
                external_id=group.key,
                customer=first["customer"],
                occurred_at=first["occurred_at"],
                recorded_at=recorded_at,
                recorded_assumed=assumed,
                survey=first.get("survey") or "",
                asked_at=first.get("asked_at"),
                answers=[told for row in group.rows if (told := _told(row.values)) is not None],
                adds=context.is_mended,
                new_customer=new_customer(first),
            )
        )
        kept.append(group)
    return land(creating(upsert_responses, context), kept, records, context, outcome)


def _agreeing(group: Group, outcome: Outcome) -> Group:
    """Return the lines that say the same of the response as the first, each of another question."""
    first, rows, seen = group.first, [], set[str]()
    for row in group.rows:
        differs = next((name for name in _OF_RESPONSE if row.values.get(name) != first.values.get(name)), "")
        told = _told(row.values)
        if differs:
            outcome.refused.append(LineRefusal(row.number, differs, OtherResponse(line=first.number)))
        elif told is not None and told.metric in seen:
            outcome.refused.append(LineRefusal(row.number, "metric", AnsweredTwice(line=first.number)))
        else:
            rows.append(row)
            seen.update([] if told is None else [told.metric])
    return Group(group.key, rows)


def _told(values: dict[str, Any]) -> Told | None:
    """Return what one line says was answered; nothing without a score and words."""
    comment = (values.get("comment") or "").strip()
    if values.get("score") in (None, ""):
        return Told(comment=comment) if comment else None
    return Told(values["metric"], int(values.get("points") or 0), int(values["score"]), comment)


RESPONSES = Kind(
    "responses",
    _("Survey answers"),
    (
        external_id("response", "responseid", "answer", "答卷编号", "答复编号"),
        customer(),
        Field(
            "survey",
            _("survey's name or code"),
            guesses=("survey", "surveyname", "questionnaire", "问卷", "问卷名称", "调查"),
            most=120,
            example=(("Yearly survey", "年度调查"),) * 3,
        ),
        Field(
            "asked_at",
            _("asked at"),
            Type.MOMENT,
            guesses=("askedat", "invitedat", "sentat", "sent", "邀请时间", "发送时间"),
            default=None,
            example=(-12, -9, -20),
        ),
        Field(
            "occurred_at",
            _("answered at, or asked if never answered"),
            Type.MOMENT,
            required=True,
            guesses=(
                *("occurredat", "answeredat", "answered", "submittedat", "date", "day", "time"),
                *("答复时间", "提交时间", "日期", "时间"),
            ),
        ),
        Field(
            "metric",
            _("what is measured"),
            Type.CHOICE,
            guesses=("metric", "kind", "type", "指标", "类型"),
            choices=_METRICS,
            default="",
            example=(("nps", "净推荐值"), ("csat", "满意度"), ""),
        ),
        Field(
            "points",
            _("points of the scale"),
            Type.NUMBER,
            guesses=("points", "scale", "量表", "分制"),
            default=None,
            example=("", "5", ""),
        ),
        Field(
            "score",
            _("score"),
            Type.NUMBER,
            guesses=("score", "answer", "value", "rating", "分数", "得分", "评分"),
            default=None,
            example=("9", "2", ""),
        ),
        Field(
            "comment",
            _("in the customer's words"),
            guesses=("comment", "text", "verbatim", "why", "意见", "原话", "文字", "备注"),
            most=LONGEST,
            example=(
                ("Always on time.", "一直很准时。"),
                ("The last delivery was late.", "上次送货晚了。"),
                "",
            ),
        ),
        NEW_CUSTOMER[0],
        RECORDED,
    ),
    land_responses,
    occurred="occurred_at",
    is_grouped=True,
    check=check_response,
    parts=("metric", "points", "score", "comment"),
    parts_name="answers",
    parts_help="The answer to one question: metric and score, or words, or all.",
    needs_parts=False,
)


def enter() -> None:
    """Enter the kind (in ``AppConfig.ready()``)."""
    register(RESPONSES)
