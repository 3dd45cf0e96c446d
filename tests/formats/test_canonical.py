"""The canonical form: same meaning, every comment, beside its neighbour, and nothing left to do the second time."""

import textwrap

import pytest
import yaml
from hypothesis import event, given
from written_specs import written_specs

from reconciler.errors import UnfaithfulLayout
from reconciler.formats import canonical as canonical_module
from reconciler.formats.canonical import FileKind, canonical
from reconciler.formats.commented import read_commented
from reconciler.formats.fields import plain_value
from reconciler.formats.layout import WIDTH, lay_out
from reconciler.formats.spec import read_spec
from reconciler.formats.yaml_reader import read_yaml

HEAD = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"


def formatted(text: str | bytes, kind: FileKind = FileKind.SPEC) -> str:
    content = text.encode() if isinstance(text, str) else text
    reading, done = canonical(content, "a.yaml", kind)

    assert reading.diagnostics == []
    assert done is not None
    return done


def meaning(text: str) -> object:
    """What the strict reader reads, without places."""
    reading = read_yaml(text.encode(), "a.yaml")
    declarations = [(d.address, d.flags, d.trigger, d.reason, d.owner) for d in read_spec(reading).declarations]
    assert reading.diagnostics == []
    assert reading.root is not None
    return plain_value(reading.root), declarations


@given(written=written_specs())
def test_formatting_keeps_meaning_and_comments_and_leaves_nothing_for_a_second_time(
    written: tuple[str, list[str]],
) -> None:
    text, comments = written
    once = formatted(text)
    event(f"comments: {min(len(comments), 10)}")

    assert meaning(once) == meaning(text)
    assert sorted(read_commented(once).comments) == sorted(comments)
    assert formatted(once) == once
    assert [line for line in once.split("\n") if line != line.rstrip()] == []
    assert once.endswith("\n") and not once.endswith("\n\n") and "\n\n\n" not in once  # noqa: PT018


@given(written=written_specs())
def test_line_ends_and_a_byte_order_mark_make_no_difference(written: tuple[str, list[str]]) -> None:
    text, _ = written

    assert formatted(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode()) == formatted(text)


@given(written=written_specs())
def test_the_layout_is_the_same_where_libyaml_is_not(written: tuple[str, list[str]]) -> None:
    text, _ = written
    tree = read_commented(text, loader=yaml.SafeLoader)

    assert lay_out(tree, canonical_module._SHAPES[FileKind.SPEC]) == formatted(text)


def test_fields_stand_in_one_order_and_comments_go_with_them() -> None:
    text = """\
    # yaml-language-server: $schema=../../schemas/spec.schema.json

    trigger: backfill   # why this one
    # about the version
    version: 1
    dynamicUsageCharges:
    - reason: REV-1
      # C for charge
      chargeNumber: C-1
    subscriptions: # these
        - {subscriptionVersion: 1, subscriptionName: A} # the first
        # - {put: off}
    # about the flags
    flags: {reMigrate: true,
            onlyReSend: false}
    name: 'x'
    # the end
    """
    expected = """\
    # yaml-language-server: $schema=../../schemas/spec.schema.json

    # about the version
    version: 1
    name: "x"
    # about the flags
    flags: {onlyReSend: false, reMigrate: true}
    trigger: backfill # why this one
    subscriptions: # these
      - {subscriptionName: A, subscriptionVersion: 1} # the first
      # - {put: off}
    dynamicUsageCharges:
      # C for charge
      - {chargeNumber: C-1, reason: REV-1}
    # the end
    """

    assert formatted(textwrap.dedent(text)) == textwrap.dedent(expected)


def test_declarations_stay_in_the_order_of_their_author() -> None:
    lines = "".join(f"  - {{subscriptionId: {each}}}\n" for each in "cab")

    assert formatted(f"{HEAD}subscriptions:\n{lines}").endswith(lines)


@pytest.mark.parametrize(("length", "lines"), [(WIDTH, 1), (WIDTH + 1, 2)])
def test_a_declaration_stands_on_one_line_as_long_as_it_fits(length: int, lines: int) -> None:
    reason = "x" * (length - len("  - {subscriptionId: a, reason: }"))
    done = formatted(f"{HEAD}subscriptions:\n- reason: {reason}\n  subscriptionId: a\n")

    assert len(done.splitlines()) == 3 + lines
    assert formatted(done) == done


def test_a_comment_within_a_declaration_keeps_it_on_several_lines() -> None:
    text = f"{HEAD}subscriptions:\n  - subscriptionId: a # by id\n    reason: REV-1\n"

    assert formatted(text) == text


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("a, b", '"a, b"'),
        ("a?", '"a?"'),
        ("(a)", '"(a)"'),
        ("it's", "it's"),
        ("'it''s'", '"it\'s"'),
        (r'"a\\b \"c\""', r'"a\\b \"c\""'),
        ("https://a/b", "https://a/b"),
        ("-a", "-a"),
        ('"2026-11-22"', '"2026-11-22"'),
        (">-\n      folded\n      text", '"folded text"'),
        ("plain\n      text", "plain text"),
        ('"\\u00fc"', '"ü"'),
    ],
)
def test_text_keeps_its_meaning_on_one_line(written: str, value: str) -> None:
    text = f"{HEAD}subscriptions:\n  - subscriptionId: a\n    reason: {written}\n"

    assert formatted(text) == f"{HEAD}subscriptions:\n  - {{subscriptionId: a, reason: {value}}}\n"


def test_the_project_file_keeps_the_order_of_its_environments() -> None:
    text = """\
    version: 1
    environments:
      version: {state: {file: v}, specs: v, api: {emulator: v}}
      default:
        # own tenant
        api: {emulator: d}
        specs: d
        state: {file: d}
    name: x
    """
    expected = """\
    version: 1
    name: x
    environments:
      version: {api: {emulator: v}, specs: v, state: {file: v}}
      default:
        # own tenant
        api: {emulator: d}
        specs: d
        state: {file: d}
    """

    assert formatted(textwrap.dedent(text), FileKind.PROJECT) == textwrap.dedent(expected)


def test_what_is_not_valid_is_not_formatted() -> None:
    reading, text = canonical(b"version: 2\n", "a.yaml", FileKind.SPEC)

    assert text is None
    assert [found.code for found in reading.diagnostics] == ["unknown-version"]


@pytest.mark.parametrize(
    ("before", "after"),
    [("1", "2"), ("# why\n", ""), ("trigger: t", "reason: t"), ("version: 1\n", ""), ("trigger: t", 'trigger: "u"')],
)
def test_a_layout_that_would_mean_something_else_is_refused(
    monkeypatch: pytest.MonkeyPatch, before: str, after: str
) -> None:
    """A layout with a fault stands for the defects that we do not know."""
    text = f"# why\n{HEAD}trigger: t\nsubscriptions: []\n"
    monkeypatch.setattr(canonical_module, "lay_out", lambda tree, shape: text.replace(before, after, 1))

    with pytest.raises(UnfaithfulLayout):
        canonical(text.encode(), "a.yaml", FileKind.SPEC)
