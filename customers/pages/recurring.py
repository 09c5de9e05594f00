"""Recurring imports in the browser: saved, sent by a program, their runs watched, their token revoked."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.imports import recurring
from customers.models import ImportBatch, ImportProfile
from customers.pages.imports import crumbs, label_of

PAGE = 25


class ProfileForm(forms.Form):
    """What the recurring import is called."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=100,
        help_text=gettext_lazy("For example: orders of the shop, every night."),
    )


@require_safe
@allow("admin", "team_lead")
def profile_list(request: HttpRequest) -> HttpResponse:
    """List recurring imports, newest first, each with its last run."""
    last = ImportBatch.objects.filter(profile=OuterRef("pk")).order_by("-pk").values("pk")[:1]
    found = ImportProfile.objects.visible_to(request.user).select_related("by")  # type: ignore[attr-defined]
    before = whole(request.GET.get("before"))
    if before is not None:
        found = found.filter(pk__lt=before)
    rows = list(found.annotate(last_run=Subquery(last)).order_by("-pk")[: PAGE + 1])
    runs = ImportBatch.objects.in_bulk([row.last_run for row in rows[:PAGE] if row.last_run])
    return render(
        request,
        "customers/imports/profiles.html",
        {
            "rows": [(row, label_of(row.kind), runs.get(row.last_run)) for row in rows[:PAGE]],
            "older": f"?before={rows[PAGE - 1].pk}" if len(rows) > PAGE else "",
            "newer": reverse("customers:profile_list") if before is not None else "",
            "crumbs": crumbs(),
        },
    )


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin", "team_lead")
def profile_new(request: HttpRequest, pk: int) -> HttpResponse:
    """Save how an import was read; the answer is the only place that shows the token."""
    batch = get_object_or_404(ImportBatch.objects.visible_to(request.user), pk=pk)  # type: ignore[attr-defined]
    form = ProfileForm(request.POST or None, initial={"name": batch.file_name[:100]})
    if form.is_bound and form.is_valid():
        try:
            profile, secret = recurring.save_profile(
                batch, name=form.cleaned_data["name"], by=request.user, at=clock.now()
            )
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            return _detail(request, profile, secret=secret)
    status = 422 if form.is_bound else 200
    context = {"form": form, "batch": batch, "label": label_of(batch.kind), "crumbs": crumbs()}
    return render(request, "customers/imports/profile_new.html", context, status=status)


@never_cache
@require_safe
@allow("admin", "team_lead")
def profile_detail(request: HttpRequest, pk: int) -> HttpResponse:
    """Show how files are sent, and the runs so far."""
    return _detail(request, _one(request, pk))


@never_cache
@require_POST
@allow("admin", "team_lead")
def profile_renew(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a new token; the answer is the only place that shows it."""
    profile = _one(request, pk)
    return _detail(request, profile, secret=recurring.renew_token(profile, by=request.user, at=clock.now()))


@require_POST
@allow("admin", "team_lead")
def profile_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    """Let the token open nothing any more."""
    profile = _one(request, pk)
    recurring.revoke_token(profile, by=request.user, at=clock.real_now())
    messages.success(request, _("“%(name)s” takes no files any more.") % {"name": profile})
    return redirect("customers:profile_detail", pk=pk)


@require_POST
@allow("admin", "team_lead")
def problem_open(request: HttpRequest, pk: int) -> HttpResponse:
    """Lead from the notice on the first page to the run, and note that it was opened."""
    batch = get_object_or_404(ImportBatch.objects.visible_to(request.user), pk=pk)  # type: ignore[attr-defined]
    recurring.see_problem(batch, by=request.user, at=clock.now())
    return redirect("customers:import_detail", pk=pk)


def _one(request: HttpRequest, pk: int) -> ImportProfile:
    found = ImportProfile.objects.visible_to(request.user).select_related("by")  # type: ignore[attr-defined]
    profile: ImportProfile = get_object_or_404(found, pk=pk)
    return profile


def _detail(request: HttpRequest, profile: ImportProfile, *, secret: str = "") -> HttpResponse:
    before = whole(request.GET.get("before"))
    runs = ImportBatch.objects.filter(profile=profile).order_by("-pk")
    if before is not None:
        runs = runs.filter(pk__lt=before)
    rows = list(runs[: PAGE + 1])
    failed = Q(status=ImportBatch.Status.REFUSED) | Q(refused__gt=0)
    context: dict[str, Any] = {
        "profile": profile,
        "label": label_of(profile.kind),
        "secret": secret,
        "runs": rows[:PAGE],
        "failed": ImportBatch.objects.filter(
            failed, profile=profile, pk__in=[run.pk for run in rows[:1]]
        ).first(),
        "curl": _curl(secret),
        "older": f"?before={rows[PAGE - 1].pk}" if len(rows) > PAGE else "",
        "newer": reverse("customers:profile_detail", args=[profile.pk]) if before is not None else "",
        "crumbs": [*crumbs(), (_("Recurring imports"), reverse("customers:profile_list"))],
    }
    return render(request, "customers/imports/profile.html", context)


def _curl(secret: str) -> str:
    """Return the call that sends a file."""
    url = settings.PUBLIC_BASE_URL.rstrip("/") + reverse("api:recurring-upload")
    return "\n".join(
        [
            f"curl {url} \\",
            f'  -H "Authorization: Bearer {secret or "$LIUKE_UPLOAD_TOKEN"}" \\',
            '  -H "Idempotency-Key: $(date +%F)-$(sha256sum < file.csv | cut -c1-32)" \\',
            "  -F file=@file.csv",
        ]
    )
