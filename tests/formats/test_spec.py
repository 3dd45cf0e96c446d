import pytest
import yaml
from hypothesis import assume, given
from hypothesis import strategies as st
from reading_outline import PATH, codes_in, faults_of, spec_reading

from reconciler.core.declaration import Declaration, Flags
from reconciler.core.target import TargetType
from reconciler.formats import common, declarations, fields, sources, spec, yaml_reader
from reconciler.formats.fields import text_of
from reconciler.formats.sources import SourceFormat
from reconciler.formats.spec import read_spec
from reconciler.formats.yaml_reader import MAX_FAULTS, Sequence, read_yaml

HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"
FAR = "1" * 5_000
SAME_FILE = (spec, fields, common, declarations, sources)
"""What reads a spec file between them."""


def subscriptions(*declarations: str) -> str:
    """A file whose declarations stand in lines 4, 5... from column 5."""
    return f"{HEAD}subscriptions:\n" + "".join(f"  - {each}\n" for each in declarations)


def items(*declarations: str) -> str:
    return f"{HEAD}orderLineItems:\n" + "".join(f"  - {each}\n" for each in declarations)


def source(text: str) -> str:
    """A file whose only source stands at 4:5."""
    return f"{HEAD}sources:\n  - {text}\n"


def path(value: str) -> str:
    """A file whose only path is *value*, at 4:11."""
    return source(f"{{csv: {value}, type: Subscription}}")


def name(value: str) -> str:
    """A file whose only name is *value*, at 4:24."""
    return subscriptions(f"{{subscriptionName: {value}, subscriptionVersion: 1}}")


def version(value: str) -> str:
    """A file whose only version is *value*, at 4:48."""
    return subscriptions(f"{{subscriptionName: A, subscriptionVersion: {value}}}")


NAME, VERSION = "4:24", "4:48"

