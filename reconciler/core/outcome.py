"""What one answer of the platform tells about the effect of a call.

Rule: a regeneration is Done only if the platform said so in so many words, Refused only if it said that nothing was
done; a send that never reached the platform's application tells Nothing; everything else is a Doubt, and a doubt is
never sent under a new key.

Sources: developer.zuora.com, guides on error codes, error handling and idempotent requests (as of 2026-09).
"""

from dataclasses import dataclass
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
    """

    status: int
    is_business: bool
    success: bool | None = None
    id_list: tuple[str, ...] | None = None
    reasons: tuple[Reason, ...] = ()
    process_id: str | None = None
    request_id: str | None = None


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
    """The platform has decided against it and done nothing; the call is settled."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nothing:
    """The send had no effect and tells nothing of earlier ones. *authentication*: because of the credentials."""

    code: str
    message: str
    authentication: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubt:
    """It may have happened. *spent*: sending the same key again cannot tell."""

    code: str
    message: str
    spent: bool = False


Knowledge: TypeAlias = Done | Refusal | Nothing | Doubt


class Kind(Enum):
    """What a code of the platform says of the effect."""

    FINAL = auto()
    TRANSIENT = auto()
    LIMIT = auto()
    CREDENTIALS = auto()
    SERVER = auto()


_CATEGORIES = {
    **dict.fromkeys((10, 20, 21, 22, 23, 27, 30, 40, 45, 90), Kind.FINAL),
    11: Kind.CREDENTIALS,
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

_MOST_DOUBTFUL_FIRST = (Kind.SERVER, Kind.TRANSIENT, Kind.CREDENTIALS, Kind.LIMIT, Kind.FINAL)


def kind_of(code: str) -> Kind:
    """Return the kind of an error code: the last two of its eight digits are the category. Unknown ones are SERVER."""
    category = category_of(code)
    return _CATEGORIES.get(int(category), Kind.SERVER) if category else _WORDS.get(code, Kind.SERVER)


def category_of(code: str) -> str | None:
    """Return the two digits that name the category, or None for a code that is a word."""
    return code[-2:] if len(code) == 8 and code.isascii() and code.isdecimal() else None


def know(answer: Answer | Fault, *, unanswered: bool) -> Knowledge:
    """Return what *answer* tells of its call. *unanswered*: an earlier send under the same key was never answered."""
    if isinstance(answer, Fault):
        text = answer.message
        return Nothing(code="NotSent", message=text) if answer.kind is FaultKind.NOT_SENT else _lost(text)
    if answer.is_business:
        return _know_business(answer, unanswered=unanswered)
    return _know_gateway(answer)


def _lost(message: str) -> Doubt:
    return Doubt(code="NoAnswer", message=message)


def _know_gateway(answer: Answer) -> Knowledge:
    """Something before the application has answered: with 4XX it let nothing through; 409 tells of a send under way."""
    code, message = f"HTTP{answer.status}", f"HTTP {answer.status} without an answer of the platform's kind"
    if answer.status == 409:
        return Doubt(code=code, message="a request with the same key is in progress (HTTP 409)")
    if 300 <= answer.status < 500:
        return Nothing(code=code, message=message, authentication=answer.status in (401, 403))
    return Doubt(code=code, message=message)


def _know_business(answer: Answer, *, unanswered: bool) -> Knowledge:
    if answer.success is True and answer.status == 200:
        return _done(answer)
    code, message = _told(answer)
    if answer.id_list:
        return Doubt(code=code, message=f"{message} (and ids came with it)")
    if answer.status in (401, 429):
        return Nothing(code=code, message=message, authentication=answer.status == 401)
    if answer.status == 422:
        return Doubt(code=code, message=f"the key was used for another request: {message}", spent=True)
    return _know_reasons(answer, code, message, unanswered=unanswered)


def _know_reasons(answer: Answer, code: str, message: str, *, unanswered: bool) -> Knowledge:
    kinds = {kind_of(reason.code) for reason in answer.reasons}
    worst = next((kind for kind in _MOST_DOUBTFUL_FIRST if kind in kinds), Kind.SERVER)
    match worst:
        case Kind.FINAL:
            return Refusal(code=code, message=message)
        case Kind.TRANSIENT if not unanswered:
            return Refusal(code=code, message=message)
        case Kind.CREDENTIALS:
            return Nothing(code=code, message=message, authentication=True)
        case Kind.LIMIT:
            return Nothing(code=code, message=message)
        case _:
            return Doubt(code=code, message=message)


def _done(answer: Answer) -> Done:
    if answer.id_list is None:
        return Done(id_list=(), warning="the platform reported success without a usable list of ids")
    warning = None if answer.id_list else "the platform generated no booking transactions for this target"
    return Done(id_list=answer.id_list, warning=warning)


def _told(answer: Answer) -> tuple[str, str]:
    if not answer.reasons:
        return f"HTTP{answer.status}", f"HTTP {answer.status} without a reason"
    first = answer.reasons[0]
    return first.code, "; ".join(reason.message for reason in answer.reasons)
