"""What each answer of the platform tells about the effect of a call, alone and after what went before under its key."""

from dataclasses import replace

import pytest

from reconciler.core.outcome import (
    FRESH,
    Again,
    Answer,
    Cause,
    Done,
    Doubt,
    Fault,
    FaultKind,
    History,
    Knowledge,
    Reason,
    Refusal,
    category_of,
    know,
)

IDS = ("2c98",)
DOUBTFUL = History(doubtful=True)


def business(
    status: int = 400,
    code: str = "53100020",
    *,
    success: bool | None = False,
    id_list: tuple[str, ...] | None = None,
    retry_after: float | None = None,
    request_id: str | None = None,
) -> Answer:
    return Answer(
        status=status,
        is_business=True,
        success=success,
        reasons=(Reason(code, "why"),),
        id_list=id_list,
        retry_after=retry_after,
        request_id=request_id,
    )


def gateway(status: int) -> Answer:
    return Answer(status=status, is_business=False)


def kind(known: Knowledge) -> object:
    """The cause of an Again, else the class: what a row of the table promises."""
    return known.cause if isinstance(known, Again) else type(known)


SUCCESS = Answer(status=200, is_business=True, success=True, id_list=IDS)
LOCK = business(409, "58730050")
INTERNAL = business(500, "58730060")
NOT_FOUND = business(404, "53100040")
FINAL = ("10", "20", "21", "22", "23", "27", "30", "40", "45", "90")

TABLE: dict[str, tuple[Answer | Fault, object]] = {
    "success with ids": (SUCCESS, Done),
    "success, empty list": (replace(SUCCESS, id_list=()), Done),
    "success, no list": (replace(SUCCESS, id_list=None), Done),
    "success at another status": (replace(SUCCESS, status=202), Doubt),
    "neither success nor failure": (replace(SUCCESS, success=None), Doubt),
    "ids without success": (replace(SUCCESS, success=None, reasons=()), Doubt),
    **{f"category {each} is final": (business(400, f"531000{each}"), Refusal) for each in FINAL},
    "final in HTTP 200": (business(200, "53100040"), Refusal),
    "final in HTTP 500": (business(500, "53100040"), Refusal),
    "final without a success field": (business(404, "53100040", success=None), Refusal),
    "category 11 in HTTP 200": (business(200, "90000011"), Refusal),
    "category 11 in HTTP 403": (business(403, "90000011"), Refusal),
    "lock": (LOCK, Cause.PASSING),
    "temporary": (business(500, "58730061"), Cause.PASSING),
    "lock, in words": (business(200, "LOCK_COMPETITION"), Cause.PASSING),
    "temporary, in words": (business(200, "TEMPORARY_ERROR"), Cause.PASSING),
    "concurrency limit": (business(429, "58730070"), Cause.LIMIT),
    "concurrency limit in HTTP 200": (business(200, "58730070"), Cause.LIMIT),
    "limit, in words": (business(200, "REQUEST_EXCEEDED_LIMIT"), Cause.LIMIT),
    "rate, in words": (business(200, "REQUEST_EXCEEDED_RATE"), Cause.LIMIT),
    "429 with a reason of another kind": (business(429, "53100020"), Cause.LIMIT),
    "internal error": (INTERNAL, Doubt),
    "integration error": (business(500, "58730099"), Doubt),
    "SystemError": (business(500, "SystemError", success=None), Doubt),
    "a category that nobody knows": (business(400, "58730012"), Doubt),
    "a code of other digits than ASCII": (business(400, "531000\u096a\u0966"), Doubt),
    "a code too short for a category": (business(400, "40"), Doubt),
    "a word that nobody knows": (business(400, "SOMETHING"), Doubt),
    "failure without a reason": (Answer(status=400, is_business=True, success=False), Doubt),
    "failure with ids": (business(200, "53100040", id_list=IDS), Doubt),
    "failure with an empty list": (business(200, "53100040", id_list=()), Refusal),
    "a key used for something else": (business(422, "53100020"), Doubt),
    "no token": (business(401, "90000011"), Cause.TOKEN),
    "gateway 401": (gateway(401), Cause.TOKEN),
    "gateway 429": (gateway(429), Cause.LIMIT),
    **{f"gateway {status}": (gateway(status), Cause.BARRED) for status in (300, 302, 400, 403, 404, 413)},
    "gateway 422": (gateway(422), Doubt),
    **{f"gateway {status}": (gateway(status), Doubt) for status in (200, 204, 409, 500, 502, 503, 504)},
    "never sent": (Fault(FaultKind.NOT_SENT, "refused"), Cause.NOT_SENT),
    "sent and lost": (Fault(FaultKind.LOST, "reset"), Doubt),
}
BY_NAME = pytest.mark.parametrize(("answer", "told"), TABLE.values(), ids=TABLE.keys())


