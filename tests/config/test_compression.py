from __future__ import annotations

import sys
import zlib
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turtls.config import Brotli, CertificateCompression, ConfigError, Zlib
from turtls.config.compression import available

each = pytest.mark.parametrize("compression", available(), ids=lambda compression: compression.algorithm.name)


@each
@given(data=st.binary(max_size=20_000))
def test_what_is_compressed_comes_back(compression: CertificateCompression, data: bytes) -> None:
    assert compression.decompress(compression.compress(data), len(data)) == data


@each
@pytest.mark.parametrize("length", [0, 99, 101, 2**24])
def test_another_length_than_was_said(compression: CertificateCompression, length: int) -> None:
    with pytest.raises(ValueError, match=f"not the {length} bytes"):
        compression.decompress(compression.compress(bytes(100)), length)


@each
def test_what_is_cut_short_or_goes_on(compression: CertificateCompression) -> None:
    whole = compression.compress(bytes(range(100)))
    for wrong in (whole[:-1], whole + b"\0", b""):
        with pytest.raises(ValueError, match=r"."):
            compression.decompress(wrong, 100)


@each
@given(noise=st.binary(max_size=200), length=st.integers(0, 1000))
def test_noise(compression: CertificateCompression, noise: bytes, length: int) -> None:
    try:
        assert len(compression.decompress(noise, length)) == length
    except ValueError:
        pass


@each
def test_a_bomb_is_not_unfolded(compression: CertificateCompression) -> None:
    """8 MiB in some bytes or kilobytes: no more is made than was said, and a block."""
    import tracemalloc

    bomb = compression.compress(bytes(8 * 2**20))
    tracemalloc.start()
    with pytest.raises(ValueError, match="not the 100000 bytes"):
        compression.decompress(bomb, 100_000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2**20


def test_zlib_is_the_format_of_rfc_1950() -> None:
    assert zlib.decompress(Zlib().compress(b"certificate")) == b"certificate"


def test_those_that_are_equal_share_what_they_have_compressed() -> None:
    assert available() == available()
    assert list(map(hash, available())) == list(map(hash, available()))


def test_brotli_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    with pytest.raises(ConfigError, match=r"pip install turtls\[compression\]"):
        Brotli()
    assert available() == (Zlib(),)


def test_a_brotli_that_cannot_be_stopped_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    old = ModuleType("brotli")
    old.__dict__["__version__"] = "1.1.0"
    monkeypatch.setitem(sys.modules, "brotli", old)
    with pytest.raises(ConfigError, match=r"1\.2 or newer"):
        Brotli()
    assert available() == (Zlib(),)


def test_brotli_is_the_best_there_is() -> None:
    pytest.importorskip("brotli", reason="turtls[compression] is not installed")
    assert available() == (Brotli(), Zlib())
