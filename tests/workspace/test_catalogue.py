"""Every code is explained, none is invented, and the examples are what they claim to be."""

from pathlib import Path

import pytest
from reading_outline import codes_in
from source_files import rows_in

from reconciler.core.catalogue import CATALOGUE
from reconciler.core.catalogue.explanation import Explanation, Shows
from reconciler.core.diagnostics import InvalidInput, Place
from reconciler.core.environment import EmulatorApi, Environment
from reconciler.formats.decisions import read_decisions
from reconciler.formats.state import read_state
from reconciler.formats.yaml_reader import read_yaml
from reconciler.reports.explain_text import explanation_text
from reconciler.reports.paint import colourless
from reconciler.workspace.folder import read_project_file, read_spec_files

PACKAGE = Path(__file__).parents[2] / "reconciler"
SOURCES = [path for path in PACKAGE.rglob("*.py") if "emulator" not in path.parts]
LOCAL = Environment(
    name="local", api=EmulatorApi(database="a.db"), specs="local", state_file="a.json", place=Place("reconciler.yaml")
)
EXPLAINED = list(CATALOGUE.values())
READ = [each for each in EXPLAINED if each.shows is not Shows.SITUATION]
names = pytest.mark.parametrize("told", EXPLAINED, ids=[each.code for each in EXPLAINED])
examples = pytest.mark.parametrize("told", READ, ids=[each.code for each in READ])


def test_the_catalogue_has_every_code_that_the_source_reports_and_no_other() -> None:
    assert codes_in(*SOURCES) == CATALOGUE.keys()


def codes(text: str, told: Explanation, folder: Path) -> set[str]:
    """The codes that the reader of *told*'s document reports for *text*."""
    content = text.encode("utf-8", "surrogateescape")
    match told.shows:
        case Shows.SPEC:
            (folder / "local").mkdir(exist_ok=True)
            (folder / "local/example.yaml").write_bytes(content)
            readings, _ = read_spec_files(folder, LOCAL)
            return {found.code for reading in readings for found in reading.diagnostics}
        case Shows.CSV:
            return {found.code for found in rows_in(content)[0].diagnostics}
        case Shows.PROJECT:
            (folder / "reconciler.yaml").write_bytes(content)
            return {found.code for found in read_project_file(folder)[0].diagnostics}
        case Shows.DECISIONS:
            reading = read_yaml(content, "decisions.yaml")
            read_decisions(reading)
            return {found.code for found in reading.diagnostics}
        case _:
            try:
                read_state(content, "local.json", environment="local", project="acme-revenue")
            except InvalidInput as error:
                return {found.code for found in error.diagnostics}
            return set()


@examples
def test_a_bad_example_is_refused_with_its_code_and_no_other(told: Explanation, tmp_path: Path) -> None:
    assert codes(told.bad, told, tmp_path) == {told.code}


@examples
def test_a_good_example_is_accepted(told: Explanation, tmp_path: Path) -> None:
    assert codes(told.good, told, tmp_path) == set()


@names
def test_an_explanation_is_whole_sentences_and_two_examples(told: Explanation) -> None:
    assert told.title
    assert told.title[-1] != "."
    assert told.text[-1] == "."
    assert told.bad.endswith("\n")
    assert told.good.endswith("\n")
    assert told.bad != told.good


@names
def test_an_explanation_can_be_printed(told: Explanation) -> None:
    text = explanation_text(told, colourless)

    assert text.startswith(f"{told.code}: {told.title}\n")
    assert all(line.isprintable() and len(line) <= 110 for line in text.split("\n"))


def test_most_codes_are_shown_by_an_example_that_a_reader_has_refused() -> None:
    """What is left is no one document: folders, selections, a disk. Whoever adds to them says why here."""
    assert {each.code for each in EXPLAINED if each.shows is Shows.SITUATION} == {
        *(
            "against-schema",
            "altered-proof",
            "cannot-be-adopted",
            "cannot-be-settled",
            "daily-limit",
            "damaged-journal",
            "foreign-journal",
            "linked-folder",
        ),
        *("mapped-twice", "mixed-keys", "no-folder", "no-project", "no-spec-files", "not-mapped", "nothing-selected"),
        "same-name",
        *("tenant-not-told", "unreadable"),
        *(
            "freeze-ahead",
            "guardrail-lifted",
            "line-too-long",
            "no-time-zones",
            "no-parquet",
            "not-parquet",
            "record-too-long",
            "no-earlier-state",
            "not-proven",
            "other-tenant",
            "emulator-proof",
            "foreign-proof",
            "lone-signature",
            "misnamed-proof",
            "no-proofs",
            "two-lineages",
            "unsigned-proofs",
            "untrusted-proof",
            "refreshed-ahead",
            "source-twice",
            "too-many-faults",
            "too-many-rows",
            "too-many-values",
            "version-left-out",
            "wrong-column-type",
        ),
    }
