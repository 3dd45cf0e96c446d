"""What git knows of the spec files: which commit touched each last, and whose it was.

Rule: git is a courtesy. Without it, outside a checkout, or when it does not answer, there is just nothing to record.
"""

import os
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.core.call import Authorship

_TIMEOUT = 20
_SETTINGS = ("--no-optional-locks", "--literal-pathspecs", "-c", "core.quotepath=off", "-c", "log.showSignature=false")
"""Git writes nothing, and a path is a path: ``[a].yaml`` is no pattern."""


def authorship_of(folder: Path, paths: Iterable[str]) -> Mapping[str, Authorship]:
    """Return the authorship of each of *paths*, which are relative to *folder*; what git does not know is absent."""
    known: dict[str, Authorship] = {}
    dirty = _git(folder, "status", "--porcelain=v1", "--no-renames", "--untracked-files=all", "-z", "--", ".")
    if dirty is None:
        return known
    changed = _changed_paths(dirty, _git(folder, "rev-parse", "--show-prefix") or "")
    for path in sorted(set(paths)):
        line = _git(folder, "log", "-1", "--format=%H%x00%an <%ae>", "--", path)
        if line:
            commit, _, author = line.strip("\n").partition("\x00")
            is_dirty = path in changed
            known[path] = Authorship(
                commit=f"{commit}-dirty" if is_dirty else commit, author=None if is_dirty else author
            )
    return known


def prefix_in_repository(folder: Path) -> str:
    """Return the path from the root of the checkout that holds *folder* to *folder*, "" if it is that or there is none.

    The root is where ``.git`` is. Git itself is not asked: it need not be there, and in a container it refuses a
    checkout of another user.
    """
    here = folder.resolve()
    for root in (here, *here.parents):
        if os.path.lexists(root / ".git"):
            path = here.relative_to(root).as_posix()
            return "" if path == "." else path
    return ""


def _changed_paths(status: str, prefix: str) -> frozenset[str]:
    """Return the paths of ``git status -z``, made relative to the folder that *prefix* leads to."""
    return frozenset(each[3:].removeprefix(prefix.strip("\n")) for each in status.split("\0") if len(each) > 3)


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *_SETTINGS, *arguments]
    try:
        done = subprocess.run(  # noqa: S603  (a fixed program; the arguments are ours and follow --)
            command, capture_output=True, timeout=_TIMEOUT, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")
