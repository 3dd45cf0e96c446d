"""The state and its high-water mark: written after it, read before it."""

from reconciler.core.mark import Mark
from reconciler.formats.mark import mark_of_written, read_mark, write_mark
from reconciler.ports import MarkStore, StateStore, Stored, Version


class MarkedStore:
    """A store of which the last write here is marked. The mark is written when the state is, so it is never ahead."""

    def __init__(self, store: StateStore, marks: MarkStore) -> None:
        self._store = store
        self._marks = marks

    @property
    def name(self) -> str:
        return self._store.name

    @property
    def mark(self) -> Mark | None:
        return read_mark(self._marks.read())

    def read(self) -> Stored | None:
        return self._store.read()

    def write(self, content: bytes, *, expected: Version | None) -> Version:
        version = self._store.write(content, expected=expected)
        self._marks.write(write_mark(mark_of_written(content)))
        return version
