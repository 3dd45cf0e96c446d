import time
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from reading_outline import codes_in, content_of, faults_of, places_of

from reconciler.formats import yaml_reader
from reconciler.formats.yaml_reader import MAX_DEPTH, MAX_FAULTS, Loader, Reading, read_yaml

LOADERS = [
    pytest.param(yaml.SafeLoader, id="python"),
    pytest.param(
        getattr(yaml, "CSafeLoader", None),
        id="libyaml",
        marks=pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml"),
    ),
]

needs_libyaml = pytest.mark.skipif(not yaml.__with_libyaml__, reason="PyYAML was built without libyaml")


@pytest.fixture(params=LOADERS)
def loader(request: pytest.FixtureRequest) -> Loader:
    found: Loader = request.param
    return found


def read(content: str | bytes, loader: Loader) -> Reading:
    return read_yaml(content if isinstance(content, bytes) else content.encode(), "x.yaml", loader=loader)


READABLE: dict[str, tuple[str | bytes, Any]] = {
    "an empty file": ("", None),
    "comments only": ("# nothing\n\n  # yet\n", None),
    "a byte order mark and nothing": ("\ufeff", None),
    "an explicit document of nothing": ("---\n", ("",)),
    "plain and quoted": ("a: NO\nb: 'NO'\nc: \"NO\"\n", {"a": ("NO",), "b": "NO", "c": "NO"}),
    "nothing is converted": (
        "a: [0123, 1_000, 12:30:45, 1e3, .nan, 2026-11-22, 0x1F, ~, true]\n",
        {
            "a": [
                ("0123",),
                ("1_000",),
                ("12:30:45",),
                ("1e3",),
                (".nan",),
                ("2026-11-22",),
                ("0x1F",),
                ("~",),
                ("true",),
            ]
        },
    ),
    "no value": ("a:\nb: 1\n", {"a": ("",), "b": ("1",)}),
    "a flow of both kinds": ("{a: [1, {b: 2}], c: []}", {"a": [("1",), {"b": ("2",)}], "c": []}),
    "blocks of text": ("a: |\n  one\n  two\nb: >-\n  one\n  two\n", {"a": "one\ntwo\n", "b": "one two"}),
    "a block of text without a last line break": ("a: |\n  one", {"a": "one\n"}),
    "windows line ends": ("a: 1\r\nb:\r\n  - 2\r\n", {"a": ("1",), "b": [("2",)]}),
    "a byte order mark": ("\ufeffa: 1\n", {"a": ("1",)}),
    "an explicit key": ("? a\n: 1\n", {"a": ("1",)}),
    "an explicit key without a value": ("? a", {"a": ("",)}),
    "a key of one NUL": ('{"\\0": [1], a: b}', {"\0": [("1",)], "a": ("b",)}),
    "a quoted merge key": ('"<<": 1\n', {"<<": ("1",)}),
    "look-alike keys stay apart": ("caf\u00e9: 1\ncafe\u0301: 2\n", {"caf\u00e9": ("1",), "cafe\u0301": ("2",)}),
    "a document that ends": ("a: 1\n...\n", {"a": ("1",)}),
    "a directive": ("%YAML 1.1\n---\na: 1\n", {"a": ("1",)}),
    "as deep as it may be": ("[" * MAX_DEPTH + "]" * MAX_DEPTH, None),
}

