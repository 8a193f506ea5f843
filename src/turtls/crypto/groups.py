"""Key exchange: (EC)DHE and the hybrids with ML-KEM, behind one door.

A client makes a share with `generate` and later calls its `agree`; a server answers the client's share with
`respond`. The shapes of shares and secrets: RFC 8446, sections 4.2.8.1, 4.2.8.2 and 7.4; RFC 7919; and
draft-ietf-tls-ecdhe-mlkem for the hybrids.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol

from cryptography.hazmat.primitives.asymmetric import ec, mlkem, x448, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.utils import CryptographyDeprecationWarning

from turtls.errors import Fault, ProtocolError
from turtls.wire.registries import NamedGroup

with warnings.catch_warnings():
    # Each access to these names warns that they may go one day; the groups of RFC 7919 have no other home.
    warnings.simplefilter("ignore", CryptographyDeprecationWarning)
    from cryptography.hazmat.primitives.asymmetric.dh import DHParameterNumbers as DHParameterNumbers
    from cryptography.hazmat.primitives.asymmetric.dh import DHPublicNumbers as DHPublicNumbers

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.dh import DHParameters, DHPrivateKey


class PrivateShare(Protocol):
    """This side's half of a key exchange, for one use."""

    @property
    def group(self) -> NamedGroup:
        """The group it belongs to."""
        ...

    @property
    def public(self) -> bytes:
        """What the peer is sent: the `key_exchange` of a KeyShareEntry."""
        ...

    def agree(self, untrusted_public: bytes) -> bytes:
        """The shared secret with the server whose `key_exchange` this is.

        Raises ProtocolError (Fault.BAD_KEY_SHARE) unless it is a valid public value of the group.
        """
        ...


def generate(group: NamedGroup) -> PrivateShare:
    """A client's fresh share. KeyError if the group is not in SUPPORTED."""
    return _EXCHANGES[group].generate()


def generate_many(groups: Iterable[NamedGroup]) -> list[PrivateShare]:
    """A client's fresh shares for one ClientHello, in the order of `groups`.

    Where a hybrid stands beside its own classical group, both use one key (draft-ietf-tls-hybrid-design,
    section 3.2): the server picks one of them, so the key still serves one exchange.
    """
    made: dict[NamedGroup, PrivateShare] = {}
    shares: list[PrivateShare] = []
    for group in groups:
        exchange = _EXCHANGES[group]
        if isinstance(exchange, _Hybrid):
            classical = exchange.classical.group
            made[classical] = made.get(classical) or exchange.classical.generate()
            shares.append(exchange.generate(made[classical]))
        else:
            made[group] = made.get(group) or exchange.generate()
            shares.append(made[group])
    return shares


def respond(group: NamedGroup, untrusted_public: bytes) -> tuple[bytes, bytes]:
    """A server's answer to a client's share: (its own public value, the shared secret).

    Raises ProtocolError (Fault.BAD_KEY_SHARE) unless the client's share is a valid public value of the group.
    KeyError if the group is not in SUPPORTED.
    """
    return _EXCHANGES[group].respond(untrusted_public)


def from_private_bytes(group: NamedGroup, private: bytes) -> PrivateShare:
    """The share of a known private key, to replay a trace: its raw bytes (X25519, X448) or the big-endian scalar."""
    exchange = _EXCHANGES[group]
    if isinstance(exchange, _Montgomery):
        return _DiffieHellmanShare(exchange, exchange.private_class.from_private_bytes(private))
    if isinstance(exchange, _Weierstrass):
        return _DiffieHellmanShare(exchange, ec.derive_private_key(int.from_bytes(private), exchange.curve))
    raise ValueError(f"{group} shares are not made from private bytes")


def _bad_share(group: NamedGroup, why: str) -> ProtocolError:
    return ProtocolError(Fault.BAD_KEY_SHARE, f"{group}: {why}")


class _DiffieHellmanShare:
    """A private key of a group in which both sides do the same."""

    __slots__ = ("_exchange", "_private", "public")

    def __init__(self, exchange: _DiffieHellman, private: Any) -> None:
        self._exchange = exchange
        self._private = private
        self.public = exchange.public_bytes(private)

    @property
    def group(self) -> NamedGroup:
        return self._exchange.group

    def agree(self, untrusted_public: bytes) -> bytes:
        return self._exchange.agree(self._private, untrusted_public)


