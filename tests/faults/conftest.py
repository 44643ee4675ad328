"""One installation for all fault tests: each hurts it, sees it recover, and leaves it whole."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.house import House


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder an ordinary user can reach, as PostgreSQL needs when the tests run as root."""
    path = Path(tempfile.mkdtemp(prefix="hearthline-faults-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="hearthline-house-"))
    folder.chmod(0o755)
    installation = House(folder)
    try:
        installation.start()
        yield installation
    finally:
        installation.stop()
        shutil.rmtree(folder, ignore_errors=True)
