"""What people see in an editor: the published schemas in the real yaml-language-server, over its protocol."""

import itertools
import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
from language_server import LanguageServer, Message, find_language_server, language_server
from reading_outline import faults_of, spec_reading

from reconciler.workspace.schemas import load_schemas, schema_folder

REPOSITORY = Path(__file__).parents[2]
COMMAND = find_language_server(os.environ.get("YAML_LANGUAGE_SERVER"), REPOSITORY / ".ci-tools")
SCHEMAS = load_schemas()

pytestmark = pytest.mark.skipif(COMMAND is None, reason="yaml-language-server is not installed; .ci/run installs it")

MODELINE = "# yaml-language-server: $schema=../../schemas/spec.schema.json\n"
HEAD = f"{MODELINE}version: 1\nflags: {{onlyReSend: false, reMigrate: true}}\n"
"""A spec file of which line 4 comes next."""


class Editor:
    """A file that is open in an editor. The cursor stands in a line, counted from 1, right behind a text of it."""

    def __init__(self, server: LanguageServer, path: Path, text: str) -> None:
        path.write_text(text, "utf-8")
        self._server, self._path, self._lines = server, path, text.splitlines()
        self.diagnostics = server.open(path)

    @property
    def faults(self) -> list[tuple[str, str]]:
        """Every diagnostic as ``line:column``, both from 1, and its message, in the order of places."""
        found = [(each["range"]["start"], each["message"]) for each in self.diagnostics]
        ordered = sorted((at["line"] + 1, at["character"] + 1, message) for at, message in found)
        return [(f"{line}:{column}", message) for line, column, message in ordered]

    def hover(self, line: int, behind: str) -> str:
        """What is shown, less the backslashes that keep text from being Markdown."""
        return self._server.hover(self._path, *self._cursor(line, behind)).replace("\\", "")

    def offers(self, line: int, behind: str) -> dict[str, Message]:
        """What completion offers, by label."""
        return {each["label"]: each for each in self._server.completion(self._path, *self._cursor(line, behind))}

    def _cursor(self, line: int, behind: str) -> tuple[int, int]:
        return line - 1, self._lines[line - 1].index(behind) + len(behind)


Write: TypeAlias = Callable[[str], Editor]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Schemas at the top, and the spec files of the repository two folders below."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(schema_folder(), folder / "schemas")
    shutil.copytree(REPOSITORY / "specs", folder / "specs", ignore=shutil.ignore_patterns(".reconciler", "state"))
    return folder


@pytest.fixture(scope="module")
def server(checkout: Path) -> Iterator[LanguageServer]:
    assert COMMAND
    with language_server(COMMAND, checkout) as server:
        yield server


@pytest.fixture(scope="module")
def write(server: LanguageServer, checkout: Path) -> Write:
    """Save a new spec file and open it."""
    numbers = itertools.count()
    return lambda text: Editor(server, checkout / f"specs/local/x{next(numbers)}.yaml", text)


def typed(offer: Message) -> str:
    """The text of *offer* when nothing but its placeholders' own words are typed."""
    return re.sub(r"\$\{\d+:([^}]*)\}", r"\1", offer["insertText"])


@pytest.mark.parametrize("path", sorted(path.relative_to(REPOSITORY) for path in REPOSITORY.glob("specs/**/*.yaml")))
def test_the_files_of_the_repository_have_nothing_underlined(
    server: LanguageServer, checkout: Path, path: Path
) -> None:
    assert server.open(checkout / path) == []


def test_a_field_that_is_none_is_underlined_where_it_stands(write: Write) -> None:
    editor = write(f"{HEAD}flgs: x\nsubscriptions:\n  - subscriptionId: 8ad0\n    tigger: again\n")

    assert editor.faults == [
        ("4:1", "Property flgs is not allowed."),
        ("7:5", "Property tigger is not allowed."),
    ]


def test_both_flags_true_are_underlined_with_the_reason(write: Write) -> None:
    editor = write(f"{MODELINE}version: 1\nflags: {{onlyReSend: true, reMigrate: true}}\n")
    ((place, message),) = editor.faults

    assert place == "3:38"
    assert message.startswith("onlyReSend and reMigrate cannot both be true: ")