FAULTS: dict[str, tuple[str, list[str]]] = {
    "an empty file": ("", ["empty-file 0:0"]),
    "comments only": ("# soon\n", ["empty-file 0:0"]),
    "nothing, explicitly": ("---\n", ["wrong-shape 2:1"]),
    "text at the top": ("hello\n", ["wrong-shape 1:1"]),
    "a list at the top": ("- version: 1\n", ["wrong-shape 1:1"]),
    "no version": ("name: x\n", ["missing-field 1:1"]),
    "another version": ("version: 2\n", ["unknown-version 1:10"]),
    "a version in quotes": ('version: "1"\n', ["unknown-version 1:10"]),
    "a version with a point": ("version: 1.0\n", ["unknown-version 1:10"]),
    "a version of nothing": ("version:\n", ["unknown-version 1:9"]),
    "a version that is a list": ("version: [1]\n", ["unknown-version 1:10"]),
    "an unknown field of the file": (f"{HEAD}subscription: []\n", ["unknown-key 3:1"]),
    "an unknown field of a declaration": (
        subscriptions("{subscriptionName: A, subscriptionVersion: 1, tigger: x}"),
        ["unknown-key 4:51"],
    ),
    "an unknown field of flags": (
        "version: 1\nflags: {onlyReSend: true, reMigrate: false, reMigrat: true}\n",
        ["unknown-key 2:45"],
    ),
    "a key misspelt": (subscriptions("{subscriptionNam: A, subscriptionVersion: 1}"), ["unknown-key 4:6"]),
    "a list that is nothing": (f"{HEAD}subscriptions:\n", ["wrong-shape 3:15"]),
    "a list that is a mapping": (f"{HEAD}subscriptions: {{}}\n", ["wrong-shape 3:16"]),
    "a declaration that is text": (subscriptions("A-S00000001"), ["wrong-shape 4:5"]),
    "a declaration that is nothing": (subscriptions(""), ["wrong-shape 4:4"]),
    "a name that is a list": (name("[A]"), [f"wrong-shape {NAME}"]),
    "a version that is a mapping": (version("{}"), [f"wrong-shape {VERSION}"]),
    "a flag that is a list": ("version: 1\nflags: {onlyReSend: [], reMigrate: true}\n", ["wrong-shape 2:21"]),
    "flags that are text": ("version: 1\nflags: reMigrate\n", ["wrong-shape 2:8"]),
    "no flags": ("version: 1\nsubscriptions:\n  - {subscriptionId: 8ad0}\n", ["missing-flags 3:5"]),
    "one flag": ("version: 1\nflags: {reMigrate: true}\n", ["missing-flag 2:8"]),
    "no flag at all": ("version: 1\nflags: {}\n", ["missing-flag 2:8", "missing-flag 2:8"]),
    "both flags": (
        "version: 1\nflags: {onlyReSend: true, reMigrate: true}\n",
        ["flags-exclude-each-other 2:8"],
    ),
    "a flag in quotes": ('version: 1\nflags: {onlyReSend: "true", reMigrate: false}\n', ["not-a-boolean 2:21"]),
    "a flag said with yes": ("version: 1\nflags: {onlyReSend: false, reMigrate: yes}\n", ["not-a-boolean 2:39"]),
    "a flag said with 1": (
        "version: 1\nflags: {onlyReSend: 0, reMigrate: 1}\n",
        ["not-a-boolean 2:21", "not-a-boolean 2:35"],
    ),
    "a flag of nothing": ("version: 1\nflags: {onlyReSend: , reMigrate: true}\n", ["not-a-boolean 2:21"]),
    "a declaration without a key": (subscriptions("{trigger: x}"), ["missing-key 4:5"]),
    "an empty declaration": (subscriptions("{}"), ["missing-key 4:5"]),
    "a number without a version": (subscriptions("{subscriptionName: A}"), ["incomplete-key 4:6"]),
    "a version without a number": (subscriptions("{subscriptionVersion: 1}"), ["incomplete-key 4:6"]),
    "versions without a number": (subscriptions("{subscriptionVersions: [1]}"), ["incomplete-key 4:6"]),
    "half a key that is wrong besides": (
        subscriptions("{subscriptionName: 5}"),
        ["incomplete-key 4:6", "unquoted-text 4:24"],
    ),
    "id and number": (
        subscriptions("{subscriptionId: 8ad0, subscriptionName: A, subscriptionVersion: 1}"),
        ["named-twice 4:6"],
    ),
    "id and a version": (subscriptions("{subscriptionVersion: 1, subscriptionId: 8ad0}"), ["named-twice 4:30"]),
    "a version and versions": (
        subscriptions("{subscriptionName: A, subscriptionVersion: 1, subscriptionVersions: [2]}"),
        ["named-twice 4:51"],
    ),
    "a field of another type": (
        subscriptions('{orderNumber: O, itemNumber: "1"}'),
        ["field-of-another-type 4:6", "field-of-another-type 4:22"],
    ),
    "versions of an item": (items("{orderLineItemId: a, subscriptionVersions: [1]}"), ["field-of-another-type 4:26"]),
    "no versions": (subscriptions("{subscriptionName: A, subscriptionVersions: []}"), ["no-versions 4:49"]),
    "versions that are one": (subscriptions("{subscriptionName: A, subscriptionVersions: 1}"), ["wrong-shape 4:49"]),
    "a version twice": (
        subscriptions("{subscriptionName: A, subscriptionVersions: [1, 2, 1]}"),
        ["version-twice 4:56"],
    ),
    "a version of versions in quotes": (
        subscriptions('{subscriptionName: A, subscriptionVersions: [1, "2"]}'),
        ["not-a-version 4:53"],
    ),
    "an item number without quotes": (items("{orderNumber: O, itemNumber: 1}"), ["unquoted-text 4:34"]),
    "a name of nothing": (name(""), [f"missing-value {NAME}"]),
    "a name of null": (name("null"), [f"missing-value {NAME}"]),
    "a name of ~": (name("~"), [f"missing-value {NAME}"]),
    "a name of a dash": (name("-"), [f"unquoted-text {NAME}"]),
    "an empty name": (name('""'), [f"empty-text {NAME}"]),
    "a trigger of nothing": (f"{HEAD}trigger:\n", ["missing-value 3:9"]),
    "a reason that is a date": (f"{HEAD}reason: 2026-11-22\n", ["unquoted-text 3:9"]),
    "an owner that is a list": (f"{HEAD}owner: [a, b]\n", ["wrong-shape 3:8"]),
    "a reason that begins like a date and hides a character": (
        f"{HEAD}reason: 2026-11-22 list\u200bprices\n",
        ["unquoted-text 3:9"],
    ),
    "a file's name that is a number": (f"{HEAD}name: 4\n", ["unquoted-text 3:7"]),
    "a space before": (name('" A"'), [f"outer-space {NAME}"]),
    "a space behind": (name("'A '"), [f"outer-space {NAME}"]),
    "a wide space behind": (name('"A\u3000"'), [f"outer-space {NAME}"]),
    "256 characters": (name("A" * 256), [f"text-too-long {NAME}"]),
    "right-to-left override": (name('"A\\u202eB"'), [f"unsafe-character {NAME}"]),
    "a zero-width space": (name("A\u200bB"), [f"unsafe-character {NAME}"]),
    "a zero-width joiner": (name("A\u200dB"), [f"unsafe-character {NAME}"]),
    "a soft hyphen": (name("A\u00adB"), [f"unsafe-character {NAME}"]),
    "a tab inside": (name('"A\\tB"'), [f"unsafe-character {NAME}"]),
    "a NUL": (name('"A\\0B"'), [f"unsafe-character {NAME}"]),
    "a line break": (name('"A\\nB"'), [f"unsafe-character {NAME}"]),
    "a block of text": (f"{HEAD}reason: |\n  one\n", ["unsafe-character 3:9"]),
    "sources of nothing": (f"{HEAD}sources:\n", ["wrong-shape 3:9"]),
    "a source that is a path": (source("data/a.csv"), ["wrong-shape 4:5"]),
    "a source without a file": (source("{type: Subscription}"), ["missing-field 4:5"]),
    "a source without a type": (source("{csv: a.csv}"), ["missing-field 4:5"]),
    "a source of two files": (source("{csv: a.csv, jsonl: b.jsonl, type: Subscription}"), ["named-twice 4:18"]),
    "an unknown type": (source("{csv: a.csv, type: subscriptions}"), ["unknown-type 4:24"]),
    "a type that is a list": (source("{csv: a.csv, type: []}"), ["wrong-shape 4:24"]),
    "an unknown field of a source": (
        source("{cvs: a.csv, type: Subscription}"),
        ["missing-field 4:5", "unknown-key 4:6"],
    ),
    "bad flags of a source": (
        source("{csv: a.csv, type: Subscription, flags: {onlyReSend: true, reMigrate: true}}"),
        ["flags-exclude-each-other 4:45"],
    ),
    "a trigger of a source that is no text": (
        source("{csv: a.csv, type: Subscription, trigger: 1}"),
        ["unquoted-text 4:47"],
    ),
    "a path that is a list": (path("[a.csv]"), ["wrong-shape 4:11"]),
    "an empty path": (path('""'), ["empty-text 4:11"]),
    "a NUL in a path": (path('"a\\0.csv"'), ["unsafe-character 4:11"]),
    **{
        f"{value} for a path": (path(f'"{value}"'), ["bad-path 4:11"])
        for value in (
            *("/etc/passwd", "..", "../a.csv", "data/../../a.csv", "data/..", "~/a.csv", "~root/a.csv", "//host/a.csv"),
            *("https://example.com/a.csv", "file:///a.csv", "C:/a.csv", "c:a.csv", "C:\\\\a.csv", "data\\\\a.csv"),
            *("./a.csv", "data/./a.csv", "data//a.csv", "data/", ".", "/", "a.csv:stream"),
        )
    },
    "an alias for a declaration": (subscriptions("*x"), ["alias 4:5"]),
    "an alias for a name": (name("*x"), [f"alias {NAME}"]),
    "an alias for flags": ("version: 1\nflags: *x\nsubscriptions: [{subscriptionId: a}]\n", ["alias 2:8"]),
    "bad flags of the file": (
        "version: 1\nflags: {onlyReSend: no, reMigrate: true}\nsubscriptions: [{subscriptionId: a}]\n",
        ["not-a-boolean 2:21"],
    ),
    **{
        f"{value} for a version": (version(value), [f"not-a-version {VERSION}"])
        for value in (
            *(
                "0",
                "-1",
                "+1",
                "01",
                "1.0",
                "1e3",
                "1_000",
                "0x1F",
                "0o7",
                '"1"',
                "10000000000",
                "1000000000",
                "1000000000000",
                ".nan",
            ),
            *("true", "~", "one", "2026-11-22", "12:30:45", "\u0661", FAR),
        )
    },
    **{
        f"{value} for a name": (name(value), [f"unquoted-text {NAME}"])
        for value in (
            *("NO", "no", "on", "y", "true", "False", "0123", "123", "1_000", "12:30:45", "1e3", "1.5", ".nan", ".inf"),
            *(
                "-.inf",
                "2026-11-22",
                "2026-11-22T10:00:00Z",
                "0x1F",
                "0o17",
                "0b11",
                "1_0:30",
                "0._E-0",
                "0x_1F",
                "+1",
                "-7",
                "=",
                "1.",
                ".5",
                FAR,
            ),
        )
    },
}


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_is_reported_with_its_place_and_nothing_else_is(case: str) -> None:
    text, expected = FAULTS[case]
    reading, declarations = spec_reading(text)

    assert faults_of(reading) == expected
    assert declarations == []


