"""A company: its repository with people and CI around it, and its two tenants, each an emulator of its own.

Everything is real: git, the emulators behind sockets, the command line, the `apply.sh` that `reconciler init` has made.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from commands import REPOSITORY, TIMEOUT, Ended, run
from served import serving


@dataclass(frozen=True, slots=True)
class Checkout:
    """A clone in which *who* works, with *variables* besides those that everybody has."""

    folder: Path
    who: str
    variables: Mapping[str, str]

    def reconciler(self, *arguments: str) -> Ended:
        return run(*arguments, variables=self._variables, cwd=self.folder)

    def apply_script(self, *arguments: str) -> Ended:
        """Run the script of CI: it takes what main holds now, applies, and pushes the state."""
        return self._command("sh", "apply.sh", *arguments)

    def git(self, *arguments: str) -> str:
        ended = self._command("git", *arguments)
        assert ended.status == 0, f"git {' '.join(arguments)}: {ended.err}"
        return ended.out

    def write(self, path: str, text: str) -> None:
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text)

    def edit(self, path: str, before: str, after: str) -> None:
        text = (self.folder / path).read_text()
        assert text.count(before) == 1, f"{before!r} stands {text.count(before)} times in {path}"
        (self.folder / path).write_text(text.replace(before, after))

    def push(self, message: str) -> None:
        """Commit everything, and push the branch."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)
        self.git("push", "--quiet", "origin", "HEAD")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()

    @property
    def commit(self) -> str:
        return self.git("rev-parse", "HEAD").strip()

    def _command(self, *command: str) -> Ended:
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **self._variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    @property
    def _variables(self) -> Mapping[str, str]:
        names = {"NAME": self.who, "EMAIL": f"{self.who}@example.org"}
        person = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in names.items()}
        return {"GITHUB_ACTOR": self.who, **person, **self.variables}


@dataclass(slots=True)
class Tenant:
    """A tenant of the platform with its clients: *worlds* are its databases, the last one of today."""

    folder: Path
    name: str
    clients: tuple[str, ...]
    worlds: list[Path] = field(default_factory=list)
    url: str = ""
    _serving: ExitStack = field(default_factory=ExitStack)

    def refresh(self) -> None:
        """Begin an empty world, at the same address."""
        self.stop()
        self.worlds.append(self.folder / f"{self.name}-{len(self.worlds) + 1}.db")
        port = self.url.rpartition(":")[2] or "0"
        options = [option for client in self.clients for option in ("--client", client)]
        self.url = self._serving.enter_context(
            serving(self.folder, "--port", port, "--db", str(self.worlds[-1]), *options)
        )

    def stop(self) -> None:
        self._serving.close()

    def ledger(self, world: int = -1) -> list[dict[str, Any]]:
        """Return what has really happened in today's world, or in one of before."""
        ended = run("emulator", "ledger", "--db", str(self.worlds[world]), "--json", cwd=self.folder)
        effects: list[dict[str, Any]] = ended.document
        return effects

    def regenerated(self, world: int = -1) -> list[str]:
        return sorted(effect["target"] for effect in self.ledger(world))

    def misbehave(self, *rules: Mapping[str, object]) -> None:
        """Let the platform misbehave by these rules, and by no others."""
        path = self.folder / "rules.json"
        path.write_text(json.dumps({"version": 1, "rules": rules}))
        assert run("emulator", "faults", "load", str(path), "--db", str(self.worlds[-1]), cwd=self.folder).status == 0


class Company:
    """A repository to which people push branches; CI works in fresh clones that nobody keeps."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._clones = 0
        tools = folder / "tools"
        tools.mkdir()
        (tools / "reconciler").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m reconciler "$@"\n')
        (tools / "reconciler").chmod(0o755)
        self._everywhere = {
            "PATH": f"{tools}:{os.environ['PATH']}",
            "PYTHONPATH": str(REPOSITORY),
            "GIT_CONFIG_NOSYSTEM": "1",
            "BRANCH": "main",
        }
        here = Checkout(folder, "admin", self._everywhere)
        here.git("init", "--quiet", "--bare", "--initial-branch=main", "origin.git")

    def clone(self, who: str, secrets: Mapping[str, str] | None = None) -> Checkout:
        """Return a fresh clone of main, on a machine that has nothing else."""
        self._clones += 1
        machine = self.folder / f"machine-{self._clones:02}"
        machine.mkdir()
        own = {"HOME": str(machine), "XDG_CACHE_HOME": str(machine / "cache"), **(secrets or {})}
        variables = {**self._everywhere, **own}
        Checkout(machine, who, variables).git("clone", "--quiet", str(self.folder / "origin.git"), "acme")
        return Checkout(machine / "acme", who, variables)

    def branch(self, who: str, name: str) -> Checkout:
        """Return a clone of *who* on a new branch of main."""
        checkout = self.clone(who)
        checkout.git("checkout", "--quiet", "-b", name)
        return checkout

    def work_on(self, who: str, branch: str) -> Checkout:
        """Return a clone of *who* on a branch that is there."""
        checkout = self.clone(who)
        checkout.git("checkout", "--quiet", branch)
        return checkout

    def pull_request(self, branch: str) -> Checkout:
        """Return what CI looks at: main with *branch* merged into it. It has no secrets."""
        checkout = self.clone("ci")
        checkout.git("merge", "--quiet", "--no-ff", f"origin/{branch}")
        return checkout

    def merge(self, branch: str, who: str) -> None:
        """Merge *branch* into main, as the button of a pull request does."""
        checkout = self.clone(who)
        checkout.git("merge", "--quiet", "--no-ff", "--message", f"Merge {branch}", f"origin/{branch}")
        checkout.git("push", "--quiet", "origin", "main")

    def main(self) -> Checkout:
        """Return a clone of main as it is now, to look at."""
        return self.clone("reader")


@contextmanager
def tenants(*them: Tenant) -> Iterator[None]:
    """Let them be there until the end of the story."""
    with ExitStack() as stack:
        for tenant in them:
            stack.callback(tenant.stop)
            tenant.refresh()
        yield
