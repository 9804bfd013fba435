"""Try it: a reading operation on the live system, with its requests and what was taken from the answers."""

from __future__ import annotations

from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from connectors.base import Misconfigured
from connectors.trying import Watched
from syncadmin import trying
from syncadmin.config.connect import connector_class
from syncadmin.models import Mapping, System
from syncadmin.permissions import CHANGE_SYSTEM, VIEW_MAPPING
from syncadmin.show import brief
from syncadmin.web import page, shell

WORDS = {
    "list": gettext_lazy("List: a first page"),
    "one": gettext_lazy("Read one record"),
    "changes": gettext_lazy("Changes of just now"),
}
FIELDS = 40


@require_http_methods(["GET", "HEAD", "POST"])
@page(CHANGE_SYSTEM)
def try_(request: HttpRequest, name: str) -> HttpResponse:
    """Choose an operation; see what it asked, what came back, and which records that is."""
    system = get_object_or_404(System, name=name)
    try:
        possible = issubclass(connector_class(system), Watched)
    except Misconfigured:
        possible = False
    if not possible:
        raise Http404("A system of this kind can't be watched.")
    resources = list(system.resources.order_by("name"))
    chosen = request.POST.get("resource", "")
    operation = request.POST.get("operation", "list")
    key = request.POST.get("key", "").strip()[:300]
    resource = next((one for one in resources if one.name == chosen), None)
    asks_key = operation == "one" and not key
    tried = None
    if request.method == "POST" and resource is not None and operation in WORDS and not asks_key:
        tried = trying.run(resource, operation, key)
    using = Q(left__system=system) | Q(right__system=system)
    mappings = Mapping.objects.filter(using).order_by("name")
    context = {
        "system": system,
        "mappings": mappings if request.user.has_perm(VIEW_MAPPING) else (),
        "resources": resources,
        "operations": WORDS.items(),
        "chosen": chosen,
        "operation": operation,
        "key": key,
        "asks_key": request.method == "POST" and asks_key,
        "tried": tried,
        "records": [
            (one, [(field, brief(value, 120)) for field, value in list(one.values.items())[:FIELDS]])
            for one in (tried.records if tried is not None else ())
        ],
    }
    return shell(request, "syncadmin/try.html", context, title=_("Try %(system)s") % {"system": system})