def test_a_declaration_with_half_a_key_is_told_what_is_missing(write: Write) -> None:
    editor = write(f"{HEAD}orderLineItems:\n  - orderNumber: O-00000007\n")

    assert editor.faults == [("5:5", 'Missing property "itemNumber".')]


def test_an_item_number_without_quotes_is_underlined(write: Write) -> None:
    editor = write(f"{HEAD}orderLineItems:\n  - {{orderNumber: O-00000007, itemNumber: 1}}\n")

    assert editor.faults == [("5:43", 'Incorrect type. Expected "string".')]


@pytest.mark.parametrize("flag", ["onlyReSend", "reMigrate"])
def test_hovering_over_a_flag_shows_what_it_does(write: Write, flag: str) -> None:
    flags = SCHEMAS["common.schema.json"]["$defs"]["flags"]["properties"]

    assert flags[flag]["description"] in write(HEAD).hover(3, flag)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (HEAD, 3),
        (f"{HEAD}subscriptions:\n  - {{subscriptionId: a, flags: {{onlyReSend: true, reMigrate: false}}}}\n", 5),
    ],
)
def test_hovering_over_flags_shows_what_each_pair_does(write: Write, text: str, line: int) -> None:
    shown = write(text).hover(line, "flags")

    for pair in (
        "| false | false | **overridden** |",
        "| false | true |",
        "| true | false | kept",
        "| true | true | ref",
    ):
        assert pair in shown


def test_a_declaration_is_offered_its_fields_and_no_others(write: Write) -> None:
    offers = write(f"{HEAD}subscriptions:\n  - \n").offers(5, "- ")
    fields = {label for label, offer in offers.items() if offer["kind"] == 10}

    assert fields == SCHEMAS["subscription.schema.json"]["properties"].keys()


def test_a_declaration_that_has_begun_is_offered_what_goes_with_it(write: Write) -> None:
    offers = write(f"{HEAD}subscriptions:\n  - subscriptionName: A\n    \n").offers(6, "    ")

    assert {"subscriptionVersion", "subscriptionVersions", "trigger"} <= offers.keys()
    assert "subscriptionName" not in offers


def test_an_item_number_is_offered_in_quotes(write: Write) -> None:
    offers = write(f"{HEAD}orderLineItems:\n  - orderNumber: O-00000007\n    \n").offers(6, "    ")

    assert typed(offers["itemNumber"]) == 'itemNumber: "1"'


def test_flags_are_offered_as_the_three_legal_pairs_with_what_they_do(write: Write) -> None:
    offers = write(f"{MODELINE}version: 1\nflags: \n").offers(3, "flags: ")

    assert [" ".join(typed(each).split()) for each in offers.values()] == [
        "onlyReSend: false reMigrate: true",
        "onlyReSend: false reMigrate: false",
        "onlyReSend: true reMigrate: false",
    ]
    assert all("stored booking transactions are" in each["documentation"] for each in offers.values())


SNIPPETS = [
    (name, snippet["label"])
    for name, file in (
        ("subscriptions", "subscription.schema.json"),
        ("orderLineItems", "order-line-item.schema.json"),
        ("dynamicUsageCharges", "dynamic-usage-charge.schema.json"),
    )
    for snippet in SCHEMAS[file]["defaultSnippets"]
]


@pytest.mark.parametrize(("name", "label"), SNIPPETS)
def test_a_snippet_for_a_declaration_is_a_declaration(write: Write, name: str, label: str) -> None:
    text = f"{HEAD}{name}:\n  - "
    offer = write(f"{text}\n").offers(5, "- ")[label]
    reading, declarations = spec_reading(text + typed(offer).replace("\n", "\n  ") + "\n")

    assert faults_of(reading) == []
    assert len(declarations) == 1


def test_a_source_is_offered_as_a_file_with_its_type(write: Write) -> None:
    text = f"{HEAD}sources:\n  - "
    offer = write(f"{text}\n").offers(5, "- ")["rows of CSV"]

    assert faults_of(spec_reading(text + typed(offer).replace("\n", "\n  ") + "\n")[0]) == []


def test_a_new_file_is_offered_a_whole_spec(write: Write) -> None:
    offer = write(f"{MODELINE}\n").offers(2, "")["spec file"]
    reading, declarations = spec_reading(MODELINE + typed(offer) + "\n")

    assert faults_of(reading) == []
    assert len(declarations) == 1
