"""What is used of a tenant's limits, and what is left to everybody else."""

FREE_SHARE = 0.2
"""What is left to everybody else unless the project file says otherwise: 32 of 40 are used."""


def cap_of(limit: int, leave_free: float = FREE_SHARE) -> int:
    """Return what of *limit* may be used, at least 1. The share is decimal: 10 less 0.9 are 1, not 0.9999."""
    return max(1, int(round(limit * (1 - leave_free), 6)))
