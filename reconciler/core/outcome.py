"""What is known of a call, from what was answered and from what went before under the same key.

Rule: knowledge belongs to the key, not to one answer. A regeneration is Done only if the platform said so in so many
words, Refused only if it said that nothing was done. What never reached the application tells nothing, neither of
itself nor of an earlier send (Again). Everything else is a Doubt, and a doubt is never sent under a new key.

    answer                                    tells     next
    200 and success literally true            Done      record it; reasons beside it are a warning
    final reason (categories 20-45, 90)       Refusal   record it; a new call has the next number
    passing reason (50, 61, 70)               Again     the same key; if the answer is shown to be saved under the key
                                                        and nothing is unanswered: Refusal, then the next number
    429 without such a reason                 Again     the same key, when the platform says so
    server error (60, 99, SystemError, other) Doubt     the same key; the saved answer again: spent
    success false with ids                    Doubt     likewise
    422                                       Doubt     spent: the key was used for something else
    401                                       Again     a new token, then the same key; twice: credentials
    category 10, and 11 at another status     Refusal   it is saved under the key like any business answer; after a
                                                        doubt Again, for rights may be asked for before saved answers
    403 and other 4XX without a reason        Again     credentials, or something in between: stop
    409 without a reason                      Doubt     the same key: a send of it is under way
    5XX or 200 without a reason               Doubt     the same key
    never sent                                Again     the same key
    sent and lost                             Doubt     the same key

Sources: developer.zuora.com, guides on error codes, error handling, rate limits and idempotent requests (2026-09).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Reason:
    """One entry of an error answer; *code* is text, whether the platform wrote a number or a string."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An HTTP answer, decoded. *success* is None where the body does not say; *id_list* None where it has no list.

    *is_business* is False for whatever is not one of the platform's JSON shapes: a gateway's page, an empty body.
    *retry_after* is in seconds and may be anything that a header can say. *traffic* is what the headers tell of the
    tenant's budget; like everything of an answer it may be a saved one, and as old as the key.
    """

    status: int
    is_business: bool
    success: bool | None = None
    id_list: tuple[str, ...] | None = None
    retry_after: float | None = None
    traffic: "Traffic | None" = None
    reasons: tuple[Reason, ...] = ()
    process_id: str | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traffic:
    """What the headers of one answer tell of the tenant's budget; None where they say nothing sensible.

    *limit* requests may be under way at once, *free* of them are not. In the present window *left* of *quota* requests
    are left, and it ends in *reset* seconds. *date* is the server's clock when the answer was made.
    """

    limit: int | None = None
    free: int | None = None
    quota: int | None = None
    left: int | None = None
    reset: float | None = None
    date: datetime | None = None


class FaultKind(StrEnum):
    NOT_SENT = "not sent"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Fault:
    """No answer. *kind* says whether the request may have reached the platform."""

    kind: FaultKind
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The regeneration has happened. *warning* is for people, when the answer has no usable list of ids."""

    id_list: tuple[str, ...]
    warning: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The platform has decided against it and done nothing; the call is settled. *passing*: a new call may succeed."""

    code: str
    message: str
    passing: bool = False


class Cause(Enum):
    """Why a send tells nothing, which decides whether and when another is worth it."""

    NOT_SENT = auto()
    LIMIT = auto()
    PASSING = auto()
    TOKEN = auto()
    BARRED = auto()
    """Credentials without the right, or something in between that lets nothing through."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The send had no effect and tells nothing of earlier ones. *wait* is what the platform asks for, in seconds."""

    code: str
    message: str
    cause: Cause
    wait: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """It may have happened. *spent*: sending the same key again cannot tell.

    *saved_error*: it is spent because the platform has saved a server error. An answer with ids is never one: they say
    that something was generated.
    """

    code: str
    message: str
    wait: float | None = None
    spent: bool = False
    saved_error: bool = False


Knowledge: TypeAlias = Done | Refusal | Again | Doubt


@dataclass(frozen=True, slots=True)
class History:
    """What went before under one key. *doubtful*: a send of it may have had an effect that nobody knows of.

    *saved* is the request id of an answer in an earlier run, *last* the last answer with a reason in this one, and
    *repeats* how often it has come again in a row.
    """

    doubtful: bool = False
    saved: str | None = None
    last: Answer | None = None
    repeats: int = 0

    def after(self, answer: Answer | Fault, knowledge: Knowledge) -> "History":
        """Return the history with one more send."""
        doubtful = self.doubtful or isinstance(knowledge, Doubt)
        if not isinstance(answer, Answer) or not answer.is_business:
            return replace(self, doubtful=doubtful)
        is_same = self.last is not None and _signature(self.last) == _signature(answer)
        return replace(self, doubtful=doubtful, last=answer, repeats=self.repeats + 1 if is_same else 0)

    def has_saved(self, answer: Answer) -> bool:
        """Whether *answer* is shown to be what the platform has saved: its request id comes again.

        Without request ids, the same reasons for the third time in a row, each after a full wait; but not at 409, where
        they may say again and again that a request with the same key is still in progress.
        """
        if answer.request_id is not None:
            return answer.request_id in (self.saved, self.last.request_id if self.last else None)
        if answer.status == 409:
            return False
        return self.last is not None and _signature(self.last) == _signature(answer) and self.repeats >= 1


def _signature(answer: Answer) -> tuple[str | None, int, tuple[Reason, ...]]:
    return answer.request_id, answer.status, answer.reasons


class Kind(Enum):
    """What a code of the platform says of the effect."""

    FINAL = auto()
    TRANSIENT = auto()
    LIMIT = auto()
    CREDENTIALS = auto()
    SERVER = auto()


