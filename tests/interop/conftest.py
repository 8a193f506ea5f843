"""The peers of the tests, and what they said when one fails."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.interop.pki import PKI
from tests.interop.stage import Stage

_HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder talks to peers."""
    for item in items:
        if _HERE in item.path.parents:
            item.add_marker(pytest.mark.interop)


@pytest.fixture(scope="session")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(tmp_path_factory.mktemp("peers")))  # pytest tidies up there
        stage = Stage(PKI(tmp_path_factory.mktemp("pki")))
        yield stage
        stage.close()


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    """Where a test meets its peers."""
    _stage.logs.clear()
    return _stage


@pytest.fixture(scope="session")
def pki(_stage: Stage) -> PKI:
    """The certificates of the tests."""
    return _stage.pki


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the peers said."""
    report = yield
    stage = getattr(item, "funcargs", {}).get("stage")
    if report.failed and isinstance(stage, Stage):
        report.sections += [("The peer said", peer.log) for peer in stage.logs]
    return report
