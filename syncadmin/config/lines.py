"""A YAML file read with the line of every key, so that a problem can say where it is.

One liberty is taken with YAML: `${NAME}` needs no quotes inside `{...}` and `[...]` either, where braces
would otherwise end the text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from io import StringIO
from typing import Any

from django.utils.translation import gettext as _
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from .problems import BadConfig, Path, Problem, quoted

# stand for the braces of ${NAME} while the text is parsed; of the same length, so that columns stay right
OPEN, CLOSE = "\ue000", "\ue001"
SECRET = re.compile(r"\$\{([^{}\n]*)\}")


class Lines:
    """A parsed file: its content as plain values, and the line of each path in it."""

    def __init__(self, text: str, source: str = "") -> None:
        """Raises BadConfig with the line if the text is no YAML, or names a key twice."""
        self.source = source
        self._root = self._parse(text)
        self.content = _plain(self._root)

    def _parse(self, text: str) -> Any:
        try:
            return YAML(typ="rt").load(StringIO(SECRET.sub(rf"${OPEN}\1{CLOSE}", text)))
        except DuplicateKeyError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            name = str(error.problem).partition('"')[2].partition('"')[0]
            text = _("the key %(name)s is there twice") % {"name": quoted(name)}
            raise BadConfig([Problem((), text, "", line)], self.source) from None
        except MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            said = " ".join(part.strip() for part in (error.context, error.problem) if part)
            text = _("is not YAML: %(error)s") % {"error": _braced(said)}
            raise BadConfig([Problem((), text, "", line)], self.source) from None
        except YAMLError as error:
            text = _("is not YAML: %(error)s") % {"error": error}
            raise BadConfig([Problem((), text)], self.source) from None

    def of(self, path: Path) -> int | None:
        """The line of a path, or of the nearest key above it that is there."""
        line, node = 1, self._root
        for part in path:
            if isinstance(node, CommentedMap):
                part = next((key for key in node if _key(key) == part), None) if part not in node else part
                if part is None or part not in node.lc.data:
                    break
                line, node = node.lc.key(part)[0] + 1, node[part]
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                line, node = node.lc.item(part)[0] + 1, node[part]
            else:
                break
        return line

    def placed(self, problem: Problem) -> Problem:
        """The problem with its line."""
        return replace(problem, line=self.of(problem.path))


def _plain(value: Any) -> Any:
    """Without what the parser adds: plain dicts with text keys, lists, numbers, text."""
    if isinstance(value, Mapping):
        return {_key(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return _braced(value) if kind is str else kind(value)
    return value if value is None else str(value)


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return "true" if key else "false"
    return _braced(str(key))


def _braced(text: str) -> str:
    return text.replace(OPEN, "{").replace(CLOSE, "}")
