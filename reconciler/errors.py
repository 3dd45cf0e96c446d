"""Every error that a person may see, split by what can be done next.

    ReconcilerError                    exit
    ├── UsageError                        1   the command line asks for something that cannot be
    ├── PlatformError                     1   the platform's answer is not one that Zuora gives: wrong address
    ├── IllegalPlan                       1   our own planner broke a rule: a defect, found before anything is sent
    ├── UnfaithfulLayout                  1   fmt would change what a file means: a defect, found before it is written
    ├── StorageError                      1   a file could not be written or read: disk, rights
    ├── InvalidInput                      3   spec, project or state; carries diagnostics (core/diagnostics.py)
    ├── Locked                            4   another run is at work on this environment
    ├── StaleError                        5   the state moved while we worked, or is not the last one
    │   └── StalePlan                     5   it moved before anything was sent: planning again is enough
    │       └── TamperedPlan              5   a saved plan is not what was written
    ├── NeedsDecision                     7   a person must find something out before anything may be sent
    ├── Unreachable                       6   nothing was sent; the same command may be tried again
    ├── AuthenticationError               8   credentials refused
    │   └── WrongTenant                   8   credentials of another tenant or entity
    ├── GuardrailError                    9   a rule of the project refuses
    ├── OutOfTime                         6   the deadline came before anything was sent
    └── Interrupted                     130   stopped before anything was sent
        └── Terminated                  143   likewise, by SIGTERM

Each has a fixed summary (so that people recognise it), a detail in whole sentences and often a hint.
Anything else that escapes is a defect of ours.
"""


class ReconcilerError(Exception):
    """An error to tell a person. *summary* names no names; *detail* says what, where and why; *hint* what next."""

    exit_status = 1

    def __init__(self, summary: str, detail: str = "", *, hint: str = "") -> None:
        super().__init__(summary, detail, hint)
        self.summary = summary
        self.detail = detail
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(part for part in (self.summary, self.detail, self.hint) if part)


class UsageError(ReconcilerError):
    """The command line cannot be carried out as it stands."""


class PlatformError(ReconcilerError):
    """Whatever answers at the base URL does not speak the platform's language."""


class IllegalPlan(ReconcilerError):
    """A plan breaks a rule of its own making: a defect of ours, found before anything was sent."""


class StorageError(ReconcilerError):
    """The operating system refused to read or write a file."""


class Interrupted(ReconcilerError):
    """Somebody has stopped the command before it began to send."""

    exit_status = 130


class Terminated(Interrupted):
    """Likewise, by SIGTERM."""

    exit_status = 143


class OutOfTime(ReconcilerError):
    """The deadline came before the command began to send."""

    exit_status = 6


class NeedsDecision(ReconcilerError):
    """Something may have been sent that nobody knows of; only a person can find out."""

    exit_status = 7


class StaleError(ReconcilerError):
    """The state was changed by somebody else while this command worked, or it is not the last one."""

    exit_status = 5


class StalePlan(StaleError):
    """The state has changed since the plan was made. Nothing was sent."""


class TamperedPlan(StalePlan):
    """A saved plan is not the document that was written, be it by one byte."""


class UnfaithfulLayout(ReconcilerError):
    """A file laid out anew would not mean the same: a defect of ours, found before anything was written."""


class Locked(ReconcilerError):
    """Another run holds the lock of this environment."""

    exit_status = 4


class Unreachable(ReconcilerError):
    """The platform could not be reached; nothing was sent. *wait* is what it asks for, in seconds."""

    exit_status = 6

    def __init__(self, summary: str, detail: str = "", *, hint: str = "", wait: float | None = None) -> None:
        super().__init__(summary, detail, hint=hint)
        self.wait = wait


class AuthenticationError(ReconcilerError):
    """The platform refused the credentials, or there are none."""

    exit_status = 8


class WrongTenant(AuthenticationError):
    """The credentials belong to another tenant or entity than the project file or the state says."""


class GuardrailError(ReconcilerError):
    """A rule that protects an environment refuses."""

    exit_status = 9
