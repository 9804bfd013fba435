"""Forms made from a connector's typed settings: a widget for each kind, help from the model's own words.

A form turns settings into fields and fields into settings; what is right is judged by the model alone
(`config.systems.check_settings`), so a form and a file are told the same. Secrets go in and never come out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any, get_args, get_origin

from django import forms
from django.utils.translation import gettext as _
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from connectors.offers import Offer
from syncadmin.config.errors import literals, members

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting that a form asks for: where it is, what the model says of it, for which kinds it counts.

    `label` is said in place of the model's words, if there is one.
    """

    path: str
    info: FieldInfo | None
    required: bool
    only: tuple[str, ...] = ()
    label: str = ""

    @property
    def field(self) -> str:
        """The name of its form field."""
        return self.path.replace(".", "__")

    @property
    def secret(self) -> bool:
        """Whether its value is a secret."""
        return self.info is not None and SecretStr in members(self.info.annotation)


def settings_of(
    model: type[BaseModel],
    asks: Iterable[str],
    may: Collection[str] = (),
    labels: Mapping[str, str] | None = None,
) -> list[Setting]:
    """The settings that a form asks for, in order. A path to several kinds brings the settings of each."""
    found = [setting for path in asks for setting in _settings(model, path, path not in may)]
    return [replace(setting, label=(labels or {}).get(setting.path, "")) for setting in found]


def _settings(model: type[BaseModel], path: str, required: bool) -> Iterator[Setting]:
    info = _found(model, path)
    kinds = _kinds(info.annotation) if info is not None else {}
    if len(kinds) < 2:
        yield Setting(path, info, required)
        return
    yield Setting(f"{path}.type", info, True, tuple(kinds))
    for name in dict.fromkeys(name for kind in kinds.values() for name in _texts(kind)):
        having = tuple(tag for tag, kind in kinds.items() if name in _texts(kind))
        yield Setting(f"{path}.{name}", kinds[having[0]].model_fields[name], False, having)


def _found(model: type[BaseModel], path: str) -> FieldInfo | None:
    """What the model says of a path; None inside of what has names of the person's own."""
    places: list[Any] = [model]
    info: FieldInfo | None = None
    for part in path.split("."):
        models = [one for one in places if isinstance(one, type) and issubclass(one, BaseModel)]
        info = next((one for model in models if (one := _field(model, part)) is not None), None)
        if info is None:
            return _secret_in(places)
        places = members(info.annotation)
    return info


def _secret_in(places: list[Any]) -> FieldInfo | None:
    """What is said of a secret that has a name of the person's own: a header's."""
    named = any(get_origin(place) is dict and get_args(place)[-1] is SecretStr for place in places)
    return FieldInfo.from_annotation(SecretStr) if named else None


def _field(model: type[BaseModel], name: str) -> FieldInfo | None:
    return next((f for known, f in model.model_fields.items() if name in (known, f.alias)), None)


def _kinds(annotation: Any) -> dict[str, type[BaseModel]]:
    """The kinds that a setting may be of, by their `type`, as far as a few texts are all they need."""
    found: dict[str, type[BaseModel]] = {}
    for member in members(annotation):
        if isinstance(member, type) and issubclass(member, BaseModel) and "type" in member.model_fields:
            texts = _texts(member)
            needed = {name for name, f in member.model_fields.items() if f.is_required()}
            for tag in literals(member.model_fields["type"].annotation):
                if needed <= {*texts, "type"}:
                    found[tag] = member
    return found


def _texts(model: type[BaseModel]) -> list[str]:
    """The settings of a kind that a person is asked for: those with a title."""
    return [name for name, info in model.model_fields.items() if info.title]


class TypedForm(forms.Form):
    """The settings of one system or resource. `kept` are those it has already; `known` its stored secrets."""

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        settings: Sequence[Setting],
        *,
        examples: Mapping[str, str] | None = None,
        kept: Document | None = None,
        known: Iterable[str] = (),
    ) -> None:
        super().__init__(data)
        self.settings = settings
        self._kept, self._known = kept or {}, set(known)
        for setting in settings:
            made = _form_field(setting, at(self._kept, setting.path), self._known)
            made.only = "" if setting.path.endswith(".type") else " ".join(setting.only)
            if example := (examples or {}).get(setting.path):
                made.widget.attrs.setdefault("placeholder", example)
            self.fields[setting.field] = made

    def document(self, fixed: Mapping[str, Any], prefix: str) -> tuple[Document, dict[str, str]]:
        """The settings and the secrets that were typed, by name: `prefix` begins their names.

        What is not asked for stays as it was; what was emptied goes.
        """
        made: Document = deepcopy(self._kept or dict(fixed))
        typed: dict[str, str] = {}
        chosen = {s.path: self.cleaned_data[s.field] for s in self.settings if s.path.endswith(".type")}
        for setting in self.settings:
            value = self.cleaned_data.get(setting.field)
            kind = chosen.get(f"{setting.path.rpartition('.')[0]}.type")
            if setting.only and setting.path not in chosen and kind not in setting.only:
                _put(made, setting.path, None)
            elif setting.secret:
                if value:
                    name = secret_name(prefix, setting.path)
                    typed[name] = value
                    _put(made, setting.path, f"${{{name}}}")
            else:
                default = setting.info.get_default() if setting.info is not None else None
                usual = isinstance(value, bool) and value == default
                _put(made, setting.path, None if value in ("", None) or usual else value)
        return made, typed

    def kept_secrets(self) -> list[str]:
        """The form fields of secrets that were left empty, and so stay as they are stored."""
        return [
            setting.field
            for setting in self.settings
            if setting.secret
            and not self.cleaned_data.get(setting.field)
            and set(re.findall(r"\w+", str(at(self._kept, setting.path)))) & self._known
        ]

    def place(self, paths: Iterable[str]) -> str | None:
        """The form field of the first of these settings that is asked for, None if none is."""
        asked = {setting.path: setting.field for setting in self.settings}
        for path in paths:
            if path in asked:
                return asked[path]
        return None


