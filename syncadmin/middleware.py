"""Middleware of our own: a content security policy (Django 5.2 has none), and the reader's time zone."""

from collections.abc import Callable
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone


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
