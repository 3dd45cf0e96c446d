"""What each answer of the platform tells about the effect of a call."""

import pytest

from reconciler.core.outcome import (
    Answer,
    Done,
    Doubt,
    Fault,
    FaultKind,
    Nothing,
    Reason,
    Refusal,
    know,
)

IDS = ("2c98",)


def business(status: int = 400, code: str = "53100020", *, success: bool | None = False, **more: object) -> Answer:
    return Answer(status=status, is_business=True, success=success, reasons=(Reason(code, "why"),), **more)  # type: ignore[arg-type]


def gateway(status: int) -> Answer:
    return Answer(status=status, is_business=False)


TABLE: dict[str, tuple[Answer | Fault, type]] = {
    "success with ids": (Answer(status=200, is_business=True, success=True, id_list=IDS), Done),
    "success, empty list": (Answer(status=200, is_business=True, success=True, id_list=()), Done),
    "success, no list": (Answer(status=200, is_business=True, success=True), Done),
    "success at another status": (Answer(status=202, is_business=True, success=True, id_list=IDS), Doubt),
    "neither success nor failure": (Answer(status=200, is_business=True), Doubt),
    **{
        f"category {c} is final": (business(400, f"531000{c}"), Refusal)
        for c in (10, 20, 21, 22, 23, 27, 30, 40, 45, 90)
    },
    "final in HTTP 200": (business(200, "53100040"), Refusal),
    "final without a success field": (business(404, "53100040", success=None), Refusal),
    "bad credentials in HTTP 200": (business(200, "90000011"), Nothing),
    "lock": (business(409, "58730050"), Refusal),
    "temporary": (business(500, "58730061"), Refusal),
    "lock, in words": (business(200, "LOCK_COMPETITION"), Refusal),
    "concurrency limit": (business(429, "58730070"), Nothing),
    "concurrency limit in HTTP 200": (business(200, "58730070"), Nothing),
    "limit, in words": (business(200, "REQUEST_EXCEEDED_LIMIT"), Nothing),
    "internal error": (business(500, "58730060"), Doubt),
    "integration error": (business(500, "58730099"), Doubt),
    "SystemError": (business(500, "SystemError", success=None), Doubt),
    "a code that nobody knows": (business(400, "58730012"), Doubt),
    "a word that nobody knows": (business(400, "SOMETHING"), Doubt),
    "failure with ids": (business(200, "53100040", id_list=IDS), Doubt),
    "a key used for something else": (business(422, "53100020"), Doubt),
    "no token": (business(401, "90000011"), Nothing),
    **{f"gateway {status}": (gateway(status), Nothing) for status in (302, 400, 401, 403, 404, 429)},
    **{f"gateway {status}": (gateway(status), Doubt) for status in (200, 204, 409, 500, 502, 503, 504)},
    "never sent": (Fault(FaultKind.NOT_SENT, "refused"), Nothing),
    "sent and lost": (Fault(FaultKind.LOST, "reset"), Doubt),
}


@pytest.mark.parametrize(("answer", "knowledge"), TABLE.values(), ids=TABLE.keys())
def test_an_answer_tells(answer: Answer | Fault, knowledge: type) -> None:
    assert type(know(answer, unanswered=False)) is knowledge


@pytest.mark.parametrize("code", ["58730050", "58730061"])
def test_a_passing_failure_does_not_settle_a_key_that_has_an_unanswered_send(code: str) -> None:
    assert type(know(business(409, code), unanswered=True)) is Doubt


def test_a_final_refusal_settles_a_key_that_has_an_unanswered_send() -> None:
    assert type(know(business(404, "53100040"), unanswered=True)) is Refusal


def test_the_most_doubtful_of_several_reasons_decides() -> None:
    reasons = (Reason("53100040", "not found"), Reason("58730060", "internal"))
    answer = Answer(status=400, is_business=True, success=False, reasons=reasons)

    assert type(know(answer, unanswered=False)) is Doubt


@pytest.mark.parametrize("ids", [None, ()])
def test_success_without_ids_is_done_with_a_warning(ids: tuple[str, ...] | None) -> None:
    known = know(Answer(status=200, is_business=True, success=True, id_list=ids), unanswered=False)

    assert isinstance(known, Done)
    assert known.id_list == ()
    assert known.warning


def test_only_a_mismatch_spends_a_key_at_once() -> None:
    spent = {name for name, (answer, _) in TABLE.items() if getattr(know(answer, unanswered=False), "spent", False)}

    assert spent == {"a key used for something else"}


def test_only_refused_credentials_count_as_authentication() -> None:
    told = {n for n, (a, _) in TABLE.items() if getattr(know(a, unanswered=False), "authentication", False)}

    assert told == {"bad credentials in HTTP 200", "no token", "gateway 401", "gateway 403"}