def form_for(
    model: type[BaseModel],
    offer: Offer,
    data: Mapping[str, Any] | None,
    *,
    kept: Document | None = None,
    known: Iterable[str] = (),
) -> TypedForm:
    """The form of one way to connect."""
    settings = settings_of(model, offer.asks, offer.may, offer.labels)
    return TypedForm(data, settings, examples=offer.examples, kept=kept, known=known)


def secret_name(prefix: str, path: str) -> str:
    """The name that a secret is stored by: `CRM_PASSWORD`."""
    name = re.sub(r"\W+", "_", f"{prefix}_{path.rpartition('.')[2]}", flags=re.ASCII).upper()
    return name if name[0].isalpha() or name[0] == "_" else f"S_{name}"


def at(document: Any, path: str) -> Any:
    """What a document holds at a dotted path, None if nothing."""
    for part in path.split("."):
        document = document.get(part) if isinstance(document, Mapping) else None
    return document


def _put(document: Document, path: str, value: Any) -> None:
    """Put a value at a dotted path; None takes away what is there."""
    *way, last = path.split(".")
    for part in way:
        if value is None and part not in document:
            return
        document = document.setdefault(part, {})
    if value is None:
        document.pop(last, None)
    else:
        document[last] = value


def _form_field(setting: Setting, kept: Any, known: set[str]) -> forms.Field:
    info = setting.info
    label = setting.label or (info.title if info is not None and info.title else "")
    words = _(label) if label else _words(setting.path)
    options: dict[str, Any] = {"label": words, "required": setting.required and not setting.secret}
    if info is not None and info.description and not setting.label:
        options["help_text"] = _(info.description)
    attrs = {"class": "sa-input", "autocomplete": "off", "spellcheck": "false"}
    kinds = members(info.annotation) if info is not None else [str]
    if setting.path.endswith(".type") and setting.only:
        choices = [(tag, _(KINDS.get(tag, tag))) for tag in setting.only]
        return forms.ChoiceField(
            choices=choices, initial=kept, widget=forms.Select({**attrs, "data-chooses": "1"}), **options
        )
    if setting.secret:
        attrs["autocomplete"] = "new-password"
        if kept and set(re.findall(r"\w+", str(kept))) & known:
            attrs["placeholder"] = _("is set; leave empty to keep it")
        return forms.CharField(strip=False, widget=forms.PasswordInput(attrs), **options)
    default = info.get_default() if info is not None else None
    if bool in kinds:
        options["required"] = False
        given = default if kept is None else kept
        return forms.BooleanField(initial=given, widget=forms.CheckboxInput(), **options)
    if int in kinds:
        return forms.IntegerField(initial=kept, widget=forms.NumberInput(attrs), **options)
    if len(kinds) == 1 and literals(kinds[0]):
        choices = [(value, value) for value in literals(kinds[0])]
        return forms.ChoiceField(choices=choices, initial=kept, widget=forms.Select(attrs), **options)
    usual = getattr(default, "text", default) if isinstance(default, str) or hasattr(default, "text") else ""
    given = kept if kept is not None else usual
    return forms.CharField(initial=given, max_length=2000, widget=forms.TextInput(attrs), **options)


def gettext_noop(text: str) -> str:
    """Marks words to be translated where they are shown."""
    return text


KINDS = {
    "none": gettext_noop("It asks for nothing"),
    "basic": gettext_noop("User and password with each request"),
    "bearer": gettext_noop("A fixed token"),
    "api_key": gettext_noop("A key in a header, parameter or cookie"),
    "login": gettext_noop("A login that answers a token"),
    "hmac": gettext_noop("What is sent is signed with a secret (HMAC)"),
    "header": gettext_noop("A header holds the secret"),
    "standard": gettext_noop("Standard Webhooks: headers webhook-id, webhook-signature"),
    "jwt": gettext_noop("A signed token of our own (JWT)"),
    "oauth2_client_credentials": gettext_noop("OAuth 2: client and secret"),
    "oauth2_refresh_token": gettext_noop("OAuth 2: refresh token"),
}


def _words(path: str) -> str:
    """A label for a setting without a title: its own name."""
    return path.rpartition(".")[2].replace("_", " ").capitalize()
