from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.objects import SPECIAL_OBJECTS
from reconciler.emulator.patterns import EXAMPLE_ID, EXAMPLE_KEY, PATTERNS, id_of, is_pattern_key, key_of
from reconciler.emulator.targets import NaturalKey, ObjectId


@st.composite
def pattern_keys(draw: st.DrawFn) -> NaturalKey:
    kind = draw(st.sampled_from(sorted(PATTERNS)))
    number = draw(st.integers(1, 9_999_999))
    part = draw(st.sampled_from(PATTERNS[kind].parts))
    return NaturalKey(type=kind, number=f"{PATTERNS[kind].number_prefix}{number:08d}", part=part)


@given(pattern_keys())
def test_an_id_leads_back_to_its_object(key: NaturalKey) -> None:
    assert is_pattern_key(key)
    assert key_of(ObjectId(type=key.type, value=id_of(key))) == key


@given(pattern_keys(), pattern_keys())
def test_different_objects_have_different_ids(one: NaturalKey, other: NaturalKey) -> None:
    assert (id_of(one) == id_of(other)) == (one == other)


@given(st.text("0123456789abcdef", min_size=16, max_size=16))
def test_an_id_that_is_found_is_the_id_of_what_is_found(tail: str) -> None:
    named = ObjectId(type="Subscription", value=f"8ad0877b7d0e9a5e{tail}")
    key = key_of(named)

    assert key is None or id_of(key) == named.value


def test_the_id_of_our_examples_names_one_version() -> None:
    assert key_of(EXAMPLE_ID) == EXAMPLE_KEY
    assert id_of(EXAMPLE_KEY) == EXAMPLE_ID.value


def test_no_special_object_hides_one_of_a_pattern() -> None:
    assert not any(is_pattern_key(special.key) for special in SPECIAL_OBJECTS)