class _DiffieHellman(ABC):
    """What the groups have in common in which both sides do the same."""

    group: NamedGroup

    @abstractmethod
    def new_key(self) -> Any:
        """A fresh private key, as `cryptography` has it."""

    @abstractmethod
    def public_bytes(self, private: Any) -> bytes:
        """The public value of a private key."""

    @abstractmethod
    def agree(self, private: Any, untrusted_public: bytes) -> bytes:
        """The shared secret. Raises ProtocolError (Fault.BAD_KEY_SHARE)."""

    def generate(self) -> _DiffieHellmanShare:
        return _DiffieHellmanShare(self, self.new_key())

    def respond(self, untrusted_public: bytes) -> tuple[bytes, bytes]:
        private = self.new_key()
        secret = self.agree(private, untrusted_public)
        return self.public_bytes(private), secret


class _Montgomery(_DiffieHellman):
    """X25519 and X448 (RFC 7748)."""

    def __init__(self, group: NamedGroup, private_class: Any, public_class: Any, length: int) -> None:
        self.group = group
        self.private_class = private_class
        self.public_class = public_class
        self.public_length = length

    def new_key(self) -> Any:
        return self.private_class.generate()

    def public_bytes(self, private: Any) -> bytes:
        public: bytes = private.public_key().public_bytes_raw()
        return public

    def agree(self, private: Any, untrusted_public: bytes) -> bytes:
        if len(untrusted_public) != self.public_length:
            raise _bad_share(self.group, f"{len(untrusted_public)} bytes, not {self.public_length}")
        try:
            secret: bytes = private.exchange(self.public_class.from_public_bytes(untrusted_public))
        except ValueError:
            # RFC 8446, section 7.4.2: an all-zero result means a point of small order.
            raise _bad_share(self.group, "a point of small order") from None
        return secret


