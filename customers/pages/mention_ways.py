"""How mentions come in by themselves: feeds that are looked at, and signed addresses for programs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.mentions import feeds, hooks
from customers.models import Mention, MentionFeed, MentionHook

PAGE = 50


class FeedForm(forms.Form):
    """A feed."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=1000,
        widget=forms.URLInput(attrs={"spellcheck": "false"}),
        help_text=gettext_lazy("Of an RSS or Atom feed, https only; no redirect is followed."),
    )
    platform = forms.ChoiceField(
        label=gettext_lazy("Platform"), choices=Mention.Platform.choices, initial=Mention.Platform.WEB
    )


class ChangedFeedForm(FeedForm):
    """A feed as it shall be."""

    is_active = forms.BooleanField(label=gettext_lazy("In use"), required=False)


class HookForm(forms.Form):
    """A new address for a program."""

    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=100, help_text=gettext_lazy("Which program will call it.")
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def way_list(request: HttpRequest) -> HttpResponse:
    """List feeds and hooks, and add a feed."""
    form = FeedForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        acting: dict[str, Any] = {"by": request.user, "now": clock.real_now(), "at": clock.now()}
        try:
            feeds.add_feed(**form.cleaned_data, **acting)
        except Refused as refusal:
            form.add_error("url", str(refusal))
        else:
            messages.success(request, _("The feed is looked at within ten minutes."))
            return redirect("customers:mention_ways")
    return _list(request, form=form, status=422 if form.errors else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def feed_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a feed, or stop looking at it."""
    feed = get_object_or_404(MentionFeed, pk=pk)
    names = ("name", "url", "platform", "is_active")
    form = ChangedFeedForm(request.POST or None, initial={name: getattr(feed, name) for name in names})
    if request.method == "POST" and form.is_valid():
        acting: dict[str, Any] = {"by": request.user, "now": clock.real_now(), "at": clock.now()}
        try:
            feeds.change_feed(feed, **form.cleaned_data, **acting)
        except Refused as refusal:
            form.add_error("url", str(refusal))
        else:
            messages.success(request, _("“%(name)s” is saved.") % {"name": form.cleaned_data["name"]})
            return redirect("customers:mention_ways")
    context = {"feed": feed, "form": form}
    return render(request, "customers/mentions/feed.html", context, status=422 if form.errors else 200)


@never_cache
@require_POST
@allow("admin")
def hook_new(request: HttpRequest) -> HttpResponse:
    """Make an address for a program; this answer is the only place that shows its secret."""
    form = HookForm(request.POST, auto_id="hook_%s")
    if not form.is_valid():
        return _list(request, hook_form=form, status=422)
    try:
        hook, secret = hooks.add_hook(**form.cleaned_data, by=request.user, at=clock.now())
    except Refused as refusal:
        form.add_error(None, str(refusal))
        return _list(request, hook_form=form, status=422)
    return _list(request, shown={"hook": hook, "address": _address(hook), "secret": secret})


@require_POST
@allow("admin")
def hook_use(request: HttpRequest, pk: int) -> HttpResponse:
    """Take calls of a hook again, or refuse them."""
    hook = get_object_or_404(MentionHook, pk=pk)
    is_active = request.POST.get("use") == "yes"
    hooks.use_hook(hook, is_active=is_active, by=request.user, at=clock.now())
    messages.success(request, _("“%(name)s” is saved.") % {"name": hook})
    return redirect("customers:mention_ways")


def _address(hook: MentionHook) -> str:
    return settings.PUBLIC_BASE_URL + reverse("customers:mention_hook", args=[hook.hook])


def _list(
    request: HttpRequest,
    *,
    form: FeedForm | None = None,
    hook_form: HookForm | None = None,
    shown: dict[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    found = MentionFeed.objects.order_by("-is_active", "name", "pk")
    context = {
        "page": Paginator(found, PAGE).get_page(request.GET.get("page")),
        "hooks": [(hook, _address(hook)) for hook in MentionHook.objects.order_by("-pk")[: hooks.MOST_HOOKS]],
        "form": form or FeedForm(),
        "hook_form": hook_form or HookForm(auto_id="hook_%s"),
        "shown": shown,
    }
    return render(request, "customers/mentions/ways.html", context, status=status)
