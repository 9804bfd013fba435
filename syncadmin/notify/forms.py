"""What people fill in: a channel, a subscription, quiet hours. An address is only written, never shown."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from conflicts.selectors import InboxFilter
from syncadmin.models import Channel, EventKind, Profile, Subscription

from .addresses import LONGEST, Unfit, checked

INPUT = {"class": "sa-input"}
CLOCK = {"type": "time", **INPUT}
# what a new channel is told of at once: what is about its person, and what cannot wait
FIRST = [
    EventKind.ASSIGNED,
    EventKind.MENTIONED,
    EventKind.COMMENTED,
    EventKind.SECOND_LOOK,
    EventKind.ANSWERED,
    EventKind.OVERDUE,
    EventKind.ESCALATED,
]


class ChannelForm(forms.ModelForm):
    """A new channel of a person."""

    address = forms.CharField(
        label=_("Address"),
        max_length=LONGEST,
        widget=forms.TextInput(
            attrs={**INPUT, "autocomplete": "off", "spellcheck": "false", "placeholder": "anna@example.com"}
        ),
    )

    class Meta:
        model = Channel
        fields = ("name",)
        labels = {"name": _("Name")}
        widgets = {"name": forms.TextInput(attrs={**INPUT, "placeholder": _("My mail")})}

    def __init__(self, *args: Any, person: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.instance.person = person
        if not settings.NOTIFY_MAIL_URL:  # a plain e-mail address would be refused
            self.fields["address"].widget.attrs["placeholder"] = "mailtos://user:password@example.com"

    def clean_name(self) -> str:
        """A name that the person has not given before."""
        name = self.cleaned_data["name"]
        if Channel.objects.filter(person=self.instance.person, name=name).exists():
            raise ValidationError(_("You have a channel of this name."))
        return name

    def clean_address(self) -> str:
        """An address that may be used; it is stored with its scheme."""
        try:
            address, self.instance.scheme = checked(self.cleaned_data["address"])
        except Unfit as error:
            raise ValidationError(str(error)) from None
        self.instance.address = address
        return address


class SubscriptionForm(forms.ModelForm):
    """What a person is told on one of their channels."""

    kinds = forms.MultipleChoiceField(
        label=_("What"), choices=EventKind.choices, widget=forms.CheckboxSelectMultiple
    )

    class Meta:
        model = Subscription
        fields = ("channel", "mapping", "kinds", "rhythm", "at", "query", "values")
        labels = {
            "channel": _("Channel"),
            "mapping": _("Mapping"),
            "rhythm": _("When"),
            "at": _("At"),
            "query": _("Only conflicts of this list"),
            "values": _("Show values and comments in the messages"),
        }
        widgets = {
            "channel": forms.Select(attrs=INPUT),
            "mapping": forms.Select(attrs=INPUT),
            "rhythm": forms.Select(attrs=INPUT),
            "at": forms.TimeInput(attrs=CLOCK, format="%H:%M"),
            "query": forms.TextInput(
                attrs={**INPUT, "placeholder": _("the address of the inbox with its filter")}
            ),
        }

    def __init__(self, *args: Any, person: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["channel"].queryset = person.notice_channels.defer("address")
        self.fields["channel"].empty_label = None
        self.fields["mapping"].empty_label = _("all")
        self.auto_id = f"{self.prefix or 'new'}-%s"

    def clean_query(self) -> str:
        """The filter alone, of a pasted address or query string."""
        text = self.cleaned_data["query"].strip()
        query = text.rpartition("?")[2] if "?" in text else text
        return InboxFilter.read(QueryDict(query)).query()[:500]


class HoursForm(forms.ModelForm):
    """A person's time zone and quiet hours."""

    zone = forms.CharField(
        label=_("Time zone"), widget=forms.TextInput(attrs={**INPUT, "list": "zones", "autocomplete": "off"})
    )

    class Meta:
        model = Profile
        fields = ("zone", "quiet_from", "quiet_until")
        labels = {"quiet_from": _("Quiet from"), "quiet_until": _("until")}
        widgets = {
            "quiet_from": forms.TimeInput(attrs=CLOCK, format="%H:%M"),
            "quiet_until": forms.TimeInput(attrs=CLOCK, format="%H:%M"),
        }

    def clean_zone(self) -> str:
        """A zone that there is."""
        zone = self.cleaned_data["zone"]
        if zone not in available_timezones():
            raise ValidationError(_("There is no such time zone."))
        return zone

    def clean(self) -> dict[str, Any]:
        """Both ends of the quiet hours, or none."""
        data = super().clean() or self.cleaned_data
        if (data.get("quiet_from") is None) != (data.get("quiet_until") is None):
            raise ValidationError(_("Give both ends of the quiet hours, or none."))
        return data

    @staticmethod
    def zones() -> list[str]:
        """All zones, for choosing."""
        return sorted(zone for zone in available_timezones() if "/" in zone or zone == "UTC")