class _Weierstrass(_DiffieHellman):
    """The NIST curves, points uncompressed (RFC 8446, section 4.2.8.2)."""

    _ECDH: ClassVar = ec.ECDH()

    def __init__(self, group: NamedGroup, curve: ec.EllipticCurve) -> None:
        self.group = group
        self.curve = curve
        self.public_length = 1 + 2 * ((curve.key_size + 7) // 8)

    def new_key(self) -> ec.EllipticCurvePrivateKey:
        return ec.generate_private_key(self.curve)

    def public_bytes(self, private: ec.EllipticCurvePrivateKey) -> bytes:
        return private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    def agree(self, private: ec.EllipticCurvePrivateKey, untrusted_public: bytes) -> bytes:
        if len(untrusted_public) != self.public_length or untrusted_public[0] != 4:
            raise _bad_share(self.group, f"not an uncompressed point of {self.public_length} bytes")
        try:
            public = ec.EllipticCurvePublicKey.from_encoded_point(self.curve, untrusted_public)
        except ValueError:
            raise _bad_share(self.group, "not a point of the curve") from None
        return private.exchange(self._ECDH, public)


class _FiniteField(_DiffieHellman):
    """The finite fields of RFC 7919; public values and secrets are padded to the length of p (RFC 8446, 7.4.1)."""

    def __init__(self, group: NamedGroup, bits: int, offset: int) -> None:
        self.group = group
        self.bits = bits
        self.offset = offset
        self.public_length = bits // 8

    def new_key(self) -> DHPrivateKey:
        return _parameters(self.bits, self.offset).generate_private_key()

    def public_bytes(self, private: DHPrivateKey) -> bytes:
        return private.public_key().public_numbers().y.to_bytes(self.public_length)

    def agree(self, private: DHPrivateKey, untrusted_public: bytes) -> bytes:
        if len(untrusted_public) != self.public_length:
            raise _bad_share(self.group, f"{len(untrusted_public)} bytes, not {self.public_length}")
        untrusted_y = int.from_bytes(untrusted_public)
        numbers = _parameters(self.bits, self.offset).parameter_numbers()
        if not 1 < untrusted_y < numbers.p - 1:
            raise _bad_share(self.group, "not between 1 and p-1")
        return private.exchange(DHPublicNumbers(untrusted_y, numbers).public_key())


def ffdhe_parameters(group: NamedGroup) -> DHParameters:
    """The parameters of a group of RFC 7919. KeyError if it is none that is supported."""
    exchange = _EXCHANGES[group]
    if not isinstance(exchange, _FiniteField):
        raise KeyError(group)
    return _parameters(exchange.bits, exchange.offset)


@cache
def _parameters(bits: int, offset: int) -> DHParameters:
    p = ffdhe_prime(bits, offset)
    return DHParameterNumbers(p, 2, (p - 1) // 2).parameters()


def ffdhe_prime(bits: int, offset: int) -> int:
    """RFC 7919, appendix A: 2^bits - 2^(bits-64) + (floor(2^(bits-130) e) + offset) 2^64 - 1."""
    precision = bits - 130 + 64  # 64 guard bits keep the series' rounding out of the integer part
    term = euler = 1 << precision
    n = 1
    while term:
        term //= n
        euler += term
        n += 1
    return (1 << bits) - (1 << bits - 64) + ((euler >> 64) + offset << 64) - 1


class _KemShare:
    """A client's half of a KEM: a decapsulation key."""

    __slots__ = ("_decapsulation_key", "_exchange", "public")

    def __init__(self, exchange: _Kem) -> None:
        self._exchange = exchange
        self._decapsulation_key = exchange.private_class.generate()
        self.public: bytes = self._decapsulation_key.public_key().public_bytes_raw()

    @property
    def group(self) -> NamedGroup:
        return self._exchange.group

    def agree(self, untrusted_public: bytes) -> bytes:
        exchange = self._exchange
        if len(untrusted_public) != exchange.ciphertext_length:
            raise _bad_share(exchange.group, f"{len(untrusted_public)} bytes, not {exchange.ciphertext_length}")
        secret: bytes = self._decapsulation_key.decapsulate(untrusted_public)
        return secret


class _Kem:
    """ML-KEM by itself (draft-ietf-tls-mlkem): for those whose rules want it so, as CNSA 2.0 does."""

    def __init__(
        self,
        group: NamedGroup,
        private_class: Any,
        public_class: Any,
        *,
        encapsulation_key_length: int,
        ciphertext_length: int,
    ) -> None:
        self.group = group
        self.private_class = private_class
        self.public_class = public_class
        self.encapsulation_key_length = encapsulation_key_length
        self.ciphertext_length = ciphertext_length

    def generate(self) -> _KemShare:
        return _KemShare(self)

    def respond(self, untrusted_public: bytes) -> tuple[bytes, bytes]:
        if len(untrusted_public) != self.encapsulation_key_length:
            raise _bad_share(self.group, f"{len(untrusted_public)} bytes, not {self.encapsulation_key_length}")
        try:
            encapsulation_key = self.public_class.from_public_bytes(untrusted_public)
        except ValueError:
            # FIPS 203, section 7.2: a coefficient that is not reduced.
            raise _bad_share(self.group, "not an ML-KEM encapsulation key") from None
        secret, ciphertext = encapsulation_key.encapsulate()
        return ciphertext, secret


class _HybridShare:
    """A client's half of a hybrid: a classical share and an ML-KEM decapsulation key."""

    __slots__ = ("_classical", "_decapsulation_key", "_exchange", "public")

    def __init__(self, exchange: _Hybrid, classical: PrivateShare) -> None:
        self._exchange = exchange
        self._classical = classical
        self._decapsulation_key = exchange.kem_private.generate()
        self.public = exchange.join(classical.public, self._decapsulation_key.public_key().public_bytes_raw())

    @property
    def group(self) -> NamedGroup:
        return self._exchange.group

    def agree(self, untrusted_public: bytes) -> bytes:
        exchange = self._exchange
        untrusted_classical, untrusted_ciphertext = exchange.split(untrusted_public, exchange.ciphertext_length)
        classical_secret = self._classical.agree(untrusted_classical)
        return exchange.join(classical_secret, self._decapsulation_key.decapsulate(untrusted_ciphertext))


class _Hybrid:
    """An elliptic curve and ML-KEM side by side: secret as long as either holds."""

    def __init__(
        self,
        group: NamedGroup,
        classical: _Montgomery | _Weierstrass,
        kem_private: Any,
        kem_public: Any,
        *,
        encapsulation_key_length: int,
        ciphertext_length: int,
        kem_first: bool = False,
    ) -> None:
        self.group = group
        self.classical = classical
        self.kem_private = kem_private
        self.kem_public = kem_public
        self.encapsulation_key_length = encapsulation_key_length
        self.ciphertext_length = ciphertext_length
        self.kem_first = kem_first

    def join(self, classical: bytes, kem: bytes) -> bytes:
        return kem + classical if self.kem_first else classical + kem

    def split(self, untrusted_public: bytes, kem_length: int) -> tuple[bytes, bytes]:
        """The classical and the ML-KEM part of a share."""
        expected = self.classical.public_length + kem_length
        if len(untrusted_public) != expected:
            raise _bad_share(self.group, f"{len(untrusted_public)} bytes, not {expected}")
        if self.kem_first:
            return untrusted_public[kem_length:], untrusted_public[:kem_length]
        return untrusted_public[:-kem_length], untrusted_public[-kem_length:]

    def generate(self, classical: PrivateShare | None = None) -> _HybridShare:
        return _HybridShare(self, classical or self.classical.generate())

    def respond(self, untrusted_public: bytes) -> tuple[bytes, bytes]:
        untrusted_classical, untrusted_key = self.split(untrusted_public, self.encapsulation_key_length)
        try:
            encapsulation_key = self.kem_public.from_public_bytes(untrusted_key)
        except ValueError:
            # FIPS 203, section 7.2: a coefficient that is not reduced.
            raise _bad_share(self.group, "not an ML-KEM encapsulation key") from None
        classical_public, classical_secret = self.classical.respond(untrusted_classical)
        kem_secret, ciphertext = encapsulation_key.encapsulate()
        return self.join(classical_public, ciphertext), self.join(classical_secret, kem_secret)


_X25519: Final = _Montgomery(NamedGroup.x25519, x25519.X25519PrivateKey, x25519.X25519PublicKey, 32)
_X448: Final = _Montgomery(NamedGroup.x448, x448.X448PrivateKey, x448.X448PublicKey, 56)
_P256: Final = _Weierstrass(NamedGroup.secp256r1, ec.SECP256R1())
_P384: Final = _Weierstrass(NamedGroup.secp384r1, ec.SECP384R1())
_P521: Final = _Weierstrass(NamedGroup.secp521r1, ec.SECP521R1())

_EXCHANGES: Final[dict[NamedGroup, _DiffieHellman | _Hybrid | _Kem]] = {
    exchange.group: exchange
    for exchange in (
        _X25519,
        _X448,
        _P256,
        _P384,
        _P521,
        _FiniteField(NamedGroup.ffdhe2048, 2048, 560316),
        _FiniteField(NamedGroup.ffdhe3072, 3072, 2625351),
        _FiniteField(NamedGroup.ffdhe4096, 4096, 5736041),
        _Kem(
            NamedGroup.MLKEM1024,
            mlkem.MLKEM1024PrivateKey,
            mlkem.MLKEM1024PublicKey,
            encapsulation_key_length=1568,
            ciphertext_length=1568,
        ),
        _Hybrid(
            NamedGroup.X25519MLKEM768,
            _X25519,
            mlkem.MLKEM768PrivateKey,
            mlkem.MLKEM768PublicKey,
            encapsulation_key_length=1184,
            ciphertext_length=1088,
            kem_first=True,
        ),
        _Hybrid(
            NamedGroup.SecP256r1MLKEM768,
            _P256,
            mlkem.MLKEM768PrivateKey,
            mlkem.MLKEM768PublicKey,
            encapsulation_key_length=1184,
            ciphertext_length=1088,
        ),
        _Hybrid(
            NamedGroup.SecP384r1MLKEM1024,
            _P384,
            mlkem.MLKEM1024PrivateKey,
            mlkem.MLKEM1024PublicKey,
            encapsulation_key_length=1568,
            ciphertext_length=1568,
        ),
    )
}

SUPPORTED: Final[frozenset[NamedGroup]] = frozenset(_EXCHANGES)

POST_QUANTUM: Final[frozenset[NamedGroup]] = frozenset(
    group for group, exchange in _EXCHANGES.items() if isinstance(exchange, _Hybrid | _Kem)
)
"""Those that a future quantum computer does not open: ML-KEM, and its hybrids."""
