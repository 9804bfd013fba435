"""Middleware of our own: a content security policy (Django 5.2 has none), the reader's time zone, room."""

from collections.abc import Callable
from types import FunctionType
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


def _answer(get_response: Callable[[HttpRequest], HttpResponse], request: HttpRequest) -> HttpResponse:
    return get_response(request)


class RoomMiddleware:
    """Gives all that answers a request one piece of memory for its stack.

    Python keeps the frames of calls in pieces of 16 KB, and asks the kernel for each: a template's loop that
    happens to run across the end of a piece does so at every call, which makes a page take up to twice as
    long. A call that says it needs much gets a large piece, and what it calls lies in the rest of that.
    """

    SLOTS = 17_000  # a bit more than 128 KB, so the piece is one of 256 KB

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.answer = FunctionType(_answer.__code__.replace(co_stacksize=self.SLOTS), globals())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self.answer(self.get_response, request)
        return response


class ContentSecurityPolicyMiddleware:
    """Sends settings.CONTENT_SECURITY_POLICY with every answer that has no policy of its own."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.policy = "; ".join(f"{name} {value}" for name, value in settings.CONTENT_SECURITY_POLICY.items())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        return response


class TimeZoneMiddleware:
    """Shows times in the zone of the browser, which says it in a cookie; in UTC until it has."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response
        self.known = frozenset(available_timezones())

    def __call__(self, request: HttpRequest) -> HttpResponse:
        name = request.COOKIES.get(settings.TIME_ZONE_COOKIE_NAME, "")
        if name not in self.known:
            return self.get_response(request)
        with timezone.override(ZoneInfo(name)):
            return self.get_response(request)
