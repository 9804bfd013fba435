"""Directories for servers that tests start."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def server_directory() -> Iterator[Path]:
    """A short path (unix sockets) that other accounts may enter (PostgreSQL does not run as root)."""
    directory = Path(tempfile.mkdtemp(prefix="sa-"))
    directory.chmod(0o711)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
