"""The file of `apply --proof`: what a run has shown, signed where the project file says with which key."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from reconciler import __version__
from reconciler.cli.approved import check_free
from reconciler.cli.project import OpenProject, open_project
from reconciler.cli.wiring import World
from reconciler.core.environment import Environment, PlatformApi, is_loopback
from reconciler.core.evidence import EMULATOR, ZUORA, evidence_of
from reconciler.core.run import Run
from reconciler.formats.proof_document import BEGINNING, SIGNATURE_ENDING, write_evidence
from reconciler.ports import Secret
from reconciler.reports.plan_report import counted
from reconciler.workspace.git import commit_of
from reconciler.workspace.secrets import read_secret
from reconciler.workspace.signing import sign
from reconciler.workspace.writing import put_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """A file that may be written, and the key it is to be signed with, if any: read before anything is sent."""

    file: Path
    opened: OpenProject
    key: Secret | None
    world: World

    def write(self, run: Run) -> None:
        """Raise StorageError if it cannot be written or signed; what the run has done is in the state all the same."""
        opened = self.opened
        evidence = evidence_of(
            run,
            opened.project.name,
            platform=platform_of(opened.environment),
            commit=commit_of(opened.folder),
            tool=f"reconciler {__version__}",
        )
        content = write_evidence(evidence)
        signature = sign(content, self.key) if self.key else None
        put_file(self.world.here / self.file, content, name=str(self.file))
        beside = self.file.with_name(f"{self.file.name}{SIGNATURE_ENDING}")
        if signature is not None:
            put_file(self.world.here / beside, signature, name=str(beside))
        else:
            (self.world.here / beside).unlink(missing_ok=True)  # it would be of another document
        signed = f", signed in {beside.name}" if signature else ""
        self.world.console.err(f"{counted(len(evidence.shown), 'proof')} in {self.file}{signed}.\n")


def platform_of(environment: Environment) -> str:
    """Return whose answers an environment brings. Zuora is on no loopback address."""
    api = environment.api
    return ZUORA if isinstance(api, PlatformApi) and not is_loopback(api.host) else EMULATOR


def open_proof(arguments: argparse.Namespace, world: World) -> Proof | None:
    """Return the file that --proof names, None without it.

    Raise UsageError if it is anything else, AuthenticationError if the key to sign with cannot be read.
    """
    if arguments.proof is None:
        return None
    check_free(arguments.proof, BEGINNING, world, what="proof")
    opened = open_project(arguments, world)
    source = opened.environment.signing_key
    key = (
        read_secret(source, name="signing_key", folder=opened.folder, variables=world.variables)
        if source is not None
        else None
    )
    return Proof(file=arguments.proof, opened=opened, key=key, world=world)