def test_the_table_covers_every_code_of_spec_and_fields() -> None:
    covered = {fault.partition(" ")[0] for _, faults in FAULTS.values() for fault in faults}

    assert codes_in(*(each.__file__ for each in SAME_FILE)) <= covered


@pytest.mark.parametrize("case", FAULTS)
def test_every_fault_says_what_to_do_in_a_few_printable_words(case: str) -> None:
    for found in spec_reading(FAULTS[case][0])[0].diagnostics:
        assert 0 < len(found.hint) < 300, found
        assert len(found.summary) < 200, found
        assert (found.summary + found.detail + found.hint).isprintable(), found


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        (f"{HEAD}subscription: []\n", "Did you mean 'subscriptions'?"),
        (
            f"{HEAD}colour: red\n",
            "Known here: dynamicUsageCharges, flags, name, orderLineItems, owner, reason, sources,",
        ),
        (name("0123"), 'Quote it: "0123".'),
        (f'{HEAD}reason: 2026-11-22 "old" prices\n', "Write it between quotes."),
        (version('"3"'), "Write 3 without quotes."),
        (name('" A"'), "Remove the space around 'A'."),
        (name('" "'), "Write a value or remove the field."),
        (f"{HEAD}subscriptions:\n", "Write [] for an empty list, or remove the field."),
        (subscriptions("{subscriptionName: A}"), "Add subscriptionVersion."),
        (subscriptions('{orderNumber: O, itemNumber: "1"}'), "Move the declaration to the list orderLineItems."),
        (source("{csv: a, type: Subscripton}"), "Did you mean 'Subscription'?"),
        (path("../a.csv"), "Write a path below the spec folder of the environment, such as data/backfill.csv."),
        (
            subscriptions("{}"),
            "Name it by subscriptionName with subscriptionVersion or subscriptionId.",
        ),
    ],
)
def test_a_hint_names_what_to_write(text: str, hint: str) -> None:
    found = spec_reading(text)[0].diagnostics[0]

    assert found.hint.startswith(hint)