REFUSED: dict[str, tuple[str | bytes, list[str]]] = {
    "a duplicate key": ("a: 1\nb: 2\na: 3\n", ["duplicate-key 3:1"]),
    "a key three times": ("{a: 1, a: 2, a: 3}", ["duplicate-key 1:8", "duplicate-key 1:14"]),
    "a duplicate key, once quoted": ("a: 1\n'a': 2\n", ["duplicate-key 2:1"]),
    "a duplicate far inside": ("- x:\n    - {b: 1, b: 2}\n", ["duplicate-key 2:14"]),
    "what is dropped is read all the same": ("a: 1\na: {b: 1, b: 2}\n", ["duplicate-key 2:1", "duplicate-key 2:11"]),
    "an anchor on a scalar": ("a: &x 1\n", ["anchor 1:4"]),
    "an anchor on a list": ("a: &x [1]\n", ["anchor 1:4"]),
    "an anchor on a key": ("&x a: 1\n", ["anchor 1:1"]),
    "an alias": ("a: *x\n", ["alias 1:4"]),
    "an alias as a key": ("*x : 1\nb: 2\n", ["alias 1:1"]),
    "an alias of itself": ("&x [*x]\n", ["anchor 1:1", "alias 1:5"]),
    "an alias bomb": (
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n",
        ["anchor 1:4", "anchor 2:4", "alias 2:8", "alias 2:12", "alias 3:5", "alias 3:9"],
    ),
    "a tag of PyYAML's own": ("a: !!python/object/apply:os.system [ls]\n", ["tag 1:4"]),
    "a tag that is only a mark": ("a: ! 1\n", ["tag 1:4"]),
    "an own tag on a mapping": ("a: !mine {b: 1}\n", ["tag 1:4"]),
    "an anchor and a tag": ("a: &x !!str 1\n", ["anchor 1:4", "tag 1:4"]),
    "a merge key": ("a: 1\n<<: {b: 2}\n", ["merge-key 2:1"]),
    "a second document": ("a: 1\n---\nb: 2\n", ["several-documents 2:1"]),
    "a list as a key": ("? [a, b]\n: 1\nc: 2\n", ["key-not-text 1:3"]),
    "a mapping as a key": ("{{a: 1, a: 2}: 3, b: 4}", ["key-not-text 1:2", "duplicate-key 1:9"]),
    "an empty key": ("? \n: 1\n", ["empty-key 1:2"]),
    "a line that begins with a colon": (": 1\nb: 2\n", ["yaml-syntax 1:1"]),
    "an empty quoted key": ("'': 1\n", ["empty-key 1:1"]),
    "one level too many": ("[" * (MAX_DEPTH + 1), [f"too-deep 1:{MAX_DEPTH + 1}"]),
    "a hundred thousand brackets": ("[" * 100_000, [f"too-deep 1:{MAX_DEPTH + 1}"]),
    "a hundred thousand braces": ("{a: " * 100_000, [f"too-deep 1:{1 + 4 * MAX_DEPTH}"]),
    "a hundred thousand dashes": ("- " * 100_000, [f"too-deep 1:{1 + 2 * MAX_DEPTH}"]),
    "a tab as indentation": ("a:\n\tb: 1\n", ["yaml-syntax 2:1"]),
    "a bracket left open": ("a: [1\n", ["yaml-syntax 2:1"]),
    "a quote left open": ("a: 'one\n", ["yaml-syntax 2:1"]),
    "a character that YAML has not": ('a: "\\U00110000"\n', ["yaml-syntax"]),
    "a NUL": (b"a: 1\nb: x\x00y\n", ["control-character 2:5"]),
    "NULs only": (b"\x00" * 4096, ["control-character 1:1"]),
    "an escape": (b"a: \x1b[31m\n", ["control-character 1:4"]),
    "a control character after windows line ends": (b"a: 1\r\n\r\nb: \x07\r\n", ["control-character 3:4"]),
    "old line ends": (b"a: 1\rb: 2\r", ["control-character 1:5"]),
    "a carriage return that hides a field behind a comment": (b"a: 1\n# b\rc: 2\n", ["control-character 2:4"]),
    "U+0085 that hides a field behind a comment": ("a: 1\n# b\x85c: 2\n".encode(), ["control-character 2:4"]),
    "U+2028 that hides a field behind a comment": ("a: 1\r\n# b\u2028c: 2\r\n".encode(), ["control-character 2:4"]),
    "a character that turns a comment around": ("a: 1 # \u202e1\n".encode(), ["control-character 1:8"]),
    "U+2029 that hides a field behind a comment": ("a: 1\n# b\u2029c: 2\n".encode(), ["control-character 2:4"]),
    "a control character before a syntax error": (b"a: \x07\nb: [\n", ["control-character 1:4"]),
    "a control character after a syntax error": (b"b: ]\na: \x07\n", ["control-character 2:4"]),
    "a byte order mark in the middle": ("a: 1\n\ufeffb: 2\n", ["control-character 2:1"]),
    "a byte that is not UTF-8": (b"a: 1\nb: caf\xe9\n", ["not-utf-8 2:7"]),
    "a byte that is not UTF-8 behind a mark": (b"\xef\xbb\xbfa: \xff\n", ["not-utf-8 1:4"]),
    "an escaped lone surrogate": (b'a: "\\ud800"\n', ["yaml-syntax 1:7"]),
    "an escaped lone surrogate behind others": (
        b'a: "\\\\ud800 \\u00e9\n\n  x\\U0000DFFF"\nb: c\n',
        ["yaml-syntax 3:6"],
    ),
    "an escaped lone surrogate in a key": (b'b: "\\u00e9"\n"\\uDC00": 1\n', ["yaml-syntax 2:4"]),
    "a lone surrogate in UTF-8": (b"a: \xed\xa0\x80\n", ["not-utf-8 1:4"]),
    "UTF-16": ("a: 1\n".encode("utf-16"), ["not-utf-8 1:1"]),
}

