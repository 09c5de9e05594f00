"""The catalogue of communities: admins add them, rename and retire."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _

from customers import communities
from customers.models import Community, Platform
from customers.pages.catalogue import Catalogue, ChangedForm, NewForm


class CommunityForm(forms.Form):
    """What a community is called, and where it meets."""

    name = forms.CharField(label=_("Name"), max_length=100)
    platform = forms.ChoiceField(label=_("Where it meets"), choices=Platform.choices)


class NewCommunityForm(NewForm, CommunityForm):
    """A new community."""

    field_order = ["code"]


class ChangedCommunityForm(ChangedForm, CommunityForm):
    """A community as it shall be."""

    is_retired = forms.BooleanField(
        label=_("Retired: nobody joins any more, old entries stay readable"), required=False
    )


COMMUNITIES = Catalogue(
    noun="community",
    model=Community,
    new_form=NewCommunityForm,
    changed_form=ChangedCommunityForm,
    add=communities.add_community,
    change=communities.change_community,
    sort="platform",
    icon="users",
    title=_("Communities"),
    about=_("The groups that customers and their people join and leave."),
    sort_title=_("Where it meets"),
    new_title=_("New community"),
    new_act=_("Add community"),
    added=_("“%(name)s” can be joined now."),
    empty_title=_("No community yet"),
    empty_text=_("For example the WeChat group of your regular customers."),
)
