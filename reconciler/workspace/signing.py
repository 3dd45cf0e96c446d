"""SSH signatures, made and verified by OpenSSH's ``ssh-keygen -Y`` (8.2 and later; see ssh-keygen(1)).

Rule: cryptography is left to OpenSSH. A private key is in a file of our own for as long as ``ssh-keygen`` needs it,
readable by nobody else, and what OpenSSH says of it is told without it.
"""

import os
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from reconciler.errors import ReconcilerError, StorageError
from reconciler.ports import Secret

NAMESPACE = "reconciler-proof"
"""Keeps a signature of a proof from being taken for one of anything else, and the other way round."""

SIGNATURE = b"-----BEGIN SSH SIGNATURE-----"
"""What every signature begins with."""

_TIMEOUT = 30
_HINT = "Install OpenSSH's ssh-keygen, 8.2 or later."


class BadSignature(ReconcilerError):
    """A signature is missing, of another document, or of a key that is not allowed."""

    exit_status = 3


def sign(content: bytes, key: Secret) -> bytes:
    """Return an SSH signature of *content* by the private key *key*. Raise StorageError if that cannot be made."""
    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        path = Path(folder) / "key"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{key.reveal()}\n")
        done = _run(["-Y", "sign", "-f", str(path), "-n", NAMESPACE], content)
    if done.returncode:
        raise StorageError(
            "The proof cannot be signed",
            "ssh-keygen refuses the key: it is no private key in OpenSSH's format, or it has a passphrase.",
            hint="Configure a key of its own for signing, without a passphrase, kept as a secret of the pipeline.",
        )
    return done.stdout


def verify(content: bytes, signature: bytes, allowed: Path, *, name: str) -> str:
    """Return who has signed *content*, by the file of *allowed* signers (ssh-keygen(1), ALLOWED SIGNERS).

    Raise BadSignature unless *signature* is of *content*, for our namespace, by a key that is allowed; *name* is what
    messages call the document.
    """
    with tempfile.TemporaryDirectory(prefix="reconciler-") as folder:
        path = Path(folder) / "signature"
        path.write_bytes(signature)
        found = _run(["-Y", "find-principals", "-s", str(path), "-f", str(allowed)], b"")
        signer = found.stdout.decode(errors="replace").split("\n")[0].strip()
        if found.returncode or not signer:
            raise _bad(name, "it is signed by nobody whom the allowed signers name")
        arguments = ["-Y", "verify", "-f", str(allowed), "-I", signer, "-n", NAMESPACE, "-s", str(path)]
        if _run(arguments, content).returncode:
            raise _bad(name, f"the signature of {signer} does not hold for it")
    return signer


def _bad(name: str, why: str) -> BadSignature:
    return BadSignature(
        "The proof is not trusted",
        f"{name}: {why}.",
        hint="Take the proof from the run that has signed it, or add its key to the allowed signers.",
    )


def _run(arguments: Sequence[str], content: bytes) -> "subprocess.CompletedProcess[bytes]":
    try:
        return subprocess.run(  # noqa: S603  (a fixed program; the arguments are ours)
            ["ssh-keygen", *arguments],  # noqa: S607  (where the system keeps it)
            input=content,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise StorageError("No SSH signatures here", f"ssh-keygen: {error}.", hint=_HINT) from None
