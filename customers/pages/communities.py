"""The catalogue of communities: admins add them, rename and retire."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from customers import communities
from customers.access import allow
from customers.ground import clock
from customers.ground.errors import Refused
from customers.models import Community, Platform

PAGE = 100


class CommunityForm(forms.Form):
    """What a community is called, and where it meets."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)
    platform = forms.ChoiceField(label=gettext_lazy("Where it meets"), choices=Platform.choices)


class NewCommunityForm(CommunityForm):
    """A new community; its code never changes."""

    code = forms.SlugField(
        label=gettext_lazy("Code"),
        max_length=32,
        help_text=gettext_lazy("Letters without accents, digits, - and _. Files and programs name it so."),
    )
    field_order = ["code"]


class ChangedCommunityForm(CommunityForm):
    """A community as it shall be."""

    is_retired = forms.BooleanField(
        label=gettext_lazy("Retired: nobody joins any more, old entries stay readable"), required=False
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def community_list(request: HttpRequest) -> HttpResponse:
    """List the communities and add new ones."""
    form = NewCommunityForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            community = communities.add_community(**form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("code", str(refusal))
        else:
            messages.success(request, _("“%(name)s” can be joined now.") % {"name": community})
            return redirect("customers:community_list")
    page = Paginator(Community.objects.all(), PAGE).get_page(request.GET.get("page"))
    found = {"page": page, "form": form}
    return render(
        request, "customers/communities/community_list.html", found, status=422 if form.errors else 200
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def community_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a community, retire it or take it up again."""
    community = get_object_or_404(Community, pk=pk)
    form = ChangedCommunityForm(
        request.POST or None,
        initial={name: getattr(community, name) for name in ("name", "platform", "is_retired")},
    )
    if request.method == "POST" and form.is_valid():
        community = communities.change_community(
            community, **form.cleaned_data, by=request.user, at=clock.now()
        )
        messages.success(request, _("“%(name)s” is saved.") % {"name": community})
        return redirect("customers:community_list")
    found = {"community": community, "form": form}
    return render(
        request, "customers/communities/community_form.html", found, status=422 if form.errors else 200
    )
