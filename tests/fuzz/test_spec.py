import os
import subprocess
import sys
from pathlib import Path

import pytest
from fuzz.inputs import SPECS, make_input
from fuzz.spec import CODES, wrong_with_reading
from reading_outline import faults_of, spec_reading

TESTS = Path(__file__).parents[1]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, because a search forks."""
    variables = {**os.environ, "PYTHONPATH": str(TESTS)}
    return subprocess.run(
        [sys.executable, *arguments], env=variables, capture_output=True, text=True, timeout=110, check=False
    )


def test_the_reader_survives_inputs_that_were_changed_at_random() -> None:
    ended = python("-m", "fuzz.spec", "--inputs", "3000")

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.startswith("3000 inputs, 0 findings")


@pytest.mark.parametrize(
    ("planted", "found"),
    [
        ("raise RecursionError('too deep')", "'RecursionError: too deep'"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the process ended by SIGSEGV"),
        ("exec('while True: pass')", "the process ended by SIGPROF"),
        ("os._exit(3)", "the process ended too early"),
        ("bytearray(8 << 30)", "'MemoryError: '"),
    ],
)
def test_a_search_finds_what_is_planted_and_goes_on(planted: str, found: str) -> None:
    program = f"""
import os, signal
from fuzz.inputs import make_input
from fuzz.spec import search
bad = make_input(1, 7)
def check(content):
    if content == bad:
        {planted}
    return "the end" if content == make_input(1, 29) else ""
print([(each.number, each.what) for each in search(1, range(30), check)])
"""
    ended = python("-c", program)

    assert (ended.returncode, ended.stderr) == (0, "")
    assert eval(ended.stdout) == [(7, found), (29, "'the end'")]


def test_an_answer_that_breaks_a_promise_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fuzz.spec.CODES", CODES - {"unknown-key"})

    assert wrong_with_reading(b"version: 1\ntigger: x\n") == "the code unknown-key is not known"


@pytest.mark.parametrize("text", SPECS)
def test_what_is_changed_was_right_before(text: str) -> None:
    assert faults_of(spec_reading(text)[0]) == []


def test_inputs_reach_most_codes_and_some_are_right() -> None:
    reached = [{each.code for each in spec_reading(make_input(1, number))[0].diagnostics} for number in range(3_000)]

    assert set() in reached
    assert len(set().union(*reached)) >= 30


def test_an_input_can_be_made_again() -> None:
    assert [make_input(5, number) for number in range(20)] == [make_input(5, number) for number in range(20)]