@BY_NAME
def test_a_first_answer_tells(answer: Answer | Fault, told: object) -> None:
    assert kind(know(answer)) == told


@BY_NAME
def test_an_earlier_doubt_changes_nothing_in_what_a_single_answer_tells(answer: Answer | Fault, told: object) -> None:
    """Except that missing rights settle nothing then: the platform may ask for them before it looks at the key."""
    is_of_rights = isinstance(answer, Answer) and any(each.code[-2:] in ("10", "11") for each in answer.reasons)
    assert kind(know(answer, DOUBTFUL)) == (Cause.BARRED if is_of_rights and told is Refusal else told)


WORDS = {
    "never sent": ("NotSent", "refused"),
    "sent and lost": ("NoAnswer", "reset"),
    "gateway 401": ("HTTP401", "HTTP 401 without an answer of the platform's kind"),
    "gateway 403": ("HTTP403", "HTTP 403 without an answer of the platform's kind"),
    "gateway 409": ("HTTP409", "a request with the same key is in progress (HTTP 409)"),
    "gateway 422": ("HTTP422", "the key was used for another request (HTTP 422)"),
    "gateway 502": ("HTTP502", "HTTP 502 without an answer of the platform's kind"),
    "no token": ("90000011", "why"),
    "429 with a reason of another kind": ("53100020", "why"),
    "a key used for something else": ("53100020", "the key was used for another request: why"),
    "category 40 is final": ("53100040", "why"),
    "category 11 in HTTP 403": ("90000011", "why"),
    "lock": ("58730050", "why"),
    "internal error": ("58730060", "why"),
    "failure with ids": ("53100040", "why (and ids came with it)"),
    "failure without a reason": ("HTTP400", "HTTP 400 without a reason"),
}


@pytest.mark.parametrize("name", WORDS)
def test_what_is_not_done_is_told_with_its_code_and_in_words(name: str) -> None:
    known = know(TABLE[name][0])

    assert isinstance(known, Again | Doubt | Refusal)
    assert (known.code, known.message) == WORDS[name]


def told_in_turn(answer: Answer | Fault, *, times: int, history: History = FRESH) -> list[Knowledge]:
    """What the same answer tells each time that it comes, under one key."""
    found = []
    for _ in range(times):
        known = know(answer, history)
        history = history.after(answer, known)
        found.append(known)
    return found


NAMED = {"with a request id": "r-1", "without": None}
SERVER = [INTERNAL, business(500, "SystemError"), business(200, "53100040", id_list=IDS)]


@pytest.mark.parametrize("code", ["58730050", "58730061", "LOCK_COMPETITION"])
def test_a_passing_failure_shown_again_under_its_request_id_is_saved_and_settles_the_call(code: str) -> None:
    first, second, _ = told_in_turn(business(409, code, request_id="r-1"), times=3)

    assert kind(first) is Cause.PASSING
    assert second == Refusal(code=code, message="why", passing=True)


def test_a_passing_failure_without_request_ids_is_taken_for_saved_the_third_time() -> None:
    told = told_in_turn(replace(LOCK, status=200), times=3)

    assert [kind(known) for known in told] == [Cause.PASSING, Cause.PASSING, Refusal]


def test_a_conflict_without_request_ids_may_be_a_request_in_progress_and_is_never_taken_for_saved() -> None:
    assert {kind(known) for known in told_in_turn(LOCK, times=10)} == {Cause.PASSING}


def test_a_passing_failure_under_ever_new_request_ids_is_never_taken_for_saved() -> None:
    history = FRESH
    for number in range(10):
        answer = replace(LOCK, request_id=f"r-{number}")
        known = know(answer, history)
        history = history.after(answer, known)

        assert kind(known) is Cause.PASSING


