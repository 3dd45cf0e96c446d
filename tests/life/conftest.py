"""A story is told in order: no chapter passes after one that has failed or was left out."""

from collections.abc import Generator

import pytest

TOLD = pytest.StashKey[list[str]]()


def _chapters(item: pytest.Item) -> list[str]:
    """The names of all chapters of the module of *item*, in the order in which they are written."""
    module = item.getparent(pytest.Module)
    assert module is not None
    return [name for name in vars(module.obj) if name.startswith("test_")]


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    if "story" not in getattr(item, "fixturenames", ()):
        return
    module = item.getparent(pytest.Module)
    assert module is not None
    chapters, told = _chapters(item), module.stash.get(TOLD, [])
    missing = [name for name in chapters[: chapters.index(item.name)] if name not in told]
    if missing:
        pytest.fail(f"the story was not told up to here: {missing[0]} has failed or was left out", pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    module = item.getparent(pytest.Module)
    if module is not None and report.when == "call" and report.passed:
        module.stash.setdefault(TOLD, []).append(item.name)
    return report
