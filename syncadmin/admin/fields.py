"""Form fields that speak the language of the configuration file: YAML, durations, shares, names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from syncadmin.config.export import as_yaml
from syncadmin.config.lines import Lines
from syncadmin.config.problems import BadConfig, Problem, render
from syncadmin.config.units import format_duration, format_share, parse_duration, parse_share


class YamlField(forms.CharField):
    """Keys and values as in the file. `lines` of the last clean tell where a problem is."""

    def __init__(self, *, rows: int = 6, **kwargs: Any) -> None:
        attrs = {"rows": rows, "class": "sa-code sa-tall" if rows > 4 else "sa-code", "spellcheck": "false"}
        super().__init__(required=False, widget=UnfoldAdminTextareaWidget(attrs=attrs), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """A stored mapping is shown as YAML; what a person typed stays as it is."""
        if isinstance(value, dict):
            return as_yaml(value).rstrip("\n") if value else ""
        return value

    def clean(self, value: Any) -> Any:
        """The typed keys and values as a dict. Raises ValidationError with the line."""
        text = super().clean(value)
        try:
            content = Lines(text).content
        except BadConfig as error:
            raise forms.ValidationError(error.lines()) from None
        if content is None:
            return {}
        if not isinstance(content, dict):
            raise forms.ValidationError(_("must hold keys (key: value), one a line"))
        return content

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the content differs, not how it is written."""
        try:
            return self.clean(data) != (initial or {})
        except forms.ValidationError:
            return True


class ParsedField(forms.CharField):
    """A text that stands for a number."""

    def __init__(self, parse: Callable[[str], float], write: Callable[[float], str], **kwargs: Any) -> None:
        self._parse, self._write = parse, write
        super().__init__(widget=UnfoldAdminTextInputWidget(attrs={"size": 8}), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        """A stored number in the file's notation."""
        return self._write(value) if isinstance(value, int | float) else value

    def clean(self, value: Any) -> Any:
        """The number; None for nothing, where that is allowed."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return self._parse(text)
        except ValueError as error:
            raise forms.ValidationError(str(error)) from None

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the number differs."""
        return bool(super().has_changed(self.prepare_value(initial), data))


def duration(**kwargs: Any) -> ParsedField:
    """A field for `30s`, `5m`, `1d`."""
    return ParsedField(parse_duration, format_duration, **kwargs)


def share(**kwargs: Any) -> ParsedField:
    """A field for `5%`."""
    return ParsedField(parse_share, format_share, **kwargs)


class NamesField(forms.CharField):
    """Names separated by commas, kept as a list."""

    widget = UnfoldAdminTextInputWidget

    def prepare_value(self, value: Any) -> Any:
        """A stored list on one line."""
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> list[str]:
        """The names."""
        return [name.strip() for name in super().clean(value).split(",") if name.strip()]

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether the names differ."""
        return bool(super().has_changed(self.prepare_value(initial), data))


def told(problem: Problem, text: str = "") -> str:
    """A problem in words for a form: with the line in `text` if it is typed there, else the key."""
    if not text:
        return problem.text[:1].upper() + problem.text[1:]
    try:
        return render(Lines(text).placed(problem))
    except BadConfig:
        return render(problem)
