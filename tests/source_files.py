"""Sources made by tests: bytes read as a source, and what came of it."""

import csv
import io
from collections.abc import Iterable, Sequence

from reconciler.core.declaration import Declaration, Flags
from reconciler.core.diagnostics import Place
from reconciler.core.target import TargetType
from reconciler.formats.bulk import read_source
from reconciler.formats.common import Common
from reconciler.formats.sources import Source, SourceFormat
from reconciler.formats.yaml_reader import Reading

SOURCE_PATH = "local/data/x"
SUBSCRIPTION, ITEM, CHARGE = TargetType
COMMON = Common(flags=Flags.REWRITE_AND_RECOLLECT, trigger="t", reason="r", owner="o")


def source_of(
    format_: SourceFormat = SourceFormat.CSV, type_: TargetType = SUBSCRIPTION, common: Common = COMMON
) -> Source:
    return Source(format_, "data/x", type_, common, Place("local/a.yaml", 4, 11))


def rows_in(content: str | bytes, source: Source | None = None) -> tuple[Reading, list[Declaration]]:
    """What is read of *content*, by default as CSV of subscriptions whose flags the spec file has said."""
    reading = Reading(SOURCE_PATH)
    data = content.encode() if isinstance(content, str) else content
    return reading, list(read_source(io.BytesIO(data), source or source_of(), reading))


def csv_of(rows: Iterable[Sequence[str]], *, delimiter: str = ",", line_end: str = "\n") -> str:
    """*rows* as the standard library writes them."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=line_end).writerows(rows)
    return text.getvalue()
