"""A person's own page on notices: channels, what is told on them, quiet hours, what became of the last ones.

Everybody sees and changes only what is theirs; an address is never shown again once it is stored.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from syncadmin.jobs import enqueue_notices
from syncadmin.models import Channel, Notice, NoticeState, Profile, Subscription
from syncadmin.notify.forms import FIRST, ChannelForm, HoursForm, SubscriptionForm
from syncadmin.notify.profiles import profile_of
from syncadmin.web import page, shell

VIEW = "conflicts.view_conflict"
LAST = 15
MOST_CHANNELS = 20


@require_GET
@page(VIEW)
def show(request: HttpRequest) -> HttpResponse:
    """The page; HTMX asks for it again while a notice is on its way."""
    return _page(request)


@require_POST
@page(VIEW)
def add_channel(request: HttpRequest) -> HttpResponse:
    """A new channel, told at once of what is about its person."""
    form = ChannelForm(request.POST, person=request.user)
    if request.user.notice_channels.count() >= MOST_CHANNELS:
        form.add_error(None, _("You have enough channels."))
    if not form.is_valid():
        return _page(request, channel_form=form)
    with transaction.atomic():
        _remember_language(request)
        form.instance.created_at = timezone.now()
        channel = form.save()
        Subscription.objects.create(channel=channel, kinds=FIRST)
    messages.success(request, _("%(name)s is added. Send yourself a test.") % {"name": channel.name})
    return _back()


@require_POST
@page(VIEW)
def remove_channel(request: HttpRequest, channel_id: int) -> HttpResponse:
    """No more notices on a channel."""
    get_object_or_404(Channel, pk=channel_id, person=request.user).delete()
    return _back()


@require_POST
@page(VIEW)
def test(request: HttpRequest, channel_id: int) -> HttpResponse:
    """Send a test, now, the way that all notices go. One at a time."""
    channel = get_object_or_404(Channel, pk=channel_id, person=request.user)
    now = timezone.now()
    with transaction.atomic():
        Channel.objects.select_for_update().get(pk=channel.pk)
        if not channel.notices.filter(kind="test", state=NoticeState.WAITING).exists():
            Notice.objects.create(channel=channel, kind="test", at=now, ready_at=now)
        enqueue_notices()
    return _back()


@require_POST
@page(VIEW)
def subscribe(request: HttpRequest) -> HttpResponse:
    """Be told of something more."""
    form = SubscriptionForm(request.POST, person=request.user)
    if not form.is_valid():
        return _page(request, new_form=form)
    _remember_language(request)
    form.save()
    return _back()


@require_POST
@page(VIEW)
def change(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """Be told of something else."""
    found = get_object_or_404(Subscription, pk=subscription_id, channel__person=request.user)
    form = SubscriptionForm(request.POST, instance=found, person=request.user, prefix=f"s{found.pk}")
    if not form.is_valid():
        return _page(request, changed=form)
    _remember_language(request)
    form.save()
    return _back()


@require_POST
@page(VIEW)
def unsubscribe(request: HttpRequest, subscription_id: int) -> HttpResponse:
    """Be told of it no more."""
    get_object_or_404(Subscription, pk=subscription_id, channel__person=request.user).delete()
    return _back()


@require_POST
@page(VIEW)
def hours(request: HttpRequest) -> HttpResponse:
    """The person's time zone and quiet hours."""
    form = HoursForm(request.POST, instance=profile_of(request.user))
    if not form.is_valid():
        return _page(request, hours_form=form)
    form.instance.language = get_language() or settings.LANGUAGE_CODE
    form.save()
    messages.success(request, _("Your hours are stored."))
    return _back()


def _page(request: HttpRequest, **forms: Any) -> HttpResponse:
    person = request.user
    channels = list(person.notice_channels.defer("address"))
    changed = forms.pop("changed", None)
    subscriptions = []
    for row in (
        Subscription.objects.filter(channel__person=person)
        .select_related("channel", "mapping")
        .defer("channel__address")
    ):
        form = SubscriptionForm(instance=row, person=person, prefix=f"s{row.pk}")
        bad = changed is not None and changed.instance.pk == row.pk
        subscriptions.append((row, changed if bad else form, bad))
    theirs = Notice.objects.filter(channel__person=person).defer("channel__address")
    last = list(theirs.select_related("channel", "mapping", "system").order_by("-pk")[:LAST])
    context = {
        "channels": channels,
        "subscriptions": subscriptions,
        "channel_form": ChannelForm(person=person),
        "new_form": SubscriptionForm(person=person, initial={"kinds": FIRST}),
        "hours_form": HoursForm(instance=_hours(request)),
        "zones": HoursForm.zones(),
        "last": last,
        "waiting": any(notice.state == NoticeState.WAITING and notice.kind == "test" for notice in last),
        "base_url": settings.BASE_URL,
        "mail": bool(settings.NOTIFY_MAIL_URL),
        "schemes": settings.NOTIFY_SCHEMES,
        **forms,
    }
    return shell(
        request,
        "syncadmin/notifications.html",
        context,
        title=_("Notifications"),
        status=422 if forms or changed else 200,
    )


def _hours(request: HttpRequest) -> Profile:
    """The person's profile; who never said is taken to be in the zone of their browser."""
    profile = profile_of(request.user)
    if profile._state.adding:
        profile.zone = timezone.get_current_timezone_name()
    return profile


def _remember_language(request: HttpRequest) -> None:
    """Notices are written in the language that the page is read in."""
    profile = _hours(request)
    profile.language = get_language() or settings.LANGUAGE_CODE
    profile.save()


def _back() -> HttpResponse:
    return HttpResponseRedirect(reverse("syncadmin:notifications"))
