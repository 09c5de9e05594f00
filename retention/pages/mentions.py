"""Mentions: the list, one of them, the form, and the presses that say whose it is and how it sounds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.core.validators import URLValidator
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import mentions
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.mentions.recording import MOST_OF_TEXT
from customers.models import Customer, Mention, User
from retention.models import LoopClosure
from retention.pages.customers import SEES_CUSTOMERS
from retention.pages.file.finding import CustomerField, written
from retention.pages.forms import WORKERS, MomentField

PAGE = 50
TONES = {"negative": "bad", "positive": "good", "neutral": "line", "unsure": "line"}
_FIELDS = {
    "mention_stars": "rating",
    "mention_url": "url",
    "mention_empty": "text",
    "in_the_future": "occurred_at",
}


class MentionForm(forms.Form):
    """A post or review, typed by hand."""

    platform = forms.ChoiceField(label=gettext_lazy("Platform"), choices=Mention.Platform.choices)
    handle = forms.CharField(label=gettext_lazy("Name there"), max_length=100, required=False)
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=1000,
        required=False,
        widget=forms.URLInput(attrs={"spellcheck": "false"}),
        validators=[URLValidator(schemes=["http", "https"])],
        help_text=gettext_lazy("Of the post itself: the same address is the same post."),
    )
    text = forms.CharField(
        label=gettext_lazy("Text"),
        max_length=MOST_OF_TEXT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 5}),
    )
    rating = forms.DecimalField(
        label=gettext_lazy("Stars"),
        min_value=0,
        max_value=5,
        max_digits=2,
        decimal_places=1,
        required=False,
        help_text=gettext_lazy("Of five, if any."),
    )
    occurred_at = MomentField(label=gettext_lazy("Posted at"), required=False)
    customer = CustomerField(
        label=gettext_lazy("Customer"),
        help_text=gettext_lazy("Empty: looked for by the name there, else it stays open."),
    )


class MatchForm(forms.Form):
    """Whose a mention is."""

    customer = CustomerField(
        label=gettext_lazy("Customer"),
        required=True,
        error_messages={"required": gettext_lazy("Write whose it is.")},
    )
    remember = forms.BooleanField(
        label=gettext_lazy("Keep the name there, so that the next ones are known"), required=False
    )


@require_safe
@allow(*SEES_CUSTOMERS)
def mention_list(request: HttpRequest) -> HttpResponse:
    """List mentions, the newest first; ``?platform= ?sentiment= ?whose=open|known``, ``?after=`` pages."""
    found = shown(request.user, request.GET)
    after = whole(request.GET.get("after"))
    last = (
        Mention.objects.filter(pk=after).values_list("occurred_day", "occurred_at", "pk").first()
        if after
        else None
    )
    if last is not None:
        day, moment, pk = last
        found = found.filter(
            Q(occurred_at__lt=moment) | Q(occurred_at=moment, pk__lt=pk), occurred_day__lte=day
        )
    rows = list(found.select_related("customer").order_by("-occurred_day", "-occurred_at", "-pk")[: PAGE + 1])
    query = request.GET.copy()
    query.pop("after", None)
    first, more = query.urlencode(), len(rows) > PAGE
    query["after"] = str(rows[PAGE - 1].pk) if more else ""
    context = {
        "rows": [(row, TONES[row.sentiment]) for row in rows[:PAGE]],
        "platforms": Mention.Platform.choices,
        "sentiments": Mention.Sentiment.choices,
        "asked": {name: request.GET.get(name, "") for name in ("platform", "sentiment", "whose")},
        "is_filtered": bool(first),
        "may_work": request.user.role in WORKERS,
        "older": "?" + query.urlencode() if more else None,
        "newer": f"?{first}" if after is not None else None,
    }
    return render(request, "retention/mentions/list.html", context)


def shown(user: User, asked: QueryDict) -> QuerySet[Mention]:
    """Return the mentions that ``user`` sees with the filter of an address; unknown values filter nothing."""
    found: QuerySet[Mention] = Mention.objects.visible_to(user).filter(void=False)  # type: ignore[attr-defined]
    if (platform := asked.get("platform")) in Mention.Platform.values:
        found = found.filter(platform=platform)
    if (sentiment := asked.get("sentiment")) in Mention.Sentiment.values:
        found = found.filter(sentiment=sentiment)
    if (whose := asked.get("whose")) in ("open", "known"):
        found = found.filter(customer__isnull=whose == "open")
    return found


@require_http_methods(["GET", "HEAD", "POST"])
@allow(*WORKERS)
def mention_new(request: HttpRequest) -> HttpResponse:
    """Enter a post or review by hand."""
    form = MentionForm(request.POST or None)
    form.fields["customer"].visible = _customers(request.user)  # type: ignore[attr-defined]
    if request.method == "POST" and form.is_valid():
        try:
            made = mentions.record_mention(**form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(_FIELDS.get(refusal.code), str(refusal))
        else:
            messages.success(request, _("The mention is entered."))
            return redirect("retention:mention", pk=made.pk)
    status = 422 if form.errors else 200
    return render(request, "retention/mentions/new.html", {"form": form}, status=status)


@require_safe
@allow(*SEES_CUSTOMERS)
def mention(request: HttpRequest, pk: int) -> HttpResponse:
    """Show one mention, whose it is and how it sounds."""
    return _page(request, _one(request.user, pk))


@require_POST
@allow(*WORKERS)
def mention_match(request: HttpRequest, pk: int) -> HttpResponse:
    """Say whose a mention is."""
    row = _one(request.user, pk)
    form = MatchForm(request.POST)
    form.fields["customer"].visible = _customers(request.user)  # type: ignore[attr-defined]
    if form.is_valid():
        try:
            mentions.match_mention(row, **form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("The mention is matched."))
            return redirect("retention:mention", pk=pk)
    return _page(request, row, form=form, status=422)


def _correct(row: Mention, *, by: User, at: Any, asked: QueryDict) -> str:
    wanted = asked.get("sentiment", "")
    if wanted not in Mention.Sentiment.values:
        raise mentions.MentionRefused(_("That is no answer here. Choose one of those that are offered."))
    mentions.correct_sentiment(row, sentiment=wanted, by=by, at=at)
    return _("Noted. It counts at the next training.")


def _unmatch(row: Mention, *, by: User, at: Any, asked: QueryDict) -> str:
    mentions.unmatch_mention(row, by=by, at=at)
    return _("The mention is open again.")


def _remove(row: Mention, *, by: User, at: Any, asked: QueryDict) -> str:
    mentions.remove_mention(row, by=by, at=at)
    return _("The mention is removed.")


ACTS: dict[str, Callable[..., str]] = {"correct": _correct, "unmatch": _unmatch, "remove": _remove}


@require_POST
@allow(*WORKERS)
def mention_act(request: HttpRequest, pk: int, act: str) -> HttpResponse:
    """Correct how a mention sounds, open it again, or remove it."""
    row = _one(request.user, pk)
    try:
        said = ACTS[act](row, by=request.user, at=clock.now(), asked=request.POST)
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, said)
    is_there = act != "remove" and Mention.objects.visible_to(request.user).filter(pk=pk).exists()  # type: ignore[attr-defined]
    return redirect("retention:mention", pk=pk) if is_there else redirect("retention:mention_list")


def _customers(user: User) -> QuerySet[Customer]:
    return Customer.objects.visible_to(user)  # type: ignore[attr-defined, no-any-return]


def _one(user: User, pk: int) -> Mention:
    found = Mention.objects.visible_to(user).filter(void=False)  # type: ignore[attr-defined]
    return get_object_or_404(found.select_related("customer", "contact"), pk=pk)


def _page(
    request: HttpRequest, row: Mention, *, form: MatchForm | None = None, status: int = 200
) -> HttpResponse:
    loops = LoopClosure.objects.visible_to(request.user)  # type: ignore[attr-defined]
    context = {
        "mention": row,
        "tone": TONES[row.sentiment],
        "sentiments": Mention.Sentiment.choices,
        "form": form or MatchForm(initial={"customer": written(row.customer), "remember": bool(row.handle)}),
        "may_work": request.user.role in WORKERS,
        "loop": loops.filter(mention=row).select_related("owner").first(),
        "now": clock.now(),
    }
    return render(request, "retention/mentions/detail.html", context, status=status)
