"""A declaration is one target with its flags and trigger, as a spec declares it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum

from reconciler.core.address import Address, format_address, parse_address
from reconciler.core.diagnostics import Place
from reconciler.core.keymap import KeyMap
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
    """*reason*, *owner* and *place* are for people: they are outside the digest.

    *mapped* is the target as the tenant knows it, by the environment's key map; None where that is as written.
    """

    address: Address
    target: Target
    flags: Flags
    trigger: str | None
    place: Place
    reason: str | None = None
    owner: str | None = None
    mapped: Target | None = None

    @property
    def as_sent(self) -> Target:
        """The target that a request names."""
        return self.mapped or self.target

    @property
    def sent_as(self) -> Address | None:
        """The address of what a request names, where that is not the declaration's own."""
        return format_address(self.mapped) if self.mapped else None


@dataclass(frozen=True, slots=True)
class Spec:
    """All declarations of one environment, by address, in the order of addresses; *keys* is None without a key map."""

    declarations: Mapping[Address, Declaration]
    keys: KeyMap | None = None

    def sent_as(self, address: Address) -> Address | None:
        """Return under which address the tenant knows *address*, declared or not; None where that is as written."""
        return self.keys.sent_as(address) if self.keys is not None else None

    def declared(self, address: Address) -> Declaration:
        """Return the declaration of *address* with its target as it is sent. Raise KeyError if there is none."""
        found, sent = self.declarations[address], self.sent_as(address)
        return found if sent is None else replace(found, mapped=parse_address(sent))
