"""How fast a run goes: the recent past counts, and nothing is foretold before a whole wave has come back."""

import pytest

from reconciler.core.tempo import RECENT, Tempo


def looked(*samples: tuple[float, int], wave: int = 1) -> Tempo:
    tempo = Tempo()
    for at, ended in samples:
        tempo = tempo.after(at, ended, wave=wave)
    return tempo


NOBODY_KNOWS = {
    "before anything": looked(),
    "after one look": looked((0.0, 3)),
    "while nothing ends": looked((0.0, 3), (5.0, 3), (10.0, 3)),
}


@pytest.mark.parametrize("name", NOBODY_KNOWS)
def test_nothing_is_said_before_anything_has_ended(name: str) -> None:
    assert NOBODY_KNOWS[name].rate(20.0) is None
    assert NOBODY_KNOWS[name].left(20.0, 100, wave=1) is None


def test_the_rate_is_what_has_ended_over_the_time_it_took() -> None:
    tempo = looked((0.0, 5), (1.0, 15), (2.0, 25))

    assert tempo.rate(2.0) == 10
    assert tempo.left(2.0, 125, wave=1) == 10


def test_the_rate_sinks_while_nothing_ends() -> None:
    tempo = looked((0.0, 0), (1.0, 10), (9.0, 10))

    assert [tempo.rate(at) for at in (1.0, 2.0, 10.0)] == [10, 5, 1]


def test_a_slow_beginning_is_forgotten() -> None:
    slow = tuple((float(second), second) for second in range(61))
    fast = tuple((60.0 + second, 60 + 10 * second) for second in range(1, 61))

    assert looked(*slow, *fast).rate(120.0) == 10


def test_the_recent_past_is_never_shorter_than_one_wave() -> None:
    """Eight calls of 100 s at once, of which one always comes 40 s before the others."""
    waves = tuple(look for n in range(6) for look in ((100.0 * n, 8 * n + 1), (100.0 * n + 40, 8 * n + 8)))

    assert looked(*waves, wave=8).rate(540.0) == pytest.approx(0.08)


def test_nothing_is_foretold_before_a_whole_wave_has_ended() -> None:
    tempo = looked((0.0, 0), (100.0, 1), (101.0, 8), wave=8)

    assert looked((0.0, 0), (100.0, 1), wave=8).left(100.0, 80, wave=8) is None
    assert tempo.left(101.0, 80, wave=8) == pytest.approx(72 / 8 * 101)


def test_what_is_kept_does_not_grow_with_the_run() -> None:
    tempo = looked(*((number / 10, 100 * number) for number in range(5_000)), wave=32)

    assert len(tempo.samples) <= 10 * RECENT + 2
