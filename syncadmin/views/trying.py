"""Try it: one operation on the live system, with its requests and what was taken from the answers.

Reading is asked for and done. Writing takes three steps, each a button of its own: enter a record, look at
the request, send it. Nothing is written by looking.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from django.core import signing
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from connectors.base import Misconfigured, Op, Record, Write
from connectors.trying import Foresees, Watched
from syncadmin import triedvalues, triedwrites, trying
from syncadmin.config.connect import connector_class
from syncadmin.models import Mapping, System
from syncadmin.permissions import CHANGE_SYSTEM, VIEW_MAPPING
from syncadmin.probeholds import pack, unpack
from syncadmin.show import brief
from syncadmin.triedwrites import Done, Foreseen, Looked, NotTried
from syncadmin.web import page, shell

READS = {
    "list": gettext_lazy("List: a first page"),
    "one": gettext_lazy("Read one record"),
    "changes": gettext_lazy("Changes of just now"),
}
WRITES = {
    Op.CREATE: gettext_lazy("Create a record"),
    Op.UPDATE: gettext_lazy("Change a record"),
    Op.DELETE: gettext_lazy("Delete a record"),
}
FIELDS = 40
SHORT = 120
LOGGED = 10
SALT = "syncadmin.try"
SECONDS = 900  # for which a page that shows a request may send it
LARGEST = 500_000  # characters of a record that is shown to be written


@require_http_methods(["GET", "HEAD", "POST"])
@page(CHANGE_SYSTEM)
def try_(request: HttpRequest, name: str) -> HttpResponse:
    """Choose an operation. What reads is done; what writes is prepared, and the record shown."""
    asked = _Asked(request, name)
    if request.method != "POST" or asked.resource is None or asked.lacks_key:
        return asked.page()
    if asked.operation in READS:
        return asked.page(tried=trying.run(asked.resource, asked.operation, asked.key))
    if asked.operation not in WRITES or not asked.writes:
        return asked.page()
    op = Op(asked.operation)
    looked = triedwrites.look(asked.resource, op, asked.key)
    if looked.problem or looked.absent or looked.info is None or (op is not Op.CREATE and not looked.record):
        return asked.page(looked=looked)
    if op is Op.CREATE:
        text = triedvalues.written(triedvalues.offered(looked.info, timezone.localdate()))
        return asked.page(looked=looked, text=text)
    assert looked.record is not None  # noqa: S101  (see above)
    if len(told := pack(looked.record.values)) > LARGEST:
        return asked.page(problem=_("The record is too large to be written from here."))
    shown = {"key": looked.record.key, "values": told, "version": looked.record.version}
    if op is Op.DELETE:
        return _preview(asked, triedwrites.expecting(Write(op, looked.record.key), looked.record))
    text = triedvalues.written(triedvalues.editable(looked.info, looked.record))
    return asked.page(looked=looked, text=text, shown=asked.signed(shown))


@require_POST
@page(CHANGE_SYSTEM)
def preview(request: HttpRequest, name: str) -> HttpResponse:
    """The request that would be sent for what was entered. Nothing is written."""
    asked = _Asked(request, name)
    text, shown = request.POST.get("values", ""), request.POST.get("shown", "")
    if asked.resource is None or asked.operation not in (Op.CREATE, Op.UPDATE) or not asked.writes:
        return asked.page()
    try:
        values = triedvalues.entered(text)
        if asked.operation == Op.CREATE:
            return _preview(asked, Write(Op.CREATE, None, values))
        before = asked.unsigned(shown)
        record = Record(before["key"], unpack(before["values"]), before["version"])
        values = triedvalues.changed(record.values, values)
    except triedvalues.NoRecord as error:
        words = _("This is no record: write fields and values as JSON, {…}.")
        return asked.page(text=text, shown=shown, problem=f"{words} {error}")
    except signing.BadSignature:
        return asked.page(problem=_too_old())
    if not values:
        return asked.page(text=text, shown=shown, problem=_("Nothing is changed yet: edit a value."))
    return _preview(asked, triedwrites.expecting(Write(Op.UPDATE, record.key, values), record))


@require_POST
@page(CHANGE_SYSTEM)
def write(request: HttpRequest, name: str) -> HttpResponse:
    """Send the request that was shown, once, and tell what came of it."""
    asked = _Asked(request, name)
    if not asked.writes:
        return asked.page()
    try:
        told = asked.unsigned(request.POST.get("write", ""))
    except signing.BadSignature:
        return asked.page(problem=_too_old())
    if asked.resource is None:
        raise Http404("No such resource.")
    made = Write(
        Op(told["op"]),
        told["key"],
        values=unpack(told["values"]),
        expected=unpack(told["expected"]),
        version=told["version"],
        idempotency=told["nonce"],
    )
    try:
        done = triedwrites.carry_out(
            asked.resource,
            made,
            shown=told["digest"],
            nonce=told["nonce"],
            user=request.user,
            undo=request.POST.get("how") == "round",
        )
    except NotTried as error:
        return asked.page(problem=str(error))
    return asked.page(done=done)


def _preview(asked: _Asked, wanted: Write) -> HttpResponse:
    assert asked.resource is not None  # noqa: S101  (callers see to it)
    wanted = replace(wanted, idempotency=secrets.token_hex(16))
    foreseen = triedwrites.foresee(asked.resource, wanted)
    wanted = foreseen.write
    told = {
        "op": wanted.op,
        "key": wanted.key,
        "values": pack(wanted.values),
        "expected": pack(wanted.expected),
        "version": wanted.version,
        "nonce": wanted.idempotency,
        "digest": foreseen.digest,
    }
    token = asked.signed(told) if foreseen.requests else ""
    return asked.page(foreseen=foreseen, token=token)


def _too_old() -> str:
    return _("This page is too old, or not yours: ask again.")


class _Asked:
    """What the form says, and the page that answers it."""

    def __init__(self, request: HttpRequest, name: str) -> None:
        self._request = request
        self.system = get_object_or_404(System, name=name)
        try:
            kind = connector_class(self.system)
        except Misconfigured:
            kind = None
        if kind is None or not issubclass(kind, Watched):
            raise Http404("A system of this kind can't be watched.")
        self.writes = issubclass(kind, Foresees)
        self._resources = list(self.system.resources.order_by("name"))
        chosen = request.POST.get("resource", "")
        self.resource = next((one for one in self._resources if one.name == chosen), None)
        self.operation = request.POST.get("operation", "list")
        self.key = request.POST.get("key", "").strip()[:300]
        self.lacks_key = self.operation in ("one", Op.UPDATE, Op.DELETE) and not self.key

    def signed(self, told: dict[str, Any]) -> str:
        """What a page carries to the next step, so that nothing else but what was shown gets there."""
        bound = [self._request.user.pk, self.system.pk, self.resource.name if self.resource else ""]
        return signing.dumps([bound, told], salt=SALT, compress=True)

    def unsigned(self, token: str) -> dict[str, Any]:
        """What the step before carried here. Raises BadSignature, also for somebody else's."""
        (user, system, resource), told = signing.loads(token, salt=SALT, max_age=SECONDS)
        self.resource = next((one for one in self._resources if one.name == resource), None)
        if user != self._request.user.pk or system != self.system.pk or not isinstance(told, dict):
            raise signing.BadSignature("it was made for somebody else")
        return told

    def page(
        self,
        *,
        tried: trying.Tried | None = None,
        looked: Looked | None = None,
        foreseen: Foreseen | None = None,
        done: Done | None = None,
        problem: str = "",
        **more: Any,
    ) -> HttpResponse:
        """The page, with what was found."""
        using = Q(left__system=self.system) | Q(right__system=self.system)
        may_see = self._request.user.has_perm(VIEW_MAPPING)
        resource = self.resource
        posted = self._request.method == "POST"
        context = {
            "system": self.system,
            "mappings": Mapping.objects.filter(using).order_by("name") if may_see else (),
            "concerned": triedwrites.concerned(resource) if resource and may_see else (),
            "resources": self._resources,
            "reads": READS.items(),
            "writes": WRITES.items() if self.writes else (),
            "chosen": resource.name if resource else "",
            "operation": self.operation,
            "key": self.key,
            "asks_key": posted and self.lacks_key and not (tried or looked or foreseen or done),
            "tried": tried,
            "records": [shown(one) for one in (tried.records if tried is not None else ())],
            "looked": looked,
            "asked": tried or looked,
            "exchanges": found.exchanges if (found := tried or looked or done) else (),
            "again": (Op.UPDATE, Op.DELETE),
            "foreseen": foreseen,
            "done": done,
            "steps": [(step, shown(step.record) if step.record else None) for step in done.steps]
            if done
            else (),
            "problem": problem,
            "log": self.system.tried_writes.select_related("user")[:LOGGED],
            **more,
        }
        title = _("Try %(system)s") % {"system": self.system}
        return shell(
            self._request, "syncadmin/try.html", context, title=title, status=422 if problem else 200
        )


def shown(record: Record) -> tuple[Record, list[tuple[str, str]]]:
    """A record with the beginning of its values."""
    return record, [(name, _brief(value)) for name, value in list(record.values.items())[:FIELDS]]


def _brief(value: Any) -> str:
    plain = value is None or isinstance(value, bool | str)
    return brief(value if plain else triedvalues.compact(value), SHORT)
