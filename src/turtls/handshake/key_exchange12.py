"""The key exchanges of TLS 1.2 and earlier, each with a client's and a server's half.

A half reads and writes the contents of ServerKeyExchange and ClientKeyExchange, and ends with the premaster secret
(RFC 5246, section 8.1). PSK is not an exchange beside the others but around one of them (RFC 4279): it puts its
identity before the other's content, and its key behind the other's secret.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from turtls.config import Environment, PreSharedKey, SrpLogin
from turtls.crypto import dhe, srp
from turtls.crypto.groups import PrivateShare
from turtls.crypto.keys import PublicKey
from turtls.crypto.rsa_transport import PREMASTER_LENGTH, encrypt_premaster
from turtls.errors import Fault, ProtocolError
from turtls.wire.codec import decode, decode_prefix
from turtls.wire.messages12 import (
    ClientDhPublic,
    ClientEcdhPublic,
    ClientSrpPublic,
    EncryptedPremasterSecret,
    PskIdentity12,
    PskIdentityHint,
    PskPremasterSecret,
    ServerDhParams,
    ServerEcdhParams,
    ServerSrpParams,
)
from turtls.wire.registries import EcCurveType, NamedGroup, ProtocolVersion

P = TypeVar("P")


class ClientHalf(Protocol):
    """A client's half of a key exchange."""

    @property
    def group(self) -> NamedGroup | None:
        """The group it is in, once that is known; None if there is none."""
        ...

    def read_params(self, content: bytes) -> int:
        """Take in the parameters a ServerKeyExchange starts with; gives their length in bytes."""
        ...

    def answer(self) -> tuple[bytes, bytes]:
        """The content of ClientKeyExchange, and the premaster secret."""
        ...


class ServerHalf(Protocol):
    """A server's half of a key exchange."""

    @property
    def group(self) -> NamedGroup | None:
        """The group it is in; None if there is none."""
        ...

    def params(self) -> bytes:
        """The parameters for ServerKeyExchange; empty where that message is not sent."""
        ...

    async def finish(self, content: bytes) -> bytes:
        """The premaster secret, from the content of ClientKeyExchange."""
        ...


# ------------------------------------------------------------------------------------------- elliptic curves


CURVES12: Final = (
    NamedGroup.x25519,
    NamedGroup.secp256r1,
    NamedGroup.secp384r1,
    NamedGroup.secp521r1,
    NamedGroup.x448,
)
"""What ECDHE can be in up to TLS 1.2; the hybrids are for TLS 1.3 alone."""


class ClientEcdhe:
    """RFC 8422, section 5."""

    def __init__(self, environment: Environment, groups: tuple[NamedGroup, ...]) -> None:
        self.group: NamedGroup | None = None
        self._environment = environment
        self._groups = groups
        self._params: ServerEcdhParams | None = None

    def read_params(self, content: bytes) -> int:
        """Only a named curve that was offered will do."""
        self._params, length = decode_prefix(ServerEcdhParams, content)
        curve = self._params.named_curve
        is_offered = curve in self._groups and curve in CURVES12
        if self._params.curve_type != EcCurveType.named_curve or not is_offered:
            raise ProtocolError(Fault.WRONG_GROUP, curve.name)
        self.group = curve
        return length

    def answer(self) -> tuple[bytes, bytes]:
        """This side's point, and the x-coordinate of the shared one."""
        params = _read(self._params)
        [share] = self._environment.generate_key_shares([params.named_curve])
        return ClientEcdhPublic(point=share.public).encode(), share.agree(params.point)


class ServerEcdhe:
    """RFC 8422, section 5."""

    def __init__(self, environment: Environment, group: NamedGroup) -> None:
        self.group: NamedGroup | None = group
        [self._share] = environment.generate_key_shares([group])

    def params(self) -> bytes:
        """The curve and this side's point."""
        return ServerEcdhParams(named_curve=self._share.group, point=self._share.public).encode()

    async def finish(self, content: bytes) -> bytes:
        """The x-coordinate of the shared point."""
        return self._share.agree(decode(ClientEcdhPublic, content).point)


