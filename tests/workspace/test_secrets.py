import os
import sys
import traceback
from pathlib import Path

import pytest

from reconciler.core.environment import FromCommand, FromFile, FromVariable, SecretSource
from reconciler.errors import AuthenticationError
from reconciler.workspace.secrets import read_secret

CANARY = "canary-7f3a1c"


def reveal(source: SecretSource, folder: Path, **variables: str) -> str:
    return read_secret(source, name="client_secret", folder=folder, variables=variables).reveal()


def python(program: str) -> FromCommand:
    return FromCommand((sys.executable, "-c", program))


def refusal(source: SecretSource, folder: Path, **variables: str) -> AuthenticationError:
    with pytest.raises(AuthenticationError) as caught:
        read_secret(source, name="client_secret", folder=folder, variables=variables)
    return caught.value


def test_a_secret_is_read_from_a_variable(tmp_path: Path) -> None:
    assert reveal(FromVariable("A"), tmp_path, A=CANARY, B="other") == CANARY


def test_a_secret_is_read_from_a_file_of_the_project_folder(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys/one").write_text(CANARY)

    assert reveal(FromFile("keys/one"), tmp_path) == CANARY


def test_a_secret_is_read_from_an_absolute_file(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(CANARY)

    assert reveal(FromFile(str(tmp_path / "one")), Path("/")) == CANARY


def test_a_secret_is_what_a_command_prints_in_the_project_folder(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(CANARY)

    assert reveal(python("print(open('one').read())"), tmp_path) == CANARY


def test_a_command_is_run_without_a_shell(tmp_path: Path) -> None:
    assert reveal(FromCommand(("echo", "$HOME;*")), tmp_path) == "$HOME;*"


def test_a_command_reads_nothing_from_the_terminal(tmp_path: Path) -> None:
    assert reveal(python("import sys; print(repr(sys.stdin.read()))"), tmp_path) == "''"


@pytest.mark.parametrize("text", ["0012", " a b ", "ключ", "1e3", "a\tb"])
def test_a_secret_is_opaque(text: str, tmp_path: Path) -> None:
    (tmp_path / "one").write_text(text, "utf-8")

    assert (reveal(FromVariable("A"), tmp_path, A=text), reveal(FromFile("one"), tmp_path)) == (text, text)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
def test_the_line_break_at_the_end_is_not_part_of_a_secret(end: str, tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(f"{CANARY}{end}".encode())

    assert reveal(FromFile("one"), tmp_path) == CANARY


def test_a_secret_shows_itself_to_nobody(tmp_path: Path) -> None:
    secret = read_secret(FromVariable("A"), name="client_secret", folder=tmp_path, variables={"A": CANARY})

    assert CANARY not in f"{secret} {secret!r} {[secret]}"


FAILURES: dict[str, tuple[SecretSource, str]] = {
    "no variable": (FromVariable("NOWHERE"), "the variable NOWHERE is not set or empty"),
    "an empty variable": (FromVariable("EMPTY"), "the variable EMPTY is not set or empty"),
    "no file": (FromFile("nowhere"), "nowhere cannot be read: No such file or directory"),
    "a folder": (FromFile("folder"), "folder cannot be read: Is a directory"),
    "an empty file": (FromFile("empty"), "the file empty is not set or empty"),
    "a file of line breaks": (FromFile("blank"), "the file blank is not set or empty"),
    "a file that is not UTF-8": (FromFile("latin"), "it is not UTF-8 text"),
    "no program": (FromCommand(("nowhere-to-be-found",)), "nowhere-to-be-found cannot be run: No such file"),
    "a program that may not be run": (FromCommand(("./empty",)), "./empty cannot be run: Permission denied"),
    "a program that fails": (
        python(f"import sys; print('{CANARY}'); print('{CANARY}', file=sys.stderr); sys.exit(3)"),
        "ended with status 3",
    ),
    "a program that is killed": (
        python(f"import os; print('{CANARY}', flush=True); os.kill(os.getpid(), 9)"),
        "ended with status -9",
    ),
    "a program that prints nothing": (python("pass"), "is not set or empty"),
    "a program that prints bytes": (
        python(f"import sys; sys.stdout.buffer.write(b'{CANARY}\\xff')"),
        "is not UTF-8 text",
    ),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").touch()
    (tmp_path / "blank").write_text("\n\r\n")
    (tmp_path / "latin").write_bytes(CANARY.encode() + b"\xe9")
    return tmp_path


@pytest.mark.parametrize("case", FAILURES)
def test_a_secret_that_is_not_to_be_had_names_its_source(case: str, folder: Path) -> None:
    source, why = FAILURES[case]

    error = refusal(source, folder, EMPTY="", OTHER=CANARY)

    assert why in error.detail
    assert "client_secret" in error.detail
    assert error.hint


@pytest.mark.parametrize("case", FAILURES)
def test_no_failure_and_no_traceback_shows_a_secret(case: str, folder: Path) -> None:
    error = refusal(FAILURES[case][0], folder, EMPTY="", OTHER=CANARY)

    shown = "".join(traceback.format_exception(error))
    assert CANARY not in str(error)
    assert CANARY not in shown


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_says_so(tmp_path: Path) -> None:
    (tmp_path / "one").write_text(CANARY)
    (tmp_path / "one").chmod(0)

    assert "Permission denied" in refusal(FromFile("one"), tmp_path).detail