def test_a_version_listed_twice_names_both_places() -> None:
    (found,) = spec_reading(subscriptions("{subscriptionName: A, subscriptionVersions: [7, 7]}"))[0].diagnostics

    assert (str(found.place), found.detail) == ("local/x.yaml:4:53", "First at local/x.yaml:4:50.")


MANY_FAULTS = """\
version: 2
nmae: x
flags: {onlyReSend: yes, reMigrate: true}
subscriptions:
  - {subscriptionName: 1, subscriptionVersion: 0, owner: 7, flags: {}}
  - {subscriptionName: A, subscriptionVersion: 1}
  - {subscriptionName: A, subscriptionName: B, subscriptionVersion: 1}
  - {subscriptionName: &x A, subscriptionVersion: 1, trigger: *x}
orderLineItems:
dynamicUsageCharges:
  - {chargeNumber: " "}
"""


def test_all_faults_of_a_file_are_reported_in_one_run() -> None:
    assert faults_of(spec_reading(MANY_FAULTS)[0]) == [
        "unknown-version 1:10",
        "unknown-key 2:1",
        "not-a-boolean 3:21",
        "unquoted-text 5:24",
        "not-a-version 5:48",
        "unquoted-text 5:58",
        "missing-flag 5:68",
        "missing-flag 5:68",
        "duplicate-key 7:27",
        "anchor 8:24",
        "alias 8:63",
        "wrong-shape 9:16",
        "outer-space 11:20",
    ]


