from __future__ import annotations

import os
from pathlib import Path

import pytest

from turtls.ca.files import PRIVATE, PUBLIC, write_file


def test_a_file_is_replaced_whole_with_the_mode_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"old and longer")
    path.chmod(0o777)
    write_file(path, b"new", PRIVATE)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == PRIVATE
    write_file(path, b"public", PUBLIC)
    assert path.stat().st_mode & 0o777 == PUBLIC


def test_a_failure_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> None:
        raise OSError("no space left")

    path = tmp_path / "key.pem"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no space left"):
        write_file(path, b"new", PRIVATE)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
