"""SSH keys to sign proofs with, made by the real ssh-keygen, and files of those that are allowed to."""

import shutil
import subprocess
from pathlib import Path

import pytest

needs_ssh_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen here")


def new_key(folder: Path, name: str) -> Path:
    path = folder / name
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(path)]
    subprocess.run(command, check=True, timeout=30)
    return path


def allow(folder: Path, *keys: Path) -> Path:
    """A file of allowed signers, each under the name of its key."""
    lines = [f"{key.name}@ci {key.with_suffix('.pub').read_text()}" for key in keys]
    path = folder / "allowed_signers"
    path.write_text("".join(lines))
    return path
