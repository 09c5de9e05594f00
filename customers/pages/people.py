"""Users and teams: admins change them, leads see their team."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from customers import invitations, links, people
from customers.access import allow
from customers.ground import clock
from customers.ground.counting import counted
from customers.ground.errors import Refused
from customers.ground.numbers import whole
from customers.models import Team, User
from customers.models.people import Role

PAGE = 50


class UserForm(forms.ModelForm):
    """A colleague's data; the user name and password are asked for only when she is new."""

    class Meta:
        model = User
        fields = ["first_name", "last_name", "email", "role", "team", "language", "capacity"]
        widgets = {"language": forms.Select(choices=settings.LANGUAGES)}
        help_texts = {
            "capacity": gettext_lazy("How many open cases at once; empty means no limit."),
            "team": gettext_lazy("Cases of the team's customers go to its members."),
        }

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        taken = User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk)
        if email and taken.exists():
            raise ValidationError(_("Another account has this e-mail address."))
        return email


class NewUserForm(UserForm):
    """A new colleague."""

    username = forms.CharField(label=gettext_lazy("User name"), max_length=150)
    password = forms.CharField(
        label=gettext_lazy("First password"),
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy(
            "At least 10 characters. Empty: she chooses it herself, by a link that you send or show her next."
        ),
    )
    field_order = ["username", "password"]


class TeamForm(forms.Form):
    """The name of a team."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)


@require_safe
@allow("admin", "team_lead", "analyst")
def user_list(request: HttpRequest) -> HttpResponse:
    """List colleagues, optionally of one team or by part of a name."""
    wanted = request.GET.get("q", "").replace("\0", "").strip()
    team = request.GET.get("team", "")
    users = User.objects.visible_to(request.user).select_related("team")
    users = users.order_by("-is_active", "username")
    if wanted:
        users = users.filter(
            Q(username__icontains=wanted) | Q(first_name__icontains=wanted) | Q(last_name__icontains=wanted)
        )
    if (team_id := whole(team)) is not None:
        users = users.filter(team_id=team_id)
    page = Paginator(users, PAGE).get_page(request.GET.get("page"))
    looked_after = counted(**{f"user_{user.pk}": user.customers.all() for user in page})
    for user in page:
        user.customer_count = looked_after[f"user_{user.pk}"]
    return render(
        request,
        "customers/people/user_list.html",
        {
            "page": page,
            "teams": Team.objects.all(),
            "q": wanted,
            "team": team,
            "may_change": _may_change(request),
            "waiting": invitations.waiting().count() if _may_change(request) else 0,
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def user_new(request: HttpRequest) -> HttpResponse:
    """Make a colleague."""
    form = NewUserForm(request.POST or None, initial={"language": request.user.language})
    if request.method == "POST" and form.is_valid():
        values = dict(form.cleaned_data)
        values["password"] = values["password"] or None
        try:
            user = people.create_user(**values, by=request.user, at=clock.now())
        except (Refused, ValidationError) as error:
            form.add_error("username" if isinstance(error, Refused) else "password", _text_of(error))
        else:
            if user.has_usable_password():
                messages.success(request, _("%(name)s can sign in now.") % {"name": user})
                return redirect("customers:user_list")
            messages.success(request, _("The account is there. Send or show the link for its password."))
            return redirect("customers:user_edit", pk=user.pk)
    return render(request, "customers/people/user_form.html", {"form": form, "colleague": None})


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def user_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a colleague."""
    colleague = get_object_or_404(User.objects.visible_to(request.user), pk=pk)
    stored = User.objects.get(pk=pk)
    form = UserForm(request.POST or None, instance=colleague)
    if request.method == "POST" and form.is_valid():
        try:
            people.change_user(stored, **form.cleaned_data, by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("customers:user_list")
    return render(request, "customers/people/user_form.html", {"form": form, "colleague": stored})


@require_POST
@allow("admin")
def user_set_active(request: HttpRequest, pk: int) -> HttpResponse:
    """Lock a colleague out, or let her in again."""
    colleague = get_object_or_404(User.objects.visible_to(request.user), pk=pk)
    is_active = request.POST.get("active") == "1"
    try:
        people.set_active(colleague, is_active=is_active, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request,
            _("%(name)s can sign in again.") % {"name": colleague}
            if is_active
            else _("%(name)s cannot sign in any more. Her customers now show as without an active owner.")
            % {"name": colleague},
        )
    return redirect("customers:user_edit", pk=pk)


@require_POST
@allow("admin")
def user_invite(request: HttpRequest, pk: int) -> HttpResponse:
    """Mail a colleague a link by which she sets her password."""
    colleague = get_object_or_404(User.objects.visible_to(request.user), pk=pk, is_active=True)
    try:
        invitations.invite(colleague, by=request.user, at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("The invitation goes to %(email)s.") % {"email": colleague.email})
    return redirect("customers:user_edit", pk=pk)


@require_POST
@allow("admin")
def user_invite_all(request: HttpRequest) -> HttpResponse:
    """Mail everybody who has no password yet a link for one."""
    count = invitations.invite_all(by=request.user, at=clock.now())
    messages.success(request, _("Invitations on their way: %(count)s.") % {"count": count})
    return redirect("customers:user_list")


@never_cache
@require_POST
@allow("admin")
def user_link(request: HttpRequest, pk: int) -> HttpResponse:
    """Make a link by which a colleague sets her password; this answer is the only place that shows it."""
    colleague = get_object_or_404(User.objects.visible_to(request.user), pk=pk, is_active=True)
    try:
        secret = links.password_link(colleague, by=request.user, now=clock.real_now(), at=clock.now())
    except Refused as refusal:
        messages.error(request, str(refusal))
        return redirect("customers:user_edit", pk=pk)
    shown = {
        "colleague": colleague,
        "form": UserForm(instance=colleague),
        "link": invitations.address_of(secret),
    }
    return render(request, "customers/people/user_form.html", shown)


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def team_list(request: HttpRequest) -> HttpResponse:
    """List teams and make new ones."""
    form = TeamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            people.create_team(name=form.cleaned_data["name"], by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, _("The team was made."))
            return redirect("customers:team_list")
    teams = Team.objects.annotate(member_count=Count("members", filter=Q(members__is_active=True)))
    page = Paginator(teams.order_by("name"), PAGE).get_page(request.GET.get("page"))
    looked_after = counted(**{f"team_{team.pk}": team.customers.all() for team in page})
    for team in page:
        team.customer_count = looked_after[f"team_{team.pk}"]  # type: ignore[attr-defined]
    return render(request, "customers/people/team_list.html", {"page": page, "form": form})


@require_http_methods(["GET", "HEAD", "POST"])
@allow("admin")
def team_edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Rename a team."""
    team = get_object_or_404(Team, pk=pk)
    form = TeamForm(request.POST or None, initial={"name": team.name})
    if request.method == "POST" and form.is_valid():
        try:
            people.rename_team(team, name=form.cleaned_data["name"], by=request.user, at=clock.now())
        except Refused as refusal:
            form.add_error("name", str(refusal))
        else:
            messages.success(request, _("Saved."))
            return redirect("customers:team_list")
    return render(request, "customers/people/team_form.html", {"form": form, "team": team})


def _may_change(request: HttpRequest) -> bool:
    return request.user.role == Role.ADMIN


def _text_of(error: Refused | ValidationError) -> list[str]:
    return [str(error)] if isinstance(error, Refused) else error.messages
