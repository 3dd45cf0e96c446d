"""The files of `apply --proof` and `state proof`: what was shown, signed where the project file says with which key.

Rule: what keeps a file from being written or signed is tried out before anything is sent, and none takes the place of
another that tells anything: of what a run has shown the state may know less by now.
"""

import argparse
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from reconciler import __version__
from reconciler.cli.outputs import Output, check_beside, check_output, check_writable
from reconciler.cli.project import OpenProject, hold_lock, open_project, open_store
from reconciler.cli.wiring import World, open_journals
from reconciler.core.diagnostics import InvalidInput
from reconciler.core.evidence import Evidence, evidence_in, evidence_of
from reconciler.core.promotion import PROOF_ENDING, is_proof_name
from reconciler.core.run import Run
from reconciler.engine.plan import load_state
from reconciler.errors import StorageError, UsageError
from reconciler.formats.proof_document import BEGINNING, SIGNATURE_ENDING, read_evidence, write_evidence
from reconciler.ports import Secret
from reconciler.reports.diagnostic_text import diagnostic_text
from reconciler.reports.plan_report import counted
from reconciler.workspace.git import commit_of
from reconciler.workspace.secrets import read_secret
from reconciler.workspace.signing import SIGNATURE, sign
from reconciler.workspace.writing import put_file

_PROOF = Output(option="proof", what="proof", called="saved proof", beginning=BEGINNING)
_TOOL = f"reconciler {__version__}"
_FROM_STATE = "Write what the state knows, to a file that can be written: `reconciler state proof FILE`."


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A file that can be written, and the key it is to be signed with, if any. *path* has no links left.

    *commit* is that of the project before the run.
    """

    file: Path
    path: Path
    opened: OpenProject
    key: Secret | None
    commit: str | None
    world: World

    def check_free(self) -> None:
        """Raise UsageError if the file is a proof already that tells anything."""
        if _tells(self.path):
            raise UsageError(
                "Not a file for a proof",
                f"{self.file} is a proof already, and nobody could write that again. Nothing was sent or written.",
                hint="Give each proof a name of its own.",
            )

    def write(self, run: Run) -> str:
        """Return what is to be told of it, in words.

        Raise StorageError if it cannot be written or signed; what the run has done is in the state all the same.
        """
        opened = self.opened
        evidence = evidence_of(
            run, opened.project.name, platform=opened.environment.platform, commit=self.commit, tool=_TOOL
        )
        if not evidence.shown and not evidence.against and _is_there(self.path):
            return f"{self.file} stays as it is: this run has shown nothing.\n"
        try:
            return self.put(evidence)
        except StorageError as error:
            raise StorageError(error.summary, error.detail, hint=_FROM_STATE) from error

    def put(self, evidence: Evidence) -> str:
        """Likewise, for any *evidence*. Raise StorageError, too, if a proof is there by now that tells anything."""
        if _tells(self.path):
            raise StorageError("The file cannot be written", f"{self.file}: it is another proof by now, and stays so.")
        content, beside = write_evidence(evidence), _beside(self.path)
        with suppress(OSError):
            beside.unlink()  # it is of another document
        put_file(self.path, content, name=str(self.file))
        if self.key is not None:
            put_file(beside, sign(content, self.key), name=f"{self.file}{SIGNATURE_ENDING}")
        signed = f", signed in {self.file.name}{SIGNATURE_ENDING}" if self.key is not None else ""
        return f"{counted(len(evidence.shown), 'proof')} in {self.file}{signed}.\n"


def open_proof(arguments: argparse.Namespace, world: World) -> Proof | None:
    """Return the file that --proof names, None without it.

    Raise UsageError if it is anything else, AuthenticationError if the key to sign with cannot be read, StorageError if
    the file cannot be written or nothing can be signed with the key.
    """
    return _open(arguments, world) if arguments.proof is not None else None


def prove_state(arguments: argparse.Namespace, world: World) -> int:
    """Write what the state knows from the platform's answers. Raise UsageError if that is nothing, and as above.

    The lock is held: of what a run is about nothing is known before it has ended.
    """
    with hold_lock(open_project(arguments, world), world, timeout=arguments.lock_timeout):
        return _prove_state(arguments, world)


def _prove_state(arguments: argparse.Namespace, world: World) -> int:
    proof = _open(arguments, world)
    proof.check_free()
    environment = proof.opened.environment
    store = open_store(proof.opened.folder, environment)
    mark = store.mark
    stored = load_state(store, open_journals(proof.opened.folder, environment), environment, mark)
    for warning in stored.warnings:
        world.console.err(diagnostic_text(warning, world.console.error_paint))
    if stored.state is None or not stored.state.entries:
        told = "tells of no call" if stored.state else "is not there"
        detail = f"The state of {environment.name}, {environment.state_file}, {told}. Nothing was written."
        raise UsageError("Nothing to show", detail, hint="Apply there first.")
    evidence = evidence_in(
        stored.state,
        proof.opened.project.name,
        platform=environment.platform,
        refreshed_at=environment.refreshed_at,
        tool=_TOOL,
    )
    world.console.err(proof.put(evidence))
    return 0


def _open(arguments: argparse.Namespace, world: World) -> Proof:
    free = check_output(_PROOF, arguments, world)
    if not is_proof_name(free.path.name) or not is_proof_name(arguments.proof.name):
        why = f"does not end in {PROOF_ENDING}, and so would never be read as a proof"
        hint = f"Name it {arguments.proof.stem}{PROOF_ENDING}, for example."
        raise UsageError("Not a file for a proof", f"{arguments.proof} {why}. Nothing was written.", hint=hint)
    check_beside(_PROOF, _beside(free.path), SIGNATURE, "signature")
    check_writable(free.path, str(arguments.proof))
    opened = open_project(arguments, world)
    return Proof(
        file=arguments.proof,
        path=free.path,
        opened=opened,
        key=_tried_key(opened, world),
        commit=commit_of(opened.folder),
        world=world,
    )


def _is_there(path: Path) -> bool:
    with suppress(OSError):
        return path.stat().st_size > 0
    return False


def _tells(path: Path) -> bool:
    """Whether a proof is there that shows anything, or speaks against it; one that cannot be read may."""
    try:
        content = path.read_bytes()
        found = read_evidence(content, path.name) if content else None
    except (FileNotFoundError, NotADirectoryError):
        return False  # nothing is there, or nothing can be: writing tells
    except (OSError, InvalidInput):
        return True
    return found is not None and bool(found.shown or found.against)


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
