"""Secrets that are made once and kept in a file only the owner can read.

Several processes may ask for the same one at their first start: all get the value of whoever was
first. Used for the embedded defaults only.
"""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


def kept_secret(file: Path, generate: Callable[[], str]) -> str:
    """The content of the file; made with `generate()` if there is none yet."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as made:
            made.write(generate())
            made.flush()
            os.fsync(made.fileno())
        with suppress(FileExistsError):  # another process was first: its value counts
            os.link(draft, file)
        draft.unlink()
    return file.read_text().strip()
