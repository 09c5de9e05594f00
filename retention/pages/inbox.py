"""The inbox: what people whom we do not know wrote, the soonest deadline first, and whom it may be of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from customers import attachments, company
from customers.access import allow
from customers.feedback import matching
from customers.ground import audit, clock
from customers.ground.counting import counted
from customers.models import FeedbackFile, UnknownFeedback, User
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.exports import MAY_EXPORT, Table, _answer, _local, _plain
from retention.pages.file.acts import sent
from retention.pages.filters import colleagues
from retention.pages.forms import WORKERS
from retention.pages.inbox_forms import AssignForm, CreateForm, HandleForm, LinkForm
from retention.pages.inbox_rows import VIEWS, entries, posts_of, rows_of


@require_safe
@allow(*SEES_CUSTOMERS)
def inbox(request: HttpRequest) -> HttpResponse:
    """List what is open by its deadline, what is one's own of it, or what has ended, the newest first."""
    wanted = wanted_of(request)
    rows, last = entries(request.user, wanted, after=request.GET.get("after", ""))
    context = {
        "entries": rows,
        "wanted": wanted,
        "now": clock.now(),
        "may_work": request.user.role in WORKERS,
        "views": _views(request.user, wanted),
        "older": f"?view={wanted}&after={last}" if last else None,
        "newer": f"?view={wanted}" if request.GET.get("after") else None,
    }
    return render(request, "retention/inbox/list.html", context)


@require_safe
@allow(*SEES_CUSTOMERS)
def inbox_item(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one piece of feedback, whom it may come from, and what can be done with it."""
    return shown(request, item_of(request, pk))


@require_safe
@allow(*SEES_CUSTOMERS)
def inbox_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Send a file that came along, as a download; no browser shows it as a page."""
    visible = UnknownFeedback.objects.visible_to(request.user)  # type: ignore[attr-defined]
    row: Any = get_object_or_404(FeedbackFile.objects.filter(unknown__in=visible), pk=pk)
    if not attachments.path_of(row).is_file():
        raise Http404
    audit.record("feedback.download", obj=row, by=request.user, at=clock.now())
    return sent(row)


@require_safe
@allow(*MAY_EXPORT)
def inbox_export(request: HttpRequest) -> HttpResponseBase:
    """Hand out the feedback that the list shows, all of it; posts are taken along with the mentions."""
    found = rows_of(request.user, wanted_of(request)).select_related("owner")
    kinds, states = (
        _plain(UnknownFeedback._meta.get_field("kind").choices),
        _plain(UnknownFeedback.State.choices),
    )
    channels = _plain(UnknownFeedback._meta.get_field("channel").choices)
    answers, zone = _plain(UnknownFeedback.Answer.choices), company.current().time_zone

    def cells(row: UnknownFeedback) -> Sequence[Any]:
        return (
            row.pk,
            kinds[row.kind],
            channels[row.channel],
            _local(row.recorded_at, zone),
            _local(row.respond_by, zone),
            _local(row.due_at, zone),
            row.owner.username if row.owner else "",
            states[row.state],
            answers.get(row.answered, ""),
            row.stated_name,
            row.stated_reach,
            row.stated_order,
            row.text,
            row.answer_text,
        )

    header = [
        _("Id"),
        _("Kind"),
        _("Channel"),
        _("Received"),
        _("Answer promised by"),
        _("To be resolved by"),
        _("Who sees to it"),
        _("State"),
        _("How it was answered"),
        _("Name"),
        _("E-mail or phone"),
        _("Order number"),
        _("Text"),
        _("What was answered, and where"),
    ]
    return _answer(request, Table("inbox", header, found, cells), filters=None)


# --- Shared with the acts ---------------------------------------------------------------------
def item_of(request: HttpRequest, pk: int) -> UnknownFeedback:
    """Return one that the reader may see; else 404."""
    visible = UnknownFeedback.objects.visible_to(request.user)  # type: ignore[attr-defined]
    beside = ("owner", "product", "ended_by", "complaint__customer")
    found: UnknownFeedback = get_object_or_404(visible.select_related(*beside), pk=pk)
    return found


def forms_of(request: HttpRequest, row: UnknownFeedback) -> dict[str, forms.Form]:
    """Return the forms of what can be done, unbound."""
    people = colleagues(request)
    return {
        "link": LinkForm(row=row, user=request.user, auto_id="link_%s"),
        "create": CreateForm(row=row, colleagues=people, auto_id="create_%s"),
        "handle": HandleForm(row=row, auto_id="handle_%s"),
        "assign": AssignForm(row=row, colleagues=people, auto_id="assign_%s"),
    }


def shown(request: HttpRequest, row: UnknownFeedback, **bound: forms.Form) -> HttpResponse:
    """Show the page of one; ``bound``: a form that came back."""
    is_open = row.state == UnknownFeedback.State.OPEN
    may_work = is_open and request.user.role in WORKERS
    context = {
        "row": row,
        "now": clock.now(),
        "is_open": is_open,
        "may_work": may_work,
        "files": row.files.order_by("pk"),
        "matches": matching.proposals([row], user=request.user)[row.pk] if is_open else [],
        "forms": {**forms_of(request, row), **bound} if may_work else {},
    }
    return render(request, "retention/inbox/item.html", context, status=422 if bound else 200)


def wanted_of(request: HttpRequest) -> str:
    """Return which part of the inbox is asked for."""
    wanted = request.GET.get("view", "")
    return wanted if wanted in VIEWS else ""


def _views(user: User, wanted: str) -> list[dict[str, Any]]:
    labels = {"": _("Open"), "mine": _("Mine"), "ended": _("Ended")}
    counts = counted(
        feedback=rows_of(user, ""),
        posts=posts_of(user, ""),
        my_feedback=rows_of(user, "mine"),
        my_posts=posts_of(user, "mine"),
    )
    numbers = {
        "": counts["feedback"] + counts["posts"],
        "mine": counts["my_feedback"] + counts["my_posts"],
    }
    return [
        {
            "url": reverse("retention:inbox") + (f"?view={code}" if code else ""),
            "label": label,
            "count": numbers.get(code),
            "current": code == wanted,
        }
        for code, label in labels.items()
    ]
