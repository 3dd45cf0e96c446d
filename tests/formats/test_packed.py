"""What the cache keeps is bound to who has read it."""

import hashlib
from pathlib import Path

import reconciler
from reconciler.formats.packed import READER

READERS = (
    *("core/address.py", "core/declaration.py", "core/digest.py", "core/table.py", "core/target.py"),
    *("formats/common.py", "formats/declarations.py", "formats/fields.py", "formats/packed.py"),
    *("formats/plain_line.py", "formats/plain_lists.py", "formats/spec.py", "formats/state_lines.py"),
    "formats/yaml_reader.py",
)
"""What decides what a file means, and what of it is kept."""

SEEN = ("4", "eab14ff0ee217cf3")


def test_a_reader_that_has_changed_has_another_number() -> None:
    """Whoever changes one of `READERS` asks whether a file may mean something else now, or be refused.

    If so the number in READER grows; in any case what is seen here is written down anew.
    """
    folder = Path(reconciler.__file__).parent
    content = b"".join((folder / path).read_bytes() for path in READERS)

    assert (READER.partition("-")[2].partition("-")[0], hashlib.sha256(content).hexdigest()[:16]) == SEEN
