"""A source in whichever format it is."""

from typing import BinaryIO, assert_never

from reconciler.core.table import Table
from reconciler.formats.delimited import DelimitedReader
from reconciler.formats.json_lines import JsonLinesReader
from reconciler.formats.parquet import ParquetReader
from reconciler.formats.sources import Source, SourceFormat
from reconciler.formats.yaml_reader import Reading


def read_source(file: BinaryIO, source: Source, reading: Reading) -> Table:
    """Return what the rows of *file* declare, in their order; faults are added to *reading*.

    A row with a fault is left out, so the list is complete only if nothing was reported.
    """
    match source.format:
        case SourceFormat.CSV:
            return DelimitedReader(file, source, reading, ",").read()
        case SourceFormat.TSV:
            return DelimitedReader(file, source, reading, "\t").read()
        case SourceFormat.JSON_LINES:
            return JsonLinesReader(file, source, reading).read()
        case SourceFormat.PARQUET:
            return ParquetReader(file, source, reading).read()
        case _:
            assert_never(source.format)
