"""Plan and apply for regenerating Zuora booking transactions."""

__version__ = "0.1.0"
