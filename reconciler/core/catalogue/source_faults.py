"""What is wrong with a source that a spec file names, or with its rows."""

from reconciler.core.catalogue.explanation import Explanation, Shows

_SPEC = "version: 1\nflags: {onlyReSend: false, reMigrate: true}\n"
_GOOD_SPEC = f"{_SPEC}sources: []\n"
_HEADER = "subscriptionName,subscriptionVersion\n"


def _rows(code: str, title: str, text: str, *, bad: str, good: str) -> Explanation:
    return Explanation(code=code, title=title, text=text, bad=bad, good=good, shows=Shows.CSV)


def _situation(code: str, title: str, text: str, *, bad: str, good: str) -> Explanation:
    return Explanation(code=code, title=title, text=text, bad=f"{bad}\n", good=f"{good}\n", shows=Shows.SITUATION)


SOURCE_FAULTS = (
    Explanation(
        code="bad-path",
        title="the path of a source is not one below the spec folder",
        text="A path begins in the spec folder of the environment and has one spelling on every system: relative, with "
        "/, without steps . and .., colons, backslashes and a ~ in front. So a spec reads only what is below it.",
        bad=f"{_SPEC}sources:\n  - {{csv: ../backfill.csv, type: Subscription}}\n",
        good=_GOOD_SPEC,
    ),
    _rows(
        "bad-quote",
        "something follows the quote that closes a cell",
        "A cell that begins with a double quote ends with the next one that is not doubled. Readers differ in what "
        "they make of text behind it.",
        bad=f'{_HEADER}"A"-S00000001,1\n',
        good=f"{_HEADER}A-S00000001,1\n",
    ),
    _situation(
        "line-too-long",
        "a line has more than 1 MiB",
        "No row is that long. Most likely the file is not text at all, or has no line feeds.",
        bad="csv: data/backfill.csv, which is a picture.",
        good="csv: data/backfill.csv, which is text.",
    ),
    _rows(
        "lone-carriage-return",
        "a carriage return ends a line by itself",
        "Lines end with LF or CR LF. A carriage return alone ended lines on very old systems only.",
        bad=f"{_HEADER}A-S00000001,1\rA-S00000002,1\n",
        good=f"{_HEADER}A-S00000001,1\nA-S00000002,1\n",
    ),
    _situation(
        "no-parquet",
        "Parquet cannot be read, because pyarrow is not installed",
        "Only sources in Parquet need pyarrow, which is large, so it is not installed unless it is asked for.",
        bad="parquet: data/backfill.parquet, and no pyarrow.",
        good="pip install 'reconciler[parquet]'",
    ),
    _rows(
        "no-rows",
        "a source has a header and no rows",
        "A source that declares nothing is more likely an export that has failed than one that is meant.",
        bad=_HEADER,
        good=f"{_HEADER}A-S00000001,1\n",
    ),
    _situation(
        "not-parquet",
        "a source is no whole Parquet file",
        "It is something else, was cut off, or is damaged; what pyarrow says of it stands in the message.",
        bad="parquet: data/backfill.csv",
        good="parquet: data/backfill.parquet",
    ),
    _rows(
        "open-quote",
        "a quote that opens a cell is never closed",
        "Everything behind such a quote would be one cell, to the end of the file.",
        bad=f'{_HEADER}"A-S00000001,1\nA-S00000002,1\n',
        good=f"{_HEADER}A-S00000001,1\nA-S00000002,1\n",
    ),
    _situation(
        "record-too-long",
        "a row has more than 256 KiB, or a cell more than 131,072 characters",
        "No row is that long. Most likely a quote is left open, so that rows run into one another.",
        bad="A row of a hundred thousand cells.",
        good="A row with a cell for each column of the header.",
    ),
    _situation(
        "source-twice",
        "a file is named by two sources",
        "All its rows would be declared twice. Names that differ in case only, or are links to one file, count as one, "
        "because on some systems they are.",
        bad="csv: data/a.csv in one spec file, csv: data/A.csv in another.",
        good="csv: data/a.csv in one spec file, csv: data/b.csv in another.",
    ),
    _situation(
        "too-many-faults",
        "a file has so many faults that the rest is not read",
        "A thousand faults of one file most likely have one cause: a column shifted, the wrong type, the same export "
        "named before.",
        bad="A million rows whose versions are empty.",
        good="The same rows with versions.",
    ),
    _situation(
        "too-many-rows",
        "a Parquet file has more than 10,000,000 rows",
        "Rows that are the same take next to nothing in the file, and as much memory as any others when they are read. "
        "That many calls would take weeks, so most likely the export went wrong.",
        bad="parquet: data/backfill.parquet, whose few kilobytes are a hundred million rows.",
        good="parquet: data/backfill.parquet, with a row for each target.",
    ),
    _situation(
        "too-many-values",
        "a YAML file holds too many values",
        "Of YAML every value is held with its place until the file is understood: about half a gigabyte for half a "
        "million declarations. Rows of a source are read a block at a time.",
        bad="A spec file with two million declarations.",
        good="A CSV file with two million rows, named in sources.",
    ),
    Explanation(
        code="unknown-type",
        title="there is no such type",
        text="All rows of a source are of one type: Subscription, OrderLineItem or DynamicUsageCharge.",
        bad=f"{_SPEC}sources:\n  - {{csv: a.csv, type: subscriptions}}\n",
        good=_GOOD_SPEC,
    ),
    Explanation(
        code="unreadable-source",
        title="a source cannot be read",
        text="It is missing, no regular file, larger than 1 GiB, not readable for the user who runs this, or a link "
        "that leads out of the spec folder.",
        bad=f"{_SPEC}sources:\n  - {{csv: nowhere.csv, type: Subscription}}\n",
        good=_GOOD_SPEC,
    ),
    _rows(
        "wrong-cell-count",
        "a row has more or fewer cells than the header",
        "Which cell belongs to which column is then a guess. A cell may be empty; a value with a separator in it "
        "stands between double quotes.",
        bad=f"{_HEADER}A-S00000001\n",
        good=f"{_HEADER}A-S00000001,1\n",
    ),
    _situation(
        "wrong-column-type",
        "a column of Parquet is of another type",
        "Keys, trigger, reason and owner are text, so that 007 stays 007; a version is a whole number, "
        "a flag a boolean.",
        bad="itemNumber stored as int64.",
        good="itemNumber stored as string.",
    ),
    _rows(
        "wrong-separator",
        "the header is separated by something else",
        "csv: is separated by commas and tsv: by tabs. Spreadsheets take the separator from the language settings.",
        bad="subscriptionName;subscriptionVersion\nA-S00000001;1\n",
        good=f"{_HEADER}A-S00000001,1\n",
    ),
)