_CATEGORIES = {
    **dict.fromkeys((20, 21, 22, 23, 27, 30, 40, 45, 90), Kind.FINAL),
    **dict.fromkeys((10, 11), Kind.CREDENTIALS),
    50: Kind.TRANSIENT,
    61: Kind.TRANSIENT,
    70: Kind.LIMIT,
    60: Kind.SERVER,
    99: Kind.SERVER,
}
_WORDS = {
    "LOCK_COMPETITION": Kind.TRANSIENT,
    "TEMPORARY_ERROR": Kind.TRANSIENT,
    "REQUEST_EXCEEDED_LIMIT": Kind.LIMIT,
    "REQUEST_EXCEEDED_RATE": Kind.LIMIT,
}
"""Codes of the older APIs, which appear in answers still."""

_CAUSES = {Kind.TRANSIENT: Cause.PASSING, Kind.LIMIT: Cause.LIMIT}
_MOST_DOUBTFUL_FIRST = (Kind.SERVER, Kind.TRANSIENT, Kind.CREDENTIALS, Kind.LIMIT, Kind.FINAL)


def kind_of(code: str) -> Kind:
    """Return the kind of an error code: the last two of its eight digits are the category. Unknown ones are SERVER."""
    category = category_of(code)
    return _CATEGORIES.get(int(category), Kind.SERVER) if category else _WORDS.get(code, Kind.SERVER)


def is_passing(code: str) -> bool:
    """Whether a refusal with *code* holds for the moment only: a new call may succeed."""
    return kind_of(code) in _CAUSES


def category_of(code: str) -> str | None:
    """Return the two digits that name the category, or None for a code that is a word."""
    return code[-2:] if len(code) == 8 and code.isascii() and code.isdecimal() else None


FRESH = History()


def know(answer: Answer | Fault, history: History = FRESH) -> Knowledge:
    """Return what *answer* tells of its call, after what *history* tells of earlier sends under the same key."""
    if isinstance(answer, Fault):
        if answer.kind is FaultKind.NOT_SENT:
            return Again(code="NotSent", message=answer.message, cause=Cause.NOT_SENT)
        return Doubt(code="NoAnswer", message=answer.message)
    if answer.is_business:
        return _know_business(answer, history)
    return _know_gateway(answer)


def _know_gateway(answer: Answer) -> Knowledge:
    code, message = f"HTTP{answer.status}", f"HTTP {answer.status} without an answer of the platform's kind"
    if answer.status == 422:
        return Doubt(code=code, message="the key was used for another request (HTTP 422)", spent=True)
    if answer.status == 409:
        message = "a request with the same key is in progress (HTTP 409)"
    elif 300 <= answer.status < 500:
        cause = {401: Cause.TOKEN, 429: Cause.LIMIT}.get(answer.status, Cause.BARRED)
        return Again(code=code, message=message, cause=cause, wait=answer.retry_after)
    return Doubt(code=code, message=message, wait=answer.retry_after)


def _know_business(answer: Answer, history: History) -> Knowledge:
    if answer.success is True and answer.status == 200:
        return _done(answer)
    code, message = _told(answer)
    if answer.id_list:
        message = f"{message} (and ids came with it)"
        return Doubt(code=code, message=message, spent=history.has_saved(answer))
    if answer.status == 401 or (answer.status == 429 and not _is_passing(answer)):
        cause = Cause.TOKEN if answer.status == 401 else Cause.LIMIT
        return Again(code=code, message=message, cause=cause, wait=answer.retry_after)
    if answer.status == 422:
        return Doubt(code=code, message=f"the key was used for another request: {message}", spent=True)
    return _know_reasons(answer, history, code, message)


def _is_passing(answer: Answer) -> bool:
    """Whether all reasons are passing ones: such an answer may be saved under the key, also one with status 429."""
    return bool(answer.reasons) and {kind_of(reason.code) for reason in answer.reasons} <= {Kind.TRANSIENT, Kind.LIMIT}


def _know_reasons(answer: Answer, history: History, code: str, message: str) -> Knowledge:
    kinds = {kind_of(reason.code) for reason in answer.reasons}
    worst = next((kind for kind in _MOST_DOUBTFUL_FIRST if kind in kinds), Kind.SERVER)
    match worst:
        case Kind.FINAL:
            return Refusal(code=code, message=message)
        case Kind.TRANSIENT | Kind.LIMIT if not history.doubtful and history.has_saved(answer):
            return Refusal(code=code, message=message, passing=True)
        case Kind.SERVER:
            saved = history.has_saved(answer)
            return Doubt(code=code, message=message, wait=answer.retry_after, spent=saved, saved_error=saved)
        case Kind.CREDENTIALS if history.doubtful:
            return Again(code=code, message=message, cause=Cause.BARRED)
        case Kind.CREDENTIALS:
            return Refusal(code=code, message=message)
        case _:
            return Again(code=code, message=message, cause=_CAUSES[worst], wait=answer.retry_after)


def _done(answer: Answer) -> Done:
    warnings = [f"the platform reported success and yet: {_told(answer)[1]}"] if answer.reasons else []
    if answer.id_list is None:
        warnings.append("the platform reported success without a usable list of ids")
    elif not answer.id_list:
        warnings.append("the platform generated no booking transactions for this target")
    return Done(id_list=answer.id_list or (), warning="; ".join(warnings) or None)


def _told(answer: Answer) -> tuple[str, str]:
    if not answer.reasons:
        return f"HTTP{answer.status}", f"HTTP {answer.status} without a reason"
    first = answer.reasons[0]
    return first.code, "; ".join(reason.message for reason in answer.reasons)
