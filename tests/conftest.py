"""What holds for every test: a clean environment, no way out but loopback, bounded and repeatable properties."""

import ipaddress
import os
import socket

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True)
settings.register_profile("deep", max_examples=5_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("mutation", max_examples=25, deadline=None, derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

_LEAKY = ("PROXY", "RECONCILER_", "ZUORA_", "SSL_CERT_", "NO_COLOR", "FORCE_COLOR", "GIT_")


@pytest.fixture(scope="session")
def cache_home(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, cache_home: str) -> None:
    """A developer's own settings reach no test, and no test a developer's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", cache_home)
    for name in list(os.environ):
        if any(part in name.upper() for part in _LEAKY):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection to anywhere else fails the test that makes it."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and isinstance(address, tuple):
            assert ipaddress.ip_address(address[0]).is_loopback, f"a test connects to {address[0]}"
        connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)
