"""What git knows of the spec files: which commit touched each last, and whose it was.

Rule: git is a courtesy. Without it, outside a checkout, or when it does not answer, there is just nothing to record.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from reconciler.core.call import Authorship
from reconciler.core.checkup import Keeping
from reconciler.workspace.history import git, last_commits


def authorship_of(folder: Path, paths: Iterable[str]) -> Mapping[str, Authorship]:
    """Return the authorship of each of *paths*, which are relative to *folder*; what git does not know is absent."""
    dirty = git(folder, "status", "--porcelain=v1", "--no-renames", "--untracked-files=all", "-z", "--", ".")
    if dirty is None:
        return {}
    changed = _changed_paths(os.fsdecode(dirty), os.fsdecode(git(folder, "rev-parse", "--show-prefix") or b""))
    return {
        path: Authorship(commit=f"{last.id}-dirty", author=None)
        if path in changed
        else Authorship(commit=last.id, author=last.author)
        for path, last in last_commits(folder, paths).items()
    }


def commit_of(folder: Path) -> str | None:
    """Return the commit that is checked out, ending in ``-dirty`` if *folder* was edited since; None without git."""
    commit = git(folder, "rev-parse", "--verify", "HEAD")
    changed = git(folder, "status", "--porcelain=v1", "--untracked-files=no", "--", ".")
    return f"{commit.decode().strip()}{'-dirty' if changed else ''}" if commit else None


def keeping_of(folder: Path, path: str) -> Keeping:
    """Return what git makes of the file at *path*, relative to *folder*; one that is not there yet is untracked."""
    tracked = git(folder, "ls-files", "-z", "--", path)
    if tracked is None:
        return Keeping.NO_GIT
    if tracked:
        changed = git(folder, "status", "--porcelain=v1", "-z", "--", path)
        return Keeping.CHANGED if changed else Keeping.COMMITTED
    ignored = git(folder, "ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--", path)
    return Keeping.IGNORED if ignored else Keeping.UNTRACKED


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
