"""A declaration is one target with its flags and trigger, as a spec declares it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from reconciler.core.address import Address
from reconciler.core.diagnostics import Place
from reconciler.core.target import Target


class Flags(Enum):
    """The three legal pairs of ``onlyReSend`` and ``reMigrate``; the fourth cannot be written down.

    Source: developer.zuora.com, operation POST_RegenerateBookingTransaction, query parameters.
    """

    REWRITE = (False, False)
    REWRITE_AND_RECOLLECT = (False, True)
    RESEND = (True, False)

    @property
    def only_re_send(self) -> bool:
        return self.value[0]

    @property
    def re_migrate(self) -> bool:
        return self.value[1]

    @property
    def as_sent(self) -> dict[str, bool]:
        """The two query parameters, both always present."""
        return {"onlyReSend": self.only_re_send, "reMigrate": self.re_migrate}

    @property
    def meaning(self) -> str:
        """What the pair does, in words."""
        return _MEANING[self]


_MEANING: Mapping[Flags, str] = {
    Flags.REWRITE: "overrides the stored booking transactions; regenerate_flag N: Revenue does not collect again",
    Flags.REWRITE_AND_RECOLLECT: "overrides the stored booking transactions; regenerate_flag Y: Revenue collects again",
    Flags.RESEND: "keeps the stored booking transactions, sends them again; regenerate_flag Y: Revenue collects again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """*reason*, *owner* and *place* are for people: they are outside the digest."""

    address: Address
    target: Target
    flags: Flags
    trigger: str | None
    place: Place
    reason: str | None = None
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Spec:
    """All declarations of one environment, by address, in the order of addresses."""

    declarations: Mapping[Address, Declaration]