# ------------------------------------------------------------------------------------------- finite fields


class ClientDhe:
    """RFC 5246, section 7.4.7.2: the server chose the group."""

    def __init__(self) -> None:
        self.group: NamedGroup | None = None
        self._params: ServerDhParams | None = None

    def read_params(self, content: bytes) -> int:
        """p, g and the server's public value."""
        self._params, length = decode_prefix(ServerDhParams, content)
        return length

    def answer(self) -> tuple[bytes, bytes]:
        """This side's public value, and the shared secret without leading zeros."""
        params = _read(self._params)
        public, secret = dhe.respond(params.dh_p, params.dh_g, params.dh_Ys)
        return ClientDhPublic(dh_Yc=public).encode(), secret


class ServerDhe:
    """RFC 5246, section 7.4.3, with a group of RFC 7919."""

    def __init__(self, environment: Environment, group: NamedGroup) -> None:
        self.group: NamedGroup | None = group
        self._share: PrivateShare
        [self._share] = environment.generate_key_shares([group])

    def params(self) -> bytes:
        """p, g and this side's public value."""
        p, g = dhe.named_parameters(self._share.group)
        return ServerDhParams(dh_p=p, dh_g=g, dh_Ys=self._share.public).encode()

    async def finish(self, content: bytes) -> bytes:
        """The shared secret without leading zeros (RFC 5246, section 8.1.2)."""
        untrusted_public = decode(ClientDhPublic, content).dh_Yc
        return self._share.agree(untrusted_public.lstrip(b"\0").rjust(len(self._share.public), b"\0")).lstrip(b"\0")


# ------------------------------------------------------------------------------------------- RSA key transport


class ClientRsa:
    """RFC 5246, section 7.4.7.1: the premaster secret, encrypted to the server's certificate."""

    def __init__(self, environment: Environment, public_key: PublicKey, offered_version: ProtocolVersion) -> None:
        self.group: NamedGroup | None = None
        self._environment = environment
        self._public_key = public_key
        self._offered_version = offered_version
        """The newest version this client offered, not the one chosen: a downgrade would show."""

    def read_params(self, content: bytes) -> int:
        """There are none."""
        return 0

    def answer(self) -> tuple[bytes, bytes]:
        """The encrypted premaster secret, and the secret itself."""
        version = int(self._offered_version).to_bytes(2, "big")
        premaster = version + self._environment.random(PREMASTER_LENGTH - 2)
        return EncryptedPremasterSecret(encrypted=encrypt_premaster(self._public_key, premaster)).encode(), premaster


class ServerRsa:
    """RFC 5246, section 7.4.7.1. Whatever is wrong with what the client encrypted, it learns only from Finished."""

    def __init__(self, decrypt: Callable[[bytes], Awaitable[bytes]]) -> None:
        self.group: NamedGroup | None = None
        self._decrypt = decrypt
        """Gives 48 bytes for any ciphertext."""

    def params(self) -> bytes:
        """There are none."""
        return b""

    async def finish(self, content: bytes) -> bytes:
        """The premaster secret, or one that nobody knows."""
        return await self._decrypt(decode(EncryptedPremasterSecret, content).encrypted)


# ------------------------------------------------------------------------------------------- pre-shared keys


class ClientPsk:
    """RFC 4279, and RFC 5489 with ECDHE: around another exchange, or alone (`inner` is None)."""

    def __init__(self, psk: PreSharedKey, inner: ClientHalf | None) -> None:
        self.psk = psk
        self._inner = inner

    @property
    def group(self) -> NamedGroup | None:
        """The other exchange's group."""
        return self._inner.group if self._inner is not None else None

    def read_params(self, content: bytes) -> int:
        """The identity hint, which is not followed (RFC 4279, section 5.2), then the other exchange's parameters."""
        _, length = decode_prefix(PskIdentityHint, content)
        return length + (self._inner.read_params(content[length:]) if self._inner is not None else 0)

    def answer(self) -> tuple[bytes, bytes]:
        """The identity, then the other exchange's content."""
        content, other = self._inner.answer() if self._inner is not None else (b"", None)
        identity = PskIdentity12(psk_identity=self.psk.identity).encode()
        return identity + content, psk_premaster_secret(self.psk.key, other)


