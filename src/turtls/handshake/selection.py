"""What a server reads out of a ClientHello and answers alike in every version."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from turtls.config import Credential, ServerConfig
from turtls.config.credentials import prefer_issuers
from turtls.crypto.suites12 import KeyExchange
from turtls.errors import Fault, ProtocolError
from turtls.handshake.peer import Peer
from turtls.record.limits import MAX_INNER_PLAINTEXT, MAX_PLAINTEXT, MIN_RECORD_SIZE_LIMIT
from turtls.wire.extensions import (
    AnyExtension,
    CertificateAuthorities,
    Extensions,
    MaxFragmentLength,
    ProtocolNameList,
    RecordSizeLimit,
    ServerNameList,
)
from turtls.wire.messages import ClientHello
from turtls.wire.registries import CipherSuite, NameType, ProtocolVersion

_PRINTABLE: Final = frozenset(range(0x21, 0x7F))
"""ASCII without blanks and controls: what a name holds may end in a log."""


def requested_name(hello: ClientHello) -> str | None:
    """The name the client asks for, in lower case (RFC 6066, section 3). Raises ProtocolError."""
    names = hello.extensions.get(ServerNameList)
    if names is None:
        return None
    if len(names.server_name_list) != 1 or names.server_name_list[0].name_type != NameType.host_name:
        raise ProtocolError(Fault.MALFORMED, "server_name does not hold one host_name")
    untrusted_name = names.server_name_list[0].host_name
    if not _PRINTABLE.issuperset(untrusted_name) or len(untrusted_name) > 255:
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, "server_name is not the name of a host")
    return untrusted_name.decode("ascii").lower()


def candidates(config: ServerConfig, hello: ClientHello, server_name: str | None) -> Sequence[Credential]:
    """The credentials for that name, of an issuer that the client lists first (RFC 8446, section 4.2.4)."""
    credentials = config.credentials_by_name.candidates(server_name)
    listed = hello.extensions.get(CertificateAuthorities)
    return credentials if listed is None else prefer_issuers(credentials, listed.authorities)


def preferred_suites(config: ServerConfig, hello: ClientHello) -> Sequence[CipherSuite]:
    """This side's order. But a client that puts ChaCha20 before AES has no instructions for AES, which is slow then and
    tells by its time: for such a client ChaCha20 comes first, where this side has it.
    """
    suites = config.policy.cipher_suites
    for best_of_client in hello.cipher_suites:
        if best_of_client in suites:
            return _chacha20_first(suites) if _is_chacha20(best_of_client) else suites
    return suites


@lru_cache(maxsize=256)
def _is_chacha20(suite: CipherSuite) -> bool:
    return "_CHACHA20_" in suite.name


def _chacha20_first(suites: Sequence[CipherSuite]) -> Sequence[CipherSuite]:
    return sorted(suites, key=lambda suite: not _is_chacha20(suite))


def choose_protocol(config: ServerConfig, hello: ClientHello) -> str | None:
    """RFC 7301, section 3.2: this side's order decides; a client that offers only others is refused."""
    offered = hello.extensions.get(ProtocolNameList)
    if offered is None or not config.alpn:
        return None
    for name in config.alpn:
        if name.encode() in offered.protocol_name_list:
            return name
    raise ProtocolError(Fault.NO_SHARED_ALPN, ", ".join(map(repr, offered.protocol_name_list)))


def has_secret_for(config: ServerConfig, exchange: KeyExchange) -> bool:
    """Whether a server has the pre-shared keys, or the users, that a key exchange of TLS 1.2 needs, if it needs any."""
    return (not exchange.by_psk or config.psks is not None) and (not exchange.by_password or config.srp is not None)


def answer_record_limits(
    peer: Peer, own_limit: int | None, extensions: Extensions, version: ProtocolVersion
) -> list[AnyExtension]:
    """Obey the client's record_size_limit and tell it this side's (RFC 8449); else obey its max_fragment_length."""
    limit = extensions.get(RecordSizeLimit)
    if limit is not None:
        if limit.record_size_limit < MIN_RECORD_SIZE_LIMIT:
            raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"record_size_limit {limit.record_size_limit}")
        largest = MAX_INNER_PLAINTEXT if version >= ProtocolVersion.TLS_1_3 else MAX_PLAINTEXT
        receive = min(own_limit or largest, largest)
        peer.carrier.limit_records(send=limit.record_size_limit, receive=receive)
        return [RecordSizeLimit(record_size_limit=receive)]
    fragment = extensions.get(MaxFragmentLength)
    if fragment is None:
        return []
    code = fragment.max_fragment_length[0]
    if not 1 <= code <= 4:  # RFC 6066, section 4
        raise ProtocolError(Fault.ILLEGAL_PARAMETER, f"max_fragment_length {code}")
    content_type = 1 if version >= ProtocolVersion.TLS_1_3 else 0
    size = (2 ** (8 + code)) + content_type
    peer.carrier.limit_records(send=size, receive=size)
    return [fragment]