ALL = {name: content for name, (content, _) in [*READABLE.items(), *REFUSED.items()]}


@pytest.mark.parametrize("name", READABLE)
def test_a_scalar_stays_the_text_that_was_written(name: str, loader: Loader) -> None:
    content, expected = READABLE[name]

    reading = read(content, loader)

    assert faults_of(reading) == []
    assert expected is None or content_of(reading.root) == expected


@pytest.mark.parametrize("name", ["an empty file", "comments only", "a byte order mark and nothing"])
def test_a_file_that_says_nothing_has_no_root(name: str, loader: Loader) -> None:
    assert read(READABLE[name][0], loader).root is None


@pytest.mark.parametrize("name", REFUSED)
def test_what_readers_would_take_differently_is_refused_with_its_place(name: str, loader: Loader) -> None:
    content, expected = REFUSED[name]

    found = faults_of(read(content, loader))

    if expected == ["yaml-syntax"]:  # PyYAML's own parser knows no place here
        found = [each.partition(" ")[0] for each in found]
    assert found == expected


def test_the_table_covers_every_code_of_the_reader() -> None:
    covered = {fault.partition(" ")[0] for _, faults in REFUSED.values() for fault in faults}

    assert covered | {"too-many-faults", "too-many-values"} == codes_in(yaml_reader.__file__)


@pytest.mark.parametrize("name", REFUSED)
def test_every_refusal_says_what_to_do(name: str, loader: Loader) -> None:
    found = read(REFUSED[name][0], loader).diagnostics

    assert [each.code for each in found if not each.hint] == []


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("a:\n\tb: 1\n", "Write spaces in place of the tab that stands here."),
        ("a: @b\n", "Put the value between quotes: no text without them begins with @."),
        ("a: 1\nb: `c`\n", "Put the value between quotes: no text without them begins with `."),
        ("a: REV-1: again\n", "Put text with a colon in it between quotes; else check the indentation here"),
        ("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n", "Finish the merge: choose between the two sides"),
        ("a: [1\n", "Check the indentation, brackets and quotes"),
    ],
)
def test_a_syntax_error_says_what_to_do_about_its_usual_cause(content: str, hint: str, loader: Loader) -> None:
    (found,) = read(content, loader).diagnostics

    assert (found.code, found.hint[: len(hint)]) == ("yaml-syntax", hint)


def test_a_syntax_error_at_the_end_names_the_place_where_it_began(loader: Loader) -> None:
    (found,) = read("a: 1\nb: 'one\n", loader).diagnostics

    assert "that begins at line 2, column 4" in found.detail


def test_every_key_and_value_has_its_place(loader: Loader) -> None:
    text = "# head\nsubscriptions:\n  - {name: 'A', n: 1}\n  - name: |\n      B\n    more: [x,\n      \"y\"]\nlast:\n"

    assert places_of(read(text, loader).root) == [
        ("", "2:1"),
        (".subscriptions:", "2:1"),
        (".subscriptions", "3:3"),
        (".subscriptions[0]", "3:5"),
        (".subscriptions[0].name:", "3:6"),
        (".subscriptions[0].name", "3:12"),
        (".subscriptions[0].n:", "3:17"),
        (".subscriptions[0].n", "3:20"),
        (".subscriptions[1]", "4:5"),
        (".subscriptions[1].name:", "4:5"),
        (".subscriptions[1].name", "4:11"),
        (".subscriptions[1].more:", "6:5"),
        (".subscriptions[1].more", "6:11"),
        (".subscriptions[1].more[0]", "6:12"),
        (".subscriptions[1].more[1]", "7:7"),
        (".last:", "8:1"),
        (".last", "8:6"),
    ]


def test_columns_count_characters_and_not_bytes(loader: Loader) -> None:
    reading = read("{é: 'üü', b: x}\n", loader)

    assert places_of(reading.root)[-2:] == [(".b:", "1:11"), (".b", "1:14")]


def test_a_byte_order_mark_takes_no_column(loader: Loader) -> None:
    assert places_of(read("\ufeffa: b\n", loader).root) == places_of(read("a: b\n", loader).root)


def test_windows_line_ends_move_no_place(loader: Loader) -> None:
    text = "a:\n  - b: 1\n    c: 2\nd: x\n"

    assert places_of(read(text.replace("\n", "\r\n"), loader).root) == places_of(read(text, loader).root)


def test_a_duplicate_key_names_both_places(loader: Loader) -> None:
    (found,) = read("a: 1\nb: 2\na: 3\n", loader).diagnostics

    assert (str(found.place), found.detail) == ("x.yaml:3:1", "First at x.yaml:1:1.")


