"""The simulator's switch as a part of a page; `demo/switch.html` is what a page includes to have it."""

from __future__ import annotations

import os

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from syncadmin.demo.models import Activity
from syncadmin.web import forbidden, page

MAY_SEE = "demo.view_activity"
MAY_TURN = "demo.change_activity"


@require_http_methods(["GET", "POST"])
@page(MAY_SEE)
def switch(request: HttpRequest) -> HttpResponse:
    """How the simulator stands; a POST with `on` = 1 or 0 turns it."""
    may_turn = request.user.has_perm(MAY_TURN)
    activity = Activity.switch()
    if request.method == "POST":
        if not may_turn:
            return forbidden(request, MAY_TURN)
        activity = Activity.turn(request.POST.get("on") == "1", request.user.get_username())
        if not getattr(request, "htmx", False):
            return redirect("/")
    shop = os.environ.get("DEMO_SHOP_URL", "")
    context = {"activity": activity, "may_turn": may_turn, "shop_url": f"{shop}/_/" if shop else ""}
    response = render(request, "demo/state.html", context)
    add_never_cache_headers(response)
    return response
