"""Where sockets may lie: the address of a unix socket holds about a hundred bytes, paths can be longer."""

import hashlib
import os
import tempfile
from pathlib import Path

# 108 bytes on Linux, 104 on macOS, one of them for the end
LONGEST_SOCKET_PATH = 100


def socket_in(directory: Path, name: str) -> Path:
    """The socket's path in the directory, or where that is too long, a short one that stands for it.

    The short one lies in a directory of this user's own among the temporary files.
    """
    path = directory / name
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    short = Path(tempfile.gettempdir()) / f"syncadmin-{os.getuid()}"
    short.mkdir(mode=0o700, exist_ok=True)
    if short.is_symlink() or short.stat().st_uid != os.getuid():
        raise PermissionError(f"{short} belongs to somebody else")
    return short / f"{hashlib.sha256(os.fsencode(path)).hexdigest()[:16]}.sock"