ONE_FAULT = [
    "{subscriptionName: A, subscriptionVersion: 0}",
    "{subscriptionName: A}",
    "{subscriptionId: ''}",
    "{orderNumber: O}",
    "{subscriptionId: a, flags: {}}",
    "{subscriptionId: a, who: b}",
    "[]",
    "",
]


@pytest.mark.parametrize("bad", ONE_FAULT)
def test_a_fault_in_one_declaration_hides_none_in_the_next(bad: str) -> None:
    alone = [each.partition(" ")[0] for each in faults_of(spec_reading(subscriptions(bad))[0])]

    found = faults_of(spec_reading(subscriptions(bad, "{subscriptionName: B, subscriptionVersion: -1}", bad))[0])

    assert [each.partition(" ")[0] for each in found] == [*alone, "not-a-version", *alone]


@pytest.mark.parametrize("bad", ONE_FAULT)
def test_a_fault_in_one_declaration_leaves_out_that_one_only(bad: str) -> None:
    good = "{subscriptionName: B, subscriptionVersion: 1}"

    assert addresses(subscriptions(good, bad)) == ["Subscription/B@1"]


def accepted(text: str) -> list[Declaration]:
    reading, declarations = spec_reading(text)
    assert faults_of(reading) == []
    return declarations


def addresses(text: str) -> list[str]:
    return [each.address for each in spec_reading(text)[1]]


def sources_in(text: str) -> list[sources.Source]:
    reading = read_yaml(text.encode(), PATH)
    found = read_spec(reading).sources
    assert faults_of(reading) == []
    return found


def test_a_source_stands_where_its_path_does_and_says_how_and_what_to_read() -> None:
    text = source("{type: OrderLineItem, jsonl: data/a b.jsonl}") + "  - {tsv: .x/é.tsv, type: Subscription}\n"
    first, second = sources_in(text)

    assert (first.format, first.path, first.type, str(first.place)) == (
        SourceFormat.JSON_LINES,
        "data/a b.jsonl",
        TargetType.ORDER_LINE_ITEM,
        f"{PATH}:4:34",
    )
    assert (second.format, second.path, str(second.place)) == (SourceFormat.TSV, ".x/é.tsv", f"{PATH}:5:11")


def test_what_a_source_says_wins_over_what_the_file_says() -> None:
    text = source("{csv: a.csv, type: Subscription, flags: {onlyReSend: true, reMigrate: false}, owner: o}")
    (found,) = sources_in(f"trigger: t\nowner: p\n{text}")

    assert found.common == common.Common(flags=Flags.RESEND, trigger="t", owner="o")


def test_flags_may_be_left_to_the_rows() -> None:
    (found,) = sources_in("version: 1\nsources: [{parquet: a.parquet, type: DynamicUsageCharge}]\n")

    assert found.common == common.Common()


