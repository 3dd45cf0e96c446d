"""Digest and key: what they cover, and that they never change by accident."""

from dataclasses import replace

import pytest
from builders import A, B, charge, declare, subscription, subscription_id
from hypothesis import given
from strategies import declarations, targets

from reconciler.core.declaration import Declaration
from reconciler.core.diagnostics import Place
from reconciler.core.diff import changed_fields
from reconciler.core.digest import digest, digest_of
from reconciler.core.key import KeyScope, idempotency_key, track_id
from reconciler.core.target import Target

SCOPE = KeyScope(project="p", environment="e", tenant="1", entity="x", epoch=0)
FORBIDDEN_IN_TRACK_ID = set(":;\"'")


def key(
    scope: KeyScope = SCOPE, *, target: Target | None = None, declaration: Declaration | None = None, call: int = 0
) -> str:
    declared = declaration or declare(target)
    return idempotency_key(
        scope, address=declared.address, target=declared.target, digest=digest_of(declared), call=call
    )


def test_scheme_d1_is_frozen() -> None:
    """These stand in state documents: if this test fails, an upgrade would send everything again."""
    assert digest(subscription(), A, None) == "d1:898a56c0c6cbb377a9ebef8882f561e54d0851da5473a37120377682daf17782"
    assert digest(charge("Zürich"), B, "t") == "d1:c52021af690411bced98194113dd61e3deec5b785efaa747e95e41ac1af03f62"


def test_scheme_k1_is_frozen() -> None:
    """These are what the platform has saved answers under."""
    assert key() == "k1-a1da5ee7ea63a50547eb84bc751fce7db648796ba16d7f27699b11aa35706b9a"


@given(declarations(), declarations())
def test_digests_are_equal_exactly_when_no_field_differs(first: Declaration, second: Declaration) -> None:
    differs = changed_fields((first.flags, first.trigger), (second.flags, second.trigger)) != ()

    assert (digest_of(first) != digest_of(second)) == (differs or first.target != second.target)


@given(targets(), targets())
def test_another_target_has_another_digest(first: Target, second: Target) -> None:
    assert (digest(first, A, None) == digest(second, A, None)) == (first == second)


def test_what_is_for_people_is_outside_the_digest() -> None:
    declared = declare()
    told = replace(declared, reason="r", owner="o", place=Place("elsewhere.yaml", 9, 9))

    assert digest_of(told) == digest_of(declared)


SCOPES = {
    "project": replace(SCOPE, project="q"),
    "environment": replace(SCOPE, environment="f"),
    "tenant": replace(SCOPE, tenant="2"),
    "entity": replace(SCOPE, entity=None),
    "epoch": replace(SCOPE, epoch=1),
    "refresh": replace(SCOPE, refreshed_at="2026-11-01"),
}


@pytest.mark.parametrize("name", SCOPES)
def test_a_key_is_bound_to_its(name: str) -> None:
    assert key(SCOPES[name]) != key()


def test_a_key_is_bound_to_target_flags_trigger_and_call_number() -> None:
    keys = {
        key(),
        key(target=subscription_id()),
        key(declaration=declare(flags=B)),
        key(declaration=declare(trigger="t")),
        key(call=1),
    }
    assert len(keys) == 5


def test_a_key_is_the_same_wherever_it_is_computed_and_short_enough() -> None:
    assert key() == key()
    assert len(key()) <= 255


def test_a_track_id_keeps_the_rules_of_the_platform() -> None:
    track = track_id("20261122T100000Z-9f86d081", key())

    assert len(track) <= 64
    assert track.isascii()
    assert track.isprintable()
    assert not FORBIDDEN_IN_TRACK_ID & set(track)