class ServerPsk:
    """RFC 4279, and RFC 5489 with ECDHE: around another exchange, or alone (`inner` is None)."""

    def __init__(
        self,
        environment: Environment,
        look_up: Callable[[bytes], Awaitable[PreSharedKey | None]],
        hint: bytes,
        inner: ServerHalf | None,
    ) -> None:
        self.psk: PreSharedKey | None = None
        """Known once the client has named it."""
        self._environment = environment
        self._look_up = look_up
        self._hint = hint
        self._inner = inner

    @property
    def group(self) -> NamedGroup | None:
        """The other exchange's group."""
        return self._inner.group if self._inner is not None else None

    def params(self) -> bytes:
        """The identity hint, then the other exchange's parameters; nothing where both are empty."""
        inner = self._inner.params() if self._inner is not None else b""
        if not inner and not self._hint:
            return b""
        return PskIdentityHint(psk_identity_hint=self._hint).encode() + inner

    async def finish(self, content: bytes) -> bytes:
        """The identity's key, with what the other exchange agreed on.

        An unknown identity gets a key that nobody knows (RFC 4279, section 2), so that identities can't be probed.
        """
        identity, length = decode_prefix(PskIdentity12, content)
        if self._inner is None and length != len(content):
            raise ProtocolError(Fault.MALFORMED, "bytes behind the PSK identity")
        other = await self._inner.finish(content[length:]) if self._inner is not None else None
        self.psk = await self._look_up(identity.psk_identity)
        if self.psk is None or self.psk.import_context is not None:  # an imported key is for TLS 1.3 alone
            return psk_premaster_secret(self._environment.random(32), other)
        return psk_premaster_secret(self.psk.key, other)


# ------------------------------------------------------------------------------------------- passwords


class ClientSrp:
    """RFC 5054, section 2.6."""

    group = None

    def __init__(self, environment: Environment, login: SrpLogin) -> None:
        self.username = login.username
        self._environment = environment
        self._login = login
        self._params: ServerSrpParams | None = None

    def read_params(self, content: bytes) -> int:
        """N, g, the salt and B."""
        self._params, length = decode_prefix(ServerSrpParams, content)
        return length

    def answer(self) -> tuple[bytes, bytes]:
        """A, and what the password and B make of it."""
        params = _read(self._params)
        group = srp.known_group(params.srp_N, params.srp_g)
        random = self._environment.random(srp.SECRET_LENGTH)
        login = self._login
        public, secret = srp.client_exchange(login.username, login.password, params.srp_s, group, params.srp_B, random)
        return ClientSrpPublic(srp_A=public).encode(), secret


class ServerSrp:
    """RFC 5054, section 2.6."""

    group = None

    def __init__(self, environment: Environment, verifier: srp.SrpVerifier) -> None:
        self.verifier = verifier
        self._random = environment.random(srp.SECRET_LENGTH)
        self._public = srp.server_public(verifier, self._random)

    def params(self) -> bytes:
        """N, g, the salt and B."""
        group, verifier = self.verifier.group, self.verifier
        g = bytes([group.g])
        return ServerSrpParams(srp_N=group.pad(group.N), srp_g=g, srp_s=verifier.salt, srp_B=self._public).encode()

    async def finish(self, content: bytes) -> bytes:
        """What A and the verifier make."""
        return srp.server_exchange(self.verifier, decode(ClientSrpPublic, content).srp_A, self._public, self._random)


def psk_premaster_secret(psk: bytes, other: bytes | None) -> bytes:
    """RFC 4279, section 2; without another secret zeros stand in its place."""
    return PskPremasterSecret(other_secret=other if other is not None else bytes(len(psk)), psk=psk).encode()


def _read(params: P | None) -> P:
    if params is None:
        raise ProtocolError(Fault.UNEXPECTED_MESSAGE, "no ServerKeyExchange")
    return params
