"""The simulator's switch as a part of a page; `demo/switch.html` is what a page includes to have it."""

from __future__ import annotations

import os

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from syncadmin.demo.switch import Switch
from syncadmin.web import forbidden, page

MAY_SEE = "syncadmin.view_mapping"
MAY_TURN = "syncadmin.change_mapping"


@require_http_methods(["GET", "POST"])
@page(MAY_SEE)
def switch(request: HttpRequest) -> HttpResponse:
    """How the simulator stands; a POST with `on` = 1 or 0 turns it."""
    may_turn = request.user.has_perm(MAY_TURN)
    its = Switch(settings.VAR_DIR)
    if request.method == "POST":
        if not may_turn:
            return forbidden(request, MAY_TURN)
        its.turn(request.POST.get("on") == "1")
        if not getattr(request, "htmx", False):
            return redirect("/")
    shop = os.environ.get("DEMO_SHOP_URL", "")
    context = {"activity": its.read(), "may_turn": may_turn, "shop_url": f"{shop}/_/" if shop else ""}
    response = render(request, "demo/state.html", context)
    add_never_cache_headers(response)
    return response
