"""Files of proofs: what runs of the earlier environment have shown, as they were brought here.

Rule: each file named ``*.json`` below the folder is a proof, and no proof has another name; nothing is skipped in
silence, and where signatures are asked for, nothing is read of a file before its own has been verified. Everything
wrong is told at once.
"""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place
from reconciler.core.evidence import Evidence
from reconciler.core.promotion import PROOF_ENDING, Promotion, is_proof_name
from reconciler.formats.proof_document import BEGINNING, SIGNATURE_ENDING, read_evidence
from reconciler.workspace.folder import read_content
from reconciler.workspace.search import hint_of, is_inside


def read_proofs(folder: Path, proofs: str, promotion: Promotion) -> Mapping[str, Evidence]:
    """Return what the files at *proofs*, a path below *folder*, have shown, by their paths, sorted.

    Raise InvalidInput with everything that is wrong with any of them, StorageError without `ssh-keygen` where
    signatures are asked for.
    """
    faults: list[Diagnostic] = []
    paths = sorted(_paths(folder, proofs, promotion, faults))
    allowed = _allowed_signers(folder, proofs, promotion)
    found: dict[str, Evidence] = {}
    for path in paths:
        try:
            content = read_content(folder, path)
            if allowed is not None:
                _check_signature(content, path, folder, allowed)
            found[path] = read_evidence(content, path)
        except InvalidInput as error:
            faults += error.diagnostics
    if faults:
        raise InvalidInput(faults)
    return found


def _paths(folder: Path, proofs: str, promotion: Promotion, faults: list[Diagnostic]) -> Iterator[str]:
    """Yield the paths of all proofs, relative to *folder*, and add to *faults* what is in their way."""
    top = folder / proofs
    if not os.path.lexists(top):
        faults.append(_nothing(f"{proofs} is not there", promotion))
        return
    if not _stays(proofs, folder, faults):
        return
    is_folder = os.path.isdir(top)  # noqa: PTH112  (it never raises: a name may be too long)
    files = sorted(_files(top, folder, faults)) if is_folder else [proofs]
    files = [path for path in files if _stays(path, folder, faults)]
    documents = [path for path in files if is_proof_name(path)]
    others = [path for path in files if not is_proof_name(path)]
    misnamed = [each for path in others for each in _misnamed(path, folder)]
    if not documents and not misnamed and not faults:
        faults.append(_nothing(f"{proofs} {'holds' if is_folder else 'is'} no *{PROOF_ENDING}", promotion))
    faults += [*misnamed, *_without_document(others, frozenset(documents))]
    yield from documents


def _stays(path: str, folder: Path, faults: list[Diagnostic]) -> bool:
    """Return whether *path* leads to something of the project; it is one of *faults* else."""
    try:
        if is_inside(folder / path, folder):
            return True
        why, hint = "a link leads out of the project folder", "Put what it leads to there."
    except OSError as error:
        why, hint = error.strerror or str(error), hint_of(error)
    what = f"the file cannot be read: {why}"
    faults.append(Diagnostic(code="unreadable", summary=what, place=Place(path), hint=hint))
    return False


def _nothing(why: str, promotion: Promotion) -> Diagnostic:
    return Diagnostic(
        code="no-proofs",
        summary=f"there are no proofs of {promotion.earlier}: {why}",
        place=promotion.place,
        detail=f"Proofs are what runs in {promotion.earlier} have shown, in the files of `apply --proof`.",
        hint="Bring them from the job that applies there, its signatures with them, before planning.",
    )


def _files(top: Path, folder: Path, faults: list[Diagnostic]) -> Iterator[str]:
    def refuse(error: OSError) -> None:
        place = Place(_relative(error.filename, folder) if error.filename else top.name)
        what = f"the folder cannot be read: {error.strerror}"
        faults.append(Diagnostic(code="unreadable", summary=what, place=place, hint=hint_of(error)))

    for parent, folders, names in os.walk(top, onerror=refuse):
        for name in sorted(folders):
            if os.path.islink(path := os.path.join(parent, name)):  # noqa: PTH114, PTH118  (they never raise)
                what, hint = "a link to a folder is not followed", "Put the files themselves there."
                place = Place(_relative(path, folder))
                faults.append(Diagnostic(code="linked-folder", summary=what, place=place, hint=hint))
        yield from (_relative(Path(parent, name), folder) for name in names)


