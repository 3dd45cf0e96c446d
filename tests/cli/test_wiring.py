"""What the process finds around it."""

import pytest

from reconciler.cli.wiring import SystemClock, job_address

GITHUB = {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "acme/specs", "GITHUB_RUN_ID": "42"}


@pytest.mark.parametrize(
    ("variables", "address"),
    [
        ({"CI_JOB_URL": "https://gitlab.example/j/1"}, "https://gitlab.example/j/1"),
        (GITHUB, "https://github.com/acme/specs/actions/runs/42"),
        ({"BUILD_URL": "http://jenkins/job/1/"}, "http://jenkins/job/1/"),
        ({"GITHUB_RUN_ID": "42"}, None),
        ({"BUILD_URL": ""}, None),
        ({"BUILD_URL": "a text"}, None),
        ({}, None),
    ],
)
def test_a_job_of_ci_is_told_by_its_address(variables: dict[str, str], address: str | None) -> None:
    assert job_address(variables) == address


def test_time_never_goes_back() -> None:
    clock = SystemClock()
    times = [clock.monotonic() for _ in range(1000)]

    assert times == sorted(times)
