"""What the project file says of an environment's place between the others."""

from datetime import timedelta

import pytest
from reading_outline import faults_of

from reconciler.core.diagnostics import Place
from reconciler.core.environment import Project
from reconciler.core.promotion import Demand, Promotion
from reconciler.formats.project import read_project
from reconciler.formats.yaml_reader import Reading, read_yaml


def read(promotes_from: str, *, first: str = "", sandbox: str = "") -> tuple[Reading, Project | None]:
    """Read a project of sandbox and production; the value of promotes_from stands in line 12, column 20."""
    reading = read_yaml(
        (
            "version: 1\nname: x\nenvironments:\n"
            f"  sandbox:\n    api: {{emulator: s.db}}\n    specs: s\n    state: {{file: s.json}}\n    {sandbox}\n"
            "  production:\n    api: {emulator: p.db}\n    specs: p\n"
            f"    promotes_from: {promotes_from}\n    state: {{file: p.json}}\n"
        ).encode(),
        "reconciler.yaml",
    )
    return reading, read_project(reading)


PLACE = Place("reconciler.yaml", 12, 20)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("sandbox", Promotion(earlier="sandbox", place=PLACE)),
        ("{environment: sandbox}", Promotion(earlier="sandbox", place=PLACE)),
        (
            (
                "{environment: sandbox, proof: marked, soak: 2d, max_age: 30d, accept_emulator: true, "
                "accept_empty_ids: true}"
            ),
            Promotion(
                earlier="sandbox",
                place=PLACE,
                demand=Demand.MARKED,
                soak=timedelta(days=2),
                max_age=timedelta(days=30),
                accept_emulator=True,
                accept_empty_ids=True,
            ),
        ),
        (
            "{environment: sandbox, proofs: ci/proofs, allowed_signers: .signers, max_age: 14d}",
            Promotion(
                earlier="sandbox",
                place=PLACE,
                max_age=timedelta(days=14),
                proofs="ci/proofs",
                allowed_signers=".signers",
            ),
        ),
        (
            "{environment: sandbox, proofs: r.json, allowed_signers: .signers, max_age: 14d}",
            Promotion(
                earlier="sandbox",
                place=PLACE,
                max_age=timedelta(days=14),
                proofs="r.json",
                allowed_signers=".signers",
            ),
        ),
        ("{environment: sandbox, soak: 90m}", Promotion(earlier="sandbox", place=PLACE, soak=timedelta(minutes=90))),
    ],
)
def test_an_environment_says_what_it_asks_of_the_one_before_it(written: str, meant: Promotion) -> None:
    reading, project = read(written)

    assert reading.diagnostics == []
    assert project is not None
    assert project.environments["production"].promotion == meant
    assert project.environments["sandbox"].promotion is None


def test_a_refresh_is_a_moment_in_utc() -> None:
    _, project = read("sandbox", sandbox='refreshed_at: "2026-11-20T18:00:00Z"')

    assert project is not None
    assert project.environments["sandbox"].refreshed_at == "2026-11-20T18:00:00Z"


@pytest.mark.parametrize(
    ("written", "sandbox", "fault"),
    [
        ("sandbocks", "", "12:20: unknown-environment"),
        ("production", "", "12:20: promotes-in-a-circle"),
        ("sandbox", "promotes_from: production", "8:20: promotes-in-a-circle"),
        ("[sandbox]", "", "12:20: wrong-shape"),
        ("{proof: marked}", "", "12:20: missing-field"),
        ("{environment: sandbox, proof: maybe}", "", "12:50: unknown-value"),
        ("{environment: sandbox, soak: 2 days}", "", "12:49: not-a-duration"),
        ("{environment: sandbox, soak: 30d, max_age: 2d}", "", "12:43: never-proven"),
        ("{environment: sandbox, accept_emulator: yes}", "", "12:60: not-a-boolean"),
        ("{environment: sandbox, until: x}", "", "12:43: unknown-key"),
        ("{environment: sandbox, proofs: p}", "", "12:43: no-max-age"),
        ("{environment: sandbox, proofs: ../p, max_age: 1d}", "", "12:51: proofs-outside"),
        ("{environment: sandbox, proofs: /p, max_age: 1d}", "", "12:51: proofs-outside"),
        ("{environment: sandbox, proofs: ./, max_age: 1d}", "", "12:51: proofs-outside"),
        ("{environment: sandbox, max_age: 1d, allowed_signers: s}", "", "12:56: signers-without-proofs"),
        ("{environment: sandbox, proofs: p, max_age: 1d, allowed_signers: a/../../s}", "", "12:84: signers-outside"),
        ("{environment: sandbox, proofs: p, max_age: 1d, allowed_signers: ./p/s}", "", "12:84: signers-outside"),
        ("{environment: sandbox, proofs: p, max_age: 1d, allowed_signers: p}", "", "12:84: signers-outside"),
        (
            "{environment: sandbox, proofs: p/r.json, max_age: 1d, allowed_signers: p/s}",
            "",
            "12:91: signers-outside",
        ),
        (
            "{environment: sandbox, proofs: ./r.json, max_age: 1d, allowed_signers: r.json}",
            "",
            "12:91: signers-outside",
        ),
        ("sandbox", 'refreshed_at: "2027-02-29T00:00:00Z"', "8:19: not-a-time"),
        ("sandbox", "refreshed_at: 2026-11-20T18:00:00Z", "8:19: unquoted-text"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(written: str, sandbox: str, fault: str) -> None:
    reading, project = read(written, sandbox=sandbox)

    assert project is None
    assert fault in [f"{each.place.line}:{each.place.column}: {each.code}" for each in reading.diagnostics]
    assert faults_of(reading)