def _relative(path: Path | str, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()


def _misnamed(path: str, folder: Path) -> Iterator[Diagnostic]:
    """Yield what is wrong if the file at *path* is a proof under a name that no proof has, or may be one."""
    try:
        descriptor = os.open(folder / path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
            begins = file.read(2 * len(BEGINNING)) if is_file else b""
    except OSError as error:
        what = f"the file cannot be read: {error.strerror or error}"
        yield Diagnostic(code="unreadable", summary=what, place=Place(path), hint=hint_of(error))
        return
    if begins.replace(b"\r", b"").startswith(BEGINNING):
        what, why = (
            "a proof with another name than proofs have",
            f"Only files named *{PROOF_ENDING} are taken for proofs.",
        )
        hint = f"Name it *{PROOF_ENDING}, and its signature likewise."
        yield Diagnostic(code="misnamed-proof", summary=what, place=Place(path), detail=why, hint=hint)


def _without_document(others: list[str], documents: frozenset[str]) -> Iterator[Diagnostic]:
    """Yield signatures whose proof is not there: somebody has taken away what was shown."""
    for path in others:
        document = path.removesuffix(SIGNATURE_ENDING)
        if document != path and document not in documents:
            what, why = "a signature without its proof", f"{document} is no proof here; what it has shown is not known."
            hint = "Bring the proof as well, or take its signature out."
            yield Diagnostic(code="lone-signature", summary=what, place=Place(path), detail=why, hint=hint)


_SIGNERS = "A line of it names one who may sign, and the public key: release@example.com ssh-ed25519 AAAAC3Nza..."


def _allowed_signers(folder: Path, proofs: str, promotion: Promotion) -> Path | None:
    """Return the file of who may have signed; None if nobody need have. Raise InvalidInput if it cannot be read.

    Links may lead it neither out of the project folder nor among the proofs: it is reviewed, they are not.
    """
    name = promotion.allowed_signers
    if name is None:
        return None
    read_content(folder, name, like=_SIGNERS)
    path = folder / name
    if not is_inside(path, folder) or _is_brought(path, folder, folder / proofs):
        what = "allowed_signers is a link to where nobody reviews it"
        why = f"{name} leads out of the project folder or among the proofs."
        found = Diagnostic(
            code="signers-outside", summary=what, place=promotion.place, detail=why, hint="Put the file itself there."
        )
        raise InvalidInput([found])
    return path


def _is_brought(path: Path, folder: Path, proofs: Path) -> bool:
    """Whether whoever brings *proofs*, a folder or a file, brings what is at *path* as well.

    What stands in the project folder itself is reviewed, also beside a single proof.
    """
    top = proofs if os.path.isdir(proofs) else proofs.parent  # noqa: PTH112  (it never raises)
    return os.path.isdir(top) and not top.samefile(folder) and is_inside(path, top)  # noqa: PTH112


def _check_signature(content: bytes, path: str, folder: Path, allowed: Path) -> None:
    """Raise InvalidInput unless the signature beside the file at *path* is of *content* and by somebody *allowed*."""
    from reconciler.workspace.signing import BadSignature, verify  # noqa: PLC0415  (few projects sign)

    beside = f"{path}{SIGNATURE_ENDING}"
    if not os.path.lexists(folder / beside):
        why = f"{beside} is not there, and allowed_signers asks for a signature."
        hint = "Bring the signature from the run as well. It is written where signing_key is configured."
        raise InvalidInput([_untrusted(path, why, hint)])
    try:
        verify(content, read_content(folder, beside), allowed, name=path)
    except BadSignature as error:
        raise InvalidInput([_untrusted(path, error.detail, error.hint)]) from None


def _untrusted(path: str, why: str, hint: str) -> Diagnostic:
    return Diagnostic(
        code="untrusted-proof", summary="the proof is not trusted", place=Place(path), detail=why, hint=hint
    )