GOOD = """\
version: 1
name: q4-backfill
reason: REV-1234 list prices corrected
owner: revenue-operations
flags: {onlyReSend: false, reMigrate: true}
trigger: november
subscriptions:
  - {subscriptionName: A-S00000001, subscriptionVersion: 1}
  - subscriptionName: A-S00000002
    subscriptionVersions:
      - 3
      - 1
    trigger: again
  - {subscriptionId: 8ad0, flags: {onlyReSend: true, reMigrate: false}}
orderLineItems:
  - {orderNumber: O-00000007, itemNumber: "1", reason: REV-1250}
  - {orderLineItemId: 8ad1, owner: somebody}
dynamicUsageCharges:
  - {chargeNumber: C-00000042}
  - {ratePlanChargeId: 8ad2, flags: {onlyReSend: false, reMigrate: false}}
"""


def test_every_type_is_read_by_number_and_by_id() -> None:
    assert [each.address for each in accepted(GOOD)] == [
        "Subscription/A-S00000001@1",
        "Subscription/A-S00000002@3",
        "Subscription/A-S00000002@1",
        "Subscription/id:8ad0",
        "OrderLineItem/O-00000007#1",
        "OrderLineItem/id:8ad1",
        "DynamicUsageCharge/C-00000042",
        "DynamicUsageCharge/id:8ad2",
    ]


def test_a_declaration_stands_where_it_is_written_and_a_version_where_its_number_is() -> None:
    assert [str(each.place) for each in accepted(GOOD)[:4]] == [
        "local/x.yaml:8:5",
        "local/x.yaml:11:9",
        "local/x.yaml:12:9",
        "local/x.yaml:14:5",
    ]


def test_flags_of_a_declaration_win_over_those_of_the_file() -> None:
    assert [each.flags for each in accepted(GOOD)] == [
        Flags.REWRITE_AND_RECOLLECT,
        Flags.REWRITE_AND_RECOLLECT,
        Flags.REWRITE_AND_RECOLLECT,
        Flags.RESEND,
        Flags.REWRITE_AND_RECOLLECT,
        Flags.REWRITE_AND_RECOLLECT,
        Flags.REWRITE_AND_RECOLLECT,
        Flags.REWRITE,
    ]


def test_the_trigger_of_a_declaration_wins_over_that_of_the_file_for_all_its_versions() -> None:
    assert [each.trigger for each in accepted(GOOD)[:4]] == ["november", "again", "again", "november"]


def test_reason_and_owner_come_from_the_declaration_or_else_from_the_file() -> None:
    item, other = accepted(GOOD)[4:6]

    assert (item.reason, item.owner) == ("REV-1250", "revenue-operations")
    assert (other.reason, other.owner) == ("REV-1234 list prices corrected", "somebody")


def test_flags_may_stand_in_the_declarations_alone() -> None:
    text = "version: 1\nsubscriptions:\n  - {subscriptionId: a, flags: {onlyReSend: true, reMigrate: false}}\n"

    assert [(each.flags, each.trigger) for each in accepted(text)] == [(Flags.RESEND, None)]


@pytest.mark.parametrize(
    "text",
    [
        "version: 1\n",
        HEAD,
        f"{HEAD}subscriptions: []\norderLineItems: []\ndynamicUsageCharges: []\n",
        "version: 1\nsubscriptions: []\n",
        "\ufeffversion: 1\r\nsubscriptions: []\r\n",
    ],
)
def test_a_file_may_declare_nothing(text: str) -> None:
    assert accepted(text) == []


@pytest.mark.parametrize(
    "value", ["A" * 255, "é" * 255, "A", '"1"', '"NO"', '"~"', "'2026-11-22'", "A-S 1", '"A/@#%:*?"', "٣"]
)
def test_text_of_up_to_255_characters_is_taken_as_written(value: str) -> None:
    (declaration,) = accepted(name(value))

    assert declaration.target.key[0] == value.strip("\"'")


@pytest.mark.parametrize("value", ["1", "10", "999999999"])
def test_a_version_is_a_whole_number_from_1(value: str) -> None:
    assert [each.target.key[1] for each in accepted(version(value))] == [int(value)]


@pytest.mark.parametrize("value", ["true", "True", "TRUE"])
def test_a_flag_may_be_written_as_the_core_schema_does(value: str) -> None:
    text = f"version: 1\nflags: {{onlyReSend: {value}, reMigrate: false}}\nsubscriptions: [{{subscriptionId: a}}]\n"

    assert [each.flags for each in accepted(text)] == [Flags.RESEND]


