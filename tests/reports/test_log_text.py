"""The log of a run: lines that stay lines and pairs that stay pairs, whatever the platform answers."""

import json
import re
from dataclasses import replace

import pytest
from builders import NOW
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.address import Address
from reconciler.core.run import CallError, Outcome, Result, Run, Send, Stop
from reconciler.core.selection import Action
from reconciler.core.timestamp import timestamp
from reconciler.reports.log_text import begin_line, end_line, send_line

AT = timestamp(NOW)
SEND = Send(
    address=Address("Subscription/A-S00000001@1"),
    key="k1-9f86",
    track_id="run.9f86",
    attempt=2,
    took=0.0512,
    told="again",
    status=429,
    code="50000070",
    request_id="r-1",
    process_id="p-1",
    wait=1.5,
)


def pairs(line: str) -> dict[str, str]:
    """Read a line as its users do: by blanks outside quotes, then at the first equals sign."""
    found = re.findall(r'(\w+)=("(?:[^"\\]|\\.)*"|[^" ]+)(?: |$)', line)
    return {name: json.loads(value) if value.startswith('"') else value for name, value in found}


def test_a_send_is_one_line_of_pairs_in_a_fixed_order() -> None:
    assert send_line(AT, SEND) == (
        "2026-11-22T12:00:00Z send address=Subscription/A-S00000001@1 attempt=2 told=again status=429 code=50000070 "
        "took=0.051 wait=1.500 track=run.9f86 request=r-1 process=p-1 key=k1-9f86"
    )


def test_what_is_not_known_is_a_dash() -> None:
    lost = replace(SEND, status=None, code="NoAnswer", request_id=None, process_id=None, wait=None)

    assert send_line(AT, lost) == (
        "2026-11-22T12:00:00Z send address=Subscription/A-S00000001@1 attempt=2 told=again status=- code=NoAnswer "
        "took=0.051 wait=- track=run.9f86 request=- process=- key=k1-9f86"
    )


def test_a_run_begins_and_ends_with_a_line_of_its_own() -> None:
    result = Result(address=Address("a"), action=Action.REGENERATE, outcome=Outcome.DONE)
    finished = Run(
        id="r",
        plan_id="p",
        environment="e",
        results=(result,),
        stop=Stop.DEADLINE,
        error=CallError("StorageError", "x"),
    )

    assert (
        begin_line(AT, {"run": "r", "project": "my revenue"}) == '2026-11-22T12:00:00Z begin run=r project="my revenue"'
    )
    assert end_line(AT, "r", status=6, finished=finished, error=None) == (
        "2026-11-22T12:00:00Z end run=r exit=6 done=1 refused=0 in_doubt=0 undecided=0 not_started=0 "
        'stop="the deadline is near" error=StorageError'
    )
    assert end_line(AT, "r", status=8, finished=None, error="AuthenticationError") == (
        "2026-11-22T12:00:00Z end run=r exit=8 done=- refused=- in_doubt=- undecided=- not_started=- stop=- "
        "error=AuthenticationError"
    )


EVIL = ["", "-", "a b", "x=y", '"', "a\nb", "\x1b[2J", "\u202eabc", "\u2028", "\udcff", "\\n", "1 key=k1-false"]


@pytest.mark.parametrize("text", EVIL)
def test_a_value_breaks_no_line_and_forges_no_pair(text: str) -> None:
    line = send_line(AT, replace(SEND, code=text))

    assert line.isprintable()
    assert pairs(line) == {**pairs(send_line(AT, SEND)), "code": text}
    assert " code=- " not in line


def test_a_name_in_any_script_stays_readable() -> None:
    assert "address=Subscription/Größe@1 " in send_line(AT, replace(SEND, address=Address("Subscription/Größe@1")))


@given(st.text(), st.text())
def test_any_two_values_can_be_read_back(code: str, request: str) -> None:
    line = send_line(AT, replace(SEND, code=code, request_id=request))

    assert line.isprintable()
    assert (pairs(line)["code"], pairs(line)["request"]) == (code, request)
