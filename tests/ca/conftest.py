from __future__ import annotations

from pathlib import Path

import pytest

from turtls.ca import Authority


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A new authority in a folder of its own."""
    return Authority.init(tmp_path / "ca")
