"""The file of `apply --proof`: what a run has shown, signed where the project file says with which key.

Rule: what a run has shown cannot be had again. So whatever may keep the file from being written or signed is tried out
before anything is sent, and a run that has sent nothing leaves what an earlier one has shown.
"""

import argparse
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler import __version__
from reconciler.cli.outputs import Output, check_beside, check_output, check_writable
from reconciler.cli.project import OpenProject, open_project
from reconciler.cli.wiring import World
from reconciler.core.evidence import evidence_of
from reconciler.core.run import Run
from reconciler.errors import StorageError
from reconciler.formats.proof_document import BEGINNING, SIGNATURE_ENDING, write_evidence
from reconciler.ports import Secret
from reconciler.reports.plan_report import counted
from reconciler.workspace.git import commit_of
from reconciler.workspace.secrets import read_secret
from reconciler.workspace.signing import SIGNATURE, sign
from reconciler.workspace.writing import put_file

_PROOF = Output(option="proof", what="proof", called="saved proof", beginning=BEGINNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A file that can be written, and the key it is to be signed with, if any. *path* has no links left.

    *is_there*: an earlier proof is. *commit* is that of the project before the run.
    """

    file: Path
    path: Path
    is_there: bool
    opened: OpenProject
    key: Secret | None
    commit: str | None
    world: World

    def write(self, run: Run) -> None:
        """Raise StorageError if it cannot be written or signed; what the run has done is in the state all the same."""
        opened = self.opened
        evidence = evidence_of(
            run,
            opened.project.name,
            platform=opened.environment.platform,
            commit=self.commit,
            tool=f"reconciler {__version__}",
        )
        if self.is_there and not evidence.shown and not evidence.against:
            self.world.console.err(f"{self.file} stays as it is: this run has shown nothing.\n")
            return
        content, beside = write_evidence(evidence), _beside(self.path)
        with suppress(OSError):
            beside.unlink()  # it is of another document
        put_file(self.path, content, name=str(self.file))
        if self.key is not None:
            put_file(beside, sign(content, self.key), name=f"{self.file}{SIGNATURE_ENDING}")
        signed = f", signed in {self.file.name}{SIGNATURE_ENDING}" if self.key is not None else ""
        self.world.console.err(f"{counted(len(evidence.shown), 'proof')} in {self.file}{signed}.\n")


def open_proof(arguments: argparse.Namespace, world: World) -> Proof | None:
    """Return the file that --proof names, None without it.

    Raise UsageError if it is anything else, AuthenticationError if the key to sign with cannot be read, StorageError if
    the file cannot be written or nothing can be signed with the key.
    """
    if arguments.proof is None:
        return None
    free = check_output(_PROOF, arguments, world)
    check_beside(_PROOF, _beside(free.path), SIGNATURE, "signature")
    check_writable(free.path, str(arguments.proof))
    opened = open_project(arguments, world)
    return Proof(
        file=arguments.proof,
        path=free.path,
        is_there=free.is_there,
        opened=opened,
        key=_tried_key(opened, world),
        commit=commit_of(opened.folder),
        world=world,
    )


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}{SIGNATURE_ENDING}")


def _tried_key(opened: OpenProject, world: World) -> Secret | None:
    """Return the key to sign with, if one is configured, once it has signed something."""
    source = opened.environment.signing_key
    if source is None:
        return None
    key = read_secret(source, name="signing_key", folder=opened.folder, variables=world.variables)
    try:
        sign(b"", key)
    except StorageError as error:
        raise StorageError(error.summary, f"{error.detail} Nothing was sent.", hint=error.hint) from None
    return key