@pytest.mark.parametrize(
    ("one", "other"),
    [("caf\u00e9", "cafe\u0301"), ("A", "\u0410"), ("a", "A"), ("\uff11", "\u0661"), ("\ufb01", "fi")],
)
def test_look_alikes_are_two_targets(one: str, other: str) -> None:
    assert len(set(addresses(subscriptions(f"{{subscriptionId: '{one}'}}", f"{{subscriptionId: '{other}'}}")))) == 2


plain = st.text("0123456789_.:-+eExXobBnNyY~=<aftTZ ", min_size=1, max_size=12)


@given(value=plain | st.from_regex(r"[-+]?[0-9][0-9_]*[.:]?[0-9_:]*([eE][-+]?[0-9]+)?", fullmatch=True))
def test_text_taken_without_quotes_is_text_to_an_older_reader_too(value: str) -> None:
    """PyYAML resolves as YAML 1.1 does, of which the reader here knows nothing but a pattern of its own."""
    reading = read_yaml(f"[{value}]".encode(), "x.yaml")
    node = reading.root.items[0] if isinstance(reading.root, Sequence) and len(reading.root.items) == 1 else None
    assume(node is not None)
    text = text_of(node, reading, "name") if node else None

    assert text is None or yaml.safe_load(f"[{value}]") == [text]


CODES = codes_in(*(each.__file__ for each in (*SAME_FILE, yaml_reader)))

words = st.sampled_from(
    [
        *("version", "flags", "onlyReSend", "reMigrate", "trigger", "name", "subscriptions", "orderLineItems"),
        *("dynamicUsageCharges", "subscriptionName", "subscriptionVersion", "subscriptionVersions", "subscriptionId"),
        *("orderNumber", "itemNumber", "chargeNumber", "true", "false", "1", "0", "A", "~"),
    ]
)
marks = st.sampled_from(
    [": ", "\n", "\n  ", "\n  - ", "{", "}", "[", "]", ", ", '"', "'", "&x ", "*x", "|\n", "\t", "\x00"]
)


@given(text=st.lists(words | words | marks | marks | st.text(max_size=3)).map("".join))
def test_whatever_is_written_is_read_or_refused_with_a_known_code(text: str) -> None:
    reading, declarations = spec_reading(text)

    assert {each.code for each in reading.diagnostics} <= CODES
    assert reading.diagnostics or reading.root is not None
    assert all(each.target.key for each in declarations)


@given(content=st.binary())
def test_no_bytes_raise_anything(content: bytes) -> None:
    reading, declarations = spec_reading(content)

    assert reading.diagnostics
    assert {each.code for each in reading.diagnostics} <= CODES
    assert declarations == []


@given(data=st.data(), cut=st.sampled_from([GOOD, MANY_FAULTS, FAULTS["both flags"][0]]))
def test_a_file_that_was_damaged_is_read_or_refused_with_a_known_code(data: st.DataObject, cut: str) -> None:
    start = data.draw(st.integers(0, len(cut)))
    end = data.draw(st.integers(start, min(len(cut), start + 12)))
    reading, _ = spec_reading(cut[:start] + data.draw(words | marks | st.just("")) + cut[end:])

    assert {each.code for each in reading.diagnostics} <= CODES


@pytest.mark.parametrize(
    "text",
    [
        subscriptions(*["{subscriptionName: A, subscriptionVersion: 0}"] * (MAX_FAULTS + 10)),
        subscriptions("{" + ", ".join(f"x{n}: 1" for n in range(MAX_FAULTS + 10)) + "}"),
        subscriptions(f"{{subscriptionName: A, subscriptionVersions: [{'0, ' * (MAX_FAULTS + 10)}]}}"),
    ],
)
def test_a_thousand_faults_are_told_and_then_that_there_may_be_more(text: str) -> None:
    reading = read_yaml(text.encode(), PATH)

    assert read_spec(reading).declarations == []
    assert [len(reading.diagnostics), reading.diagnostics[-1].code] == [MAX_FAULTS + 1, "too-many-faults"]