@pytest.mark.parametrize("request_id", NAMED.values(), ids=NAMED)
def test_a_passing_failure_never_settles_a_key_with_a_send_in_doubt(request_id: str | None) -> None:
    told = told_in_turn(replace(LOCK, request_id=request_id), times=5, history=DOUBTFUL)

    assert {kind(known) for known in told} == {Cause.PASSING}


def test_a_lost_answer_keeps_a_lock_that_follows_from_settling_the_call() -> None:
    lost = Fault(FaultKind.LOST, "reset")
    history = FRESH.after(lost, know(lost))
    told = told_in_turn(replace(LOCK, request_id="r-1"), times=3, history=history)

    assert {kind(known) for known in told} == {Cause.PASSING}


def test_a_final_refusal_settles_a_key_with_a_send_in_doubt() -> None:
    assert know(NOT_FOUND, DOUBTFUL) == Refusal(code="53100040", message="why")


@pytest.mark.parametrize("answer", SERVER)
def test_a_server_error_shown_again_under_its_request_id_has_spent_the_key(answer: Answer) -> None:
    told = told_in_turn(replace(answer, request_id="r-1"), times=3)

    assert [isinstance(known, Doubt) and known.spent for known in told] == [False, True, True]


@pytest.mark.parametrize("answer", SERVER)
def test_a_server_error_without_request_ids_has_spent_the_key_the_third_time(answer: Answer) -> None:
    told = told_in_turn(answer, times=3)

    assert [isinstance(known, Doubt) and known.spent for known in told] == [False, False, True]


def test_only_a_server_error_without_ids_is_one_that_a_project_may_have_called_again() -> None:
    again = History(doubtful=True, saved="r-0")
    told = {
        "server error": know(replace(INTERNAL, request_id="r-0"), again),
        "ids came with it": know(replace(INTERNAL, request_id="r-0", id_list=("2c98",)), again),
        "the key was used for something else": know(replace(INTERNAL, request_id="r-0", status=422), again),
        "not shown to be saved": know(replace(INTERNAL, request_id="r-1"), again),
    }

    assert {name: each.saved_error for name, each in told.items() if isinstance(each, Doubt)} == {
        "server error": True,
        "ids came with it": False,
        "the key was used for something else": False,
        "not shown to be saved": False,
    }


def test_an_answer_of_an_earlier_run_is_known_for_saved_by_its_request_id() -> None:
    earlier = History(doubtful=True, saved="r-0")

    spent = Doubt(code="58730060", message="why", spent=True, saved_error=True)
    assert know(replace(INTERNAL, request_id="r-0"), earlier) == spent
    assert know(replace(INTERNAL, request_id="r-1"), earlier) == Doubt(code="58730060", message="why")


def test_a_missing_request_id_is_not_the_same_as_a_missing_one_of_an_earlier_run() -> None:
    assert know(INTERNAL, History(doubtful=True, saved=None)) == Doubt(code="58730060", message="why")


def test_another_reason_in_between_begins_the_count_anew() -> None:
    history, lock = FRESH, replace(LOCK, status=200)
    for answer in (lock, lock, business(200, "58730061"), lock, lock):
        known = know(answer, history)
        history = history.after(answer, known)

        assert kind(known) is Cause.PASSING
    assert kind(know(lock, history)) is Refusal


@pytest.mark.parametrize("answer", [gateway(502), gateway(409), INTERNAL, Fault(FaultKind.LOST, "reset")])
def test_a_doubt_makes_the_history_doubtful_for_good(answer: Answer | Fault) -> None:
    history = FRESH.after(answer, know(answer))

    assert history.doubtful
    assert history.after(LOCK, know(LOCK, history)).doubtful


@pytest.mark.parametrize("answer", [LOCK, gateway(429), gateway(401), Fault(FaultKind.NOT_SENT, "refused")])
def test_what_had_no_effect_leaves_the_history_without_doubt(answer: Answer | Fault) -> None:
    assert not FRESH.after(answer, know(answer)).doubtful


@pytest.mark.parametrize("seconds", [0.0, 30.0, -5.0, float("inf"), 1e300])
@pytest.mark.parametrize(
    "answer", [gateway(429), gateway(503), gateway(401), LOCK, INTERNAL, business(429, "58730070"), business(429)]
)
def test_what_the_platform_asks_to_wait_is_passed_on_as_it_is(answer: Answer, seconds: float) -> None:
    known = know(replace(answer, retry_after=seconds))

    assert isinstance(known, Again | Doubt)
    assert known.wait == seconds


