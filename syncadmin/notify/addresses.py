"""Addresses of people's channels: which are allowed, and that none leads into a private network.

What a name stands for is looked at when it is used: a name that was public when it was given may not be so
later.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import apprise
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

MAIL = "mail"  # a plain e-mail address, reached through the hub's own mail server
LONGEST = 2000
# parameters of some services that name files of the machine, or change how it connects
FORBIDDEN = re.compile(r"template|pgp|file|path|attach|verify|redirect|proxy|storage", re.IGNORECASE)
TRANSLATED = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "2002::/16", "2001::/32")]
ASSET = {"app_id": "SyncAdmin", "app_desc": "SyncAdmin", "async_mode": False, "http_redirects": False}


class Unfit(ValueError):
    """An address that is none, or not allowed; the message says why and never holds the address."""


class Private(socket.gaierror):
    """A name or number that leads into a private network."""


def checked(address: str) -> tuple[str, str]:
    """An address as it is kept, and its scheme. Raises `Unfit`."""
    address = address.strip()
    if len(address) > LONGEST or re.search(r"[\x00-\x20\x7f]", address):
        raise Unfit(_("That is no address: it is too long, or has spaces in it."))
    if "://" not in address:
        try:
            validate_email(address)
        except ValidationError:
            raise Unfit(_("That is neither an e-mail address nor one like slack://… or jsons://….")) from None
        if not settings.NOTIFY_MAIL_URL:
            raise Unfit(_("This hub has no mail server of its own yet (NOTIFY_MAIL_URL)."))
        return address, MAIL
    scheme = address.partition("://")[0].lower()
    if scheme not in settings.NOTIFY_SCHEMES:
        allowed = ", ".join(settings.NOTIFY_SCHEMES)
        raise Unfit(_("Channels of this kind are not allowed here; allowed: %(list)s.") % {"list": allowed})
    for name, _value in parse_qsl(urlsplit(address).query, keep_blank_values=True):
        if FORBIDDEN.search(name):
            raise Unfit(_("The parameter “%(name)s” is not allowed.") % {"name": name[:40]})
    found = apprise.Apprise.instantiate(address, asset=apprise.AppriseAsset(**ASSET))
    if found is None:
        raise Unfit(_("The address is not complete; see the documentation of this kind of channel."))
    host = getattr(found, "smtp_host", None) or getattr(found, "host", None)
    if host and not settings.NOTIFY_PRIVATE:
        try:
            with public_only():
                socket.getaddrinfo(host.strip("[]"), None)
        except Private as error:
            raise Unfit(_("It leads into a private network, which is not allowed here.")) from error
        except OSError:
            pass  # not known right now: looked at again when it is used
    return address, scheme


def service(address: str, scheme: str) -> apprise.NotifyBase:
    """What sends to an address that was checked. Raises `Unfit` if it cannot be used any more."""
    if scheme == MAIL:
        base = settings.NOTIFY_MAIL_URL
        address = f"{base}{'&' if '?' in base else '?'}to={quote(address, safe='@')}" if base else ""
    elif scheme not in settings.NOTIFY_SCHEMES:
        raise Unfit(_("Channels of this kind are no longer allowed here."))
    found = apprise.Apprise.instantiate(address, asset=apprise.AppriseAsset(**ASSET)) if address else None
    if found is None:
        raise Unfit(_("The address can no longer be used."))
    return found


@contextmanager
def public_only() -> Iterator[None]:
    """While this lasts, this process reaches no address that is not public, by whatever name.

    What connects asks for the numbers behind a name here, redirects and numbers themselves included, and uses
    those it gets: there is no gap between looking and connecting.
    """
    real = socket.getaddrinfo

    def looked_at(*args: Any, **options: Any) -> Any:
        found = real(*args, **options)
        if not all(_public(place[4][0]) for place in found):
            raise Private(socket.EAI_NONAME, "leads into a private network")
        return found

    socket.getaddrinfo = looked_at
    try:
        yield
    finally:
        socket.getaddrinfo = real


def _public(number: Any) -> bool:
    place = ipaddress.ip_address(str(number).partition("%")[0])
    place = getattr(place, "ipv4_mapped", None) or place
    translated = place.version == 6 and any(place in net for net in TRANSLATED)
    return place.is_global and not place.is_multicast and not translated
