"""The file of what a run has shown: read back as it was written, and nothing else is taken for one."""

import json
from typing import Any

import pytest
from builders import NOW, subscription

from reconciler.core.address import format_address
from reconciler.core.declaration import Flags
from reconciler.core.diagnostics import InvalidInput
from reconciler.core.digest import digest
from reconciler.core.evidence import Against, Evidence, Shown
from reconciler.core.run import Outcome
from reconciler.core.tenancy import PlatformKind
from reconciler.core.timestamp import timestamp
from reconciler.formats.proof_document import read_evidence, write_evidence
from reconciler.formats.schema import SchemaSet
from reconciler.formats.seal import sealed
from reconciler.workspace.schemas import load_schemas

AT = timestamp(NOW)
DIGEST = digest(subscription(), Flags.RESEND, None)
ADDRESS = format_address(subscription(name="A/ü\u2028"))
THERE = format_address(subscription(name="P-7"))
EVIDENCE = Evidence(
    project="acme",
    environment="sandbox",
    tenant="12345",
    entity=None,
    platform=PlatformKind.ZUORA,
    lineage="l-1",
    epoch=7,
    run="run-1",
    plan_id="p1-1",
    commit=None,
    tool="reconciler 0",
    shown=(
        Shown(address=ADDRESS, digest=DIGEST, call=3, ids=("2c98", "2c99"), at=AT, request_id=None),
        Shown(address=ADDRESS, digest=DIGEST, call=2, ids=(), at=AT, request_id="r-1", target=THERE),
    ),
    against=(
        Against(address=ADDRESS, digest=DIGEST, call=4, outcome=Outcome.REFUSED, at=AT, said='50 "no"\n'),
        Against(address=ADDRESS, digest=DIGEST, call=5, outcome=Outcome.IN_DOUBT, at=AT, said=None),
    ),
)


def test_it_is_read_back_as_it_was_written_and_follows_its_schema() -> None:
    content = write_evidence(EVIDENCE)

    assert read_evidence(content, "proof.json") == EVIDENCE
    assert content.isascii()
    assert list(SchemaSet(load_schemas()).violations("proof.schema.json", json.loads(content))) == []


def changed(path: tuple[str | int, ...], value: object) -> bytes:
    """The document with another value somewhere, sealed as if it were ours; without it where *value* is None."""
    document = json.loads(write_evidence(EVIDENCE))
    del document["sha256"]
    inner: Any = document
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return sealed(json.dumps(document)[:-1].encode())


WRONG: list[tuple[tuple[str | int, ...], object, str]] = [
    (("epoch",), -1, "the proof: 'epoch' must not be negative"),
    (("epoch",), True, "the proof: 'epoch' must be a whole number"),
    (("platform",), "mine", "the proof: 'platform' must be zuora or emulator"),
    (("format_version",), "2.0", "the proof has format '2.0', and this reconciler reads format 1"),
    (("more",), 1, "the proof has an unknown field 'more'"),
    (("against",), [ADDRESS], "the proof: 'against' must hold objects"),
    (("against", 0, "outcome"), "done", f"{ADDRESS}: 'outcome' must be refused or in_doubt"),
    (("against", 0, "call"), "4", f"{ADDRESS}: 'call' must be a whole number"),
    (("against", 0, "at"), "today", f"{ADDRESS}: 'at' must be a time such as 2026-11-22T10:00:00Z"),
    (("against", 0, "more"), 1, f"{ADDRESS} has an unknown field 'more'"),
    (("proofs", 0, "address"), "A-S1", "'A-S1' is not the address of any target"),
    (("proofs", 0, "digest"), None, f"{ADDRESS}: 'digest' must be text"),
    (("proofs", 0, "idList"), [1], f"{ADDRESS}: 'idList' must be a list of texts"),
    (("proofs", 1, "target"), "P-7", "'P-7' is not the address of any target"),
    (("proofs", 0, "more"), 1, f"{ADDRESS} has an unknown field 'more'"),
]


@pytest.mark.parametrize(("path", "value", "said"), WRONG)
def test_what_is_sealed_and_yet_no_proof_of_ours_is_refused(
    path: tuple[str | int, ...], value: object, said: str
) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_evidence(changed(path, value), "proof.json")

    assert [each.summary for each in refusal.value.diagnostics] == [said]
