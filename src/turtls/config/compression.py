"""How certificates may be compressed on their way (RFC 8879)."""

from __future__ import annotations

from typing import ClassVar, Protocol

from turtls.errors import ConfigError
from turtls.wire.registries import CertificateCompressionAlgorithm


class CertificateCompression(Protocol):
    """A way to compress. What one has compressed is kept for all that are equal to it."""

    def __hash__(self) -> int: ...

    @property
    def algorithm(self) -> CertificateCompressionAlgorithm:
        """What peers call it."""
        ...

    def compress(self, data: bytes) -> bytes:
        """`data` made small. It is done once for each certificate, so it may take its time."""
        ...

    def decompress(self, untrusted: bytes, length: int) -> bytes:
        """What `untrusted` stands for. Raises ValueError if that is not `length` bytes, before it makes many more."""
        ...


class _WithoutState:
    """One is equal to all others of its class."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self)

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class Zlib(_WithoutState):
    """Always there."""

    __slots__ = ()
    algorithm: ClassVar = CertificateCompressionAlgorithm.zlib

    def compress(self, data: bytes) -> bytes:
        """A zlib stream (RFC 1950)."""
        import zlib

        return zlib.compress(data, level=9)

    def decompress(self, untrusted: bytes, length: int) -> bytes:
        """Raises ValueError."""
        import zlib

        decompressor = zlib.decompressobj()
        try:
            data = decompressor.decompress(untrusted, length + 1)
        except zlib.error as error:
            raise ValueError(str(error)) from None
        return _checked(data, length, ended=decompressor.eof and not decompressor.unused_data)


class Brotli(_WithoutState):
    """What Chromium knows (RFC 7932). It needs the package `brotli`: `pip install turtls[compression]`."""

    __slots__ = ()
    algorithm: ClassVar = CertificateCompressionAlgorithm.brotli

    def __init__(self) -> None:
        try:
            import brotli
        except ImportError:
            raise ConfigError("Brotli needs the package brotli: pip install turtls[compression].") from None
        if tuple(map(int, brotli.__version__.split(".")[:2])) < (1, 2):
            raise ConfigError("Brotli needs the package brotli 1.2 or newer, which stops where it is told to.")

    def compress(self, data: bytes) -> bytes:
        """A Brotli stream (RFC 7932)."""
        import brotli

        compressed: bytes = brotli.compress(data)
        return compressed

    def decompress(self, untrusted: bytes, length: int) -> bytes:
        """Raises ValueError."""
        import brotli

        decompressor = brotli.Decompressor()
        try:
            data = decompressor.process(untrusted, output_buffer_limit=length + 1)
        except brotli.error as error:
            raise ValueError(str(error)) from None
        return _checked(data, length, ended=decompressor.is_finished())


def available() -> tuple[CertificateCompression, ...]:
    """All that there are here, best first."""
    try:
        return Brotli(), Zlib()
    except ConfigError:
        return (Zlib(),)


def _checked(data: bytes, length: int, *, ended: bool) -> bytes:
    if len(data) != length or not ended:
        raise ValueError(f"it is not the {length} bytes it is said to be")
    return data