@pytest.mark.parametrize(
    ("codes", "told"),
    [
        (("53100040", "58730060"), Doubt),
        (("58730050", "58730060"), Doubt),
        (("53100040", "58730050"), Cause.PASSING),
        (("58730070", "58730050"), Cause.PASSING),
        (("53100040", "58730070"), Cause.LIMIT),
        (("53100040", "53100020"), Refusal),
        (("53100040", "58730012"), Doubt),
        (("53100040", "SOMETHING"), Doubt),
    ],
)
def test_the_most_doubtful_of_several_reasons_decides_in_any_order(codes: tuple[str, ...], told: object) -> None:
    for order in (codes, tuple(reversed(codes))):
        reasons = tuple(Reason(code, "why") for code in order)
        answer = Answer(status=400, is_business=True, success=False, reasons=reasons)

        assert kind(know(answer)) == told


NO_IDS = {
    "no usable list": (None, "the platform reported success without a usable list of ids"),
    "an empty list": ((), "the platform generated no booking transactions for this target"),
}


@pytest.mark.parametrize(("ids", "warning"), NO_IDS.values(), ids=NO_IDS)
def test_success_without_ids_is_done_with_a_warning(ids: tuple[str, ...] | None, warning: str) -> None:
    assert know(replace(SUCCESS, id_list=ids)) == Done(id_list=(), warning=warning)


def test_success_with_ids_is_done_with_these_ids_and_no_warning() -> None:
    assert know(SUCCESS) == Done(id_list=IDS)


def test_done_is_believed_whatever_went_before() -> None:
    history = FRESH
    for answer in (Fault(FaultKind.LOST, "reset"), INTERNAL, LOCK, gateway(401)):
        history = history.after(answer, know(answer, history))

    assert know(SUCCESS, history) == Done(id_list=IDS)


def test_only_a_mismatch_spends_a_key_at_once() -> None:
    spent = {name for name, (answer, _) in TABLE.items() if getattr(know(answer), "spent", False)}

    assert spent == {"a key used for something else", "gateway 422"}


def test_all_reasons_are_told_and_the_code_is_the_first() -> None:
    reasons = (Reason("53100040", "no such subscription"), Reason("53100020", "bad version"))
    known = know(Answer(status=404, is_business=True, success=False, reasons=reasons))

    assert known == Refusal(code="53100040", message="no such subscription; bad version")


def test_missing_rights_are_told_as_they_are_also_when_they_settle_no_doubt() -> None:
    assert know(business(403, "90000011"), DOUBTFUL) == Again(code="90000011", message="why", cause=Cause.BARRED)


def test_a_limit_and_a_lock_in_one_answer_are_passing_also_with_status_429() -> None:
    reasons = (Reason("58730070", "too many"), Reason("58730050", "locked"))
    first, second = told_in_turn(replace(business(429, request_id="r-1"), reasons=reasons), times=2)

    assert kind(first) is Cause.PASSING
    assert second == Refusal(code="58730070", message="too many; locked", passing=True)


@pytest.mark.parametrize("status", [200, 429])
def test_a_limit_that_is_shown_to_be_saved_under_the_key_is_followed_by_a_new_call(status: int) -> None:
    saved = replace(business(status, "58730070"), request_id="r-1")
    first, second = told_in_turn(saved, times=2)

    assert kind(first) is Cause.LIMIT
    assert isinstance(second, Refusal)
    assert second.passing


def test_success_with_reasons_is_done_and_the_reasons_are_told() -> None:
    partial = Answer(
        status=200, is_business=True, success=True, id_list=("a",), reasons=(Reason("53100050", "one segment skipped"),)
    )
    told = "the platform reported success and yet: one segment skipped"

    assert know(partial) == Done(id_list=("a",), warning=told)
    assert know(replace(partial, id_list=())) == Done(id_list=(), warning=f"{told}; {NO_IDS['an empty list'][1]}")


@pytest.mark.parametrize(("code", "category"), [("53100040", "40"), ("5310004", None), ("SOMETHING", None)])
def test_the_last_two_of_eight_digits_are_the_category(code: str, category: str | None) -> None:
    assert category_of(code) == category