def test_the_first_of_two_values_is_the_one_that_is_kept(loader: Loader) -> None:
    assert content_of(read("{a: 1, a: 2}", loader).root) == {"a": ("1",)}


@pytest.mark.parametrize("text", ["{*x : 1, b: 2}", "{[x]: 1, b: 2}", "{'': 1, b: 2}", "{<<: 1, b: 2}"])
def test_a_refused_key_takes_nothing_else_with_it(text: str, loader: Loader) -> None:
    assert content_of(read(text, loader).root) == {"b": ("2",)}


def test_foreign_text_in_a_message_is_cut_and_made_visible(loader: Loader) -> None:
    (found,) = read(f'? "\\e{"x" * 5_000}"\n: 1\n? "\\e{"x" * 5_000}"\n: 2\n', loader).diagnostics

    assert found.summary.isprintable()
    assert len(found.summary) < 100


def test_a_thousand_faults_are_told_and_then_that_there_may_be_more(loader: Loader) -> None:
    for text in ("a: [" + "*b, " * (MAX_FAULTS + 10) + "]\n", "".join(f"a: {n}\n" for n in range(MAX_FAULTS + 10))):
        found = read(text, loader)

        assert [each.code for each in found.diagnostics].count("too-many-faults") == 1
        assert found.diagnostics[-1].code == "too-many-faults"
        assert (len(found.diagnostics), found.root) == (MAX_FAULTS + 1, None)


def test_a_file_of_too_many_values_is_refused_by_name(loader: Loader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yaml_reader, "MAX_NODES", 10)

    assert read("a: [1, 2, 3, 4, 5, 6, 7, 8]\n", loader).diagnostics == []
    assert faults_of(read("a: [1, 2, 3, 4, 5, 6, 7, 8, 9]\n", loader)) == ["too-many-values 1:29"]


def test_depth_costs_no_time(loader: Loader) -> None:
    start = time.monotonic()
    read("[" * 1_000_000, loader)

    assert time.monotonic() - start < 5


def outcome(content: str | bytes, loader: Loader) -> tuple[object, object, list[str]]:
    """What was read; of a syntax error only its code, for its words and its place are the parser's own."""
    reading = read(content, loader)
    faults = [each.partition(" ")[0] if each.startswith("yaml-syntax") else each for each in faults_of(reading)]
    return content_of(reading.root), places_of(reading.root), faults


@needs_libyaml
@pytest.mark.parametrize("name", ALL)
def test_both_parsers_read_the_same(name: str) -> None:
    assert outcome(ALL[name], yaml.CSafeLoader) == outcome(ALL[name], yaml.SafeLoader)


documents = st.recursive(
    st.text() | st.integers() | st.none() | st.booleans() | st.floats() | st.dates(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=15,
)


@needs_libyaml
@given(
    document=documents,
    flow=st.sampled_from([True, False, None]),
    style=st.sampled_from([None, '"', "'", "|", ">"]),
    width=st.sampled_from([20, 1000]),
)
def test_both_parsers_read_what_was_emitted_alike(
    document: object, *, flow: bool | None, style: str | None, width: int
) -> None:
    text = yaml.dump(
        document, Dumper=yaml.SafeDumper, default_flow_style=flow, default_style=style, width=width, allow_unicode=True
    )

    assert outcome(text, yaml.CSafeLoader) == outcome(text, yaml.SafeLoader)


WORDS = ["a", "b", "1", "é", "~", "'", '"', "\\", "\\0", "[", "]", "{", "}", ",", "|", "%", "@", "`", "<<", "*x"]
SPACED = [
    " ",
    "  ",
    "\n",
    "\n",
    "\n  ",
    "\r\n",
    "\r",
    "\t",
    ": ",
    ":",
    "- ",
    "? ",
    " #",
    "&x ",
    "!t ",
    "|\n",
    ">\n",
    "---\n",
]
ODD = ["\u2028", "\x85", "\ufeff", "\x00"]
scraps = st.lists(st.sampled_from([*WORDS, *SPACED, *ODD])).map("".join)


@needs_libyaml
@given(text=scraps)
def test_where_both_parsers_can_parse_they_agree(text: str) -> None:
    native, own = outcome(text, yaml.CSafeLoader), outcome(text, yaml.SafeLoader)

    assert native == own or "yaml-syntax" in [*native[2], *own[2]]


@given(content=st.binary() | scraps.map(str.encode) | st.text().map(str.encode))
def test_no_bytes_whatever_raise_anything(content: bytes) -> None:
    codes = codes_in(yaml_reader.__file__)
    for loader in (yaml.SafeLoader, yaml_reader.FASTEST):
        reading = read(content, loader)

        assert {each.code for each in reading.diagnostics} <= codes
