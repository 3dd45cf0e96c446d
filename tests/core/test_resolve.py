"""A person's word settles a doubt only when no key can."""

from datetime import timedelta

import pytest
from builders import NOW, A, applied, entry, lost, record

from reconciler.core.resolve import Resolution, resolve
from reconciler.core.state import Entry
from reconciler.errors import UsageError

OLD, YOUNG = timedelta(hours=25), timedelta(hours=24, minutes=59)


def resolved(known: Entry, resolution: Resolution) -> Entry:
    return resolve("address", known, resolution, reason="seen in Revenue", ids=("2c98",), now=NOW)


def test_done_is_recorded_with_ids_and_reason() -> None:
    found = resolved(entry(lost(record(0, A))), Resolution.DONE)

    assert found.in_doubt == ()
    assert found.applied is not None
    assert (found.applied.id_list, found.applied.resolution, found.next_call) == (("2c98",), "seen in Revenue", 1)


def test_not_done_lets_the_next_apply_make_a_new_call_once_the_key_is_forgotten() -> None:
    found = resolved(entry(lost(record(0, A, age=OLD))), Resolution.NOT_DONE)

    assert (found.in_doubt, found.applied, found.next_call) == ((), None, 1)
    assert found.refused is not None
    assert found.refused.resolution == "seen in Revenue"


def test_not_done_is_refused_while_the_platform_may_know_the_key() -> None:
    with pytest.raises(UsageError, match="until"):
        resolved(entry(lost(record(0, A, age=YOUNG))), Resolution.NOT_DONE)


@pytest.mark.parametrize("known", [Entry(), entry(applied(record(0)))])
def test_what_is_not_in_doubt_cannot_be_resolved(known: Entry) -> None:
    with pytest.raises(UsageError, match="no call in doubt"):
        resolved(known, Resolution.DONE)
