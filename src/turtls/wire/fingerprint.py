"""A look at a ClientHello: what the client asks for, and its JA3 and JA4 fingerprints."""

from __future__ import annotations

import hashlib

from turtls.wire.codepoints import is_grease
from turtls.wire.extensions import (
    EcPointFormats,
    ProtocolNameList,
    ServerNameList,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersionsClientHello,
)
from turtls.wire.messages import ClientHello
from turtls.wire.registries import CipherSuite, ExtensionType, NamedGroup, ProtocolVersion, SignatureScheme

_JA4_VERSIONS = {
    ProtocolVersion.TLS_1_3: "13",
    ProtocolVersion.TLS_1_2: "12",
    ProtocolVersion.TLS_1_1: "11",
    ProtocolVersion.TLS_1_0: "10",
    ProtocolVersion.SSL_3_0: "s3",
    ProtocolVersion.SSL_2_0: "s2",
}


class ClientHelloInfo:
    """A ClientHello as a server's `on_client_hello` sees it. Nothing in it has been checked.

    `hello` is the message itself; the properties leave out what is only there as GREASE (RFC 8701).
    """

    __slots__ = ("hello",)

    def __init__(self, hello: ClientHello) -> None:
        self.hello = hello

    @property
    def server_name(self) -> str | None:
        """The name the client wants to reach, in lower case; None if it gives none."""
        names = self.hello.extensions.get(ServerNameList)
        return names.server_name_list[0].host_name.decode("ascii", "replace").lower() if names is not None else None

    @property
    def alpn(self) -> tuple[str, ...]:
        """The application protocols the client offers, most wanted first."""
        names = self.hello.extensions.get(ProtocolNameList)
        return tuple(name.decode("latin-1") for name in names.protocol_name_list) if names is not None else ()

    @property
    def versions(self) -> tuple[ProtocolVersion, ...]:
        """The versions the client offers."""
        supported = self.hello.extensions.get(SupportedVersionsClientHello)
        offered = supported.versions if supported is not None else [self.hello.legacy_version]
        return tuple(version for version in offered if not is_grease(version))

    @property
    def cipher_suites(self) -> tuple[CipherSuite, ...]:
        """The cipher suites the client offers."""
        return tuple(suite for suite in self.hello.cipher_suites if not is_grease(suite))

    @property
    def groups(self) -> tuple[NamedGroup, ...]:
        """The key exchange groups the client supports."""
        supported = self.hello.extensions.get(SupportedGroups)
        return tuple(g for g in supported.named_group_list if not is_grease(g)) if supported is not None else ()

    @property
    def signature_schemes(self) -> tuple[SignatureScheme, ...]:
        """The signatures the client can verify."""
        offered = self.hello.extensions.get(SignatureAlgorithms)
        schemes = offered.supported_signature_algorithms if offered is not None else []
        return tuple(scheme for scheme in schemes if not is_grease(scheme))

    @property
    def extension_types(self) -> tuple[ExtensionType, ...]:
        """The types of the extensions, in their order."""
        return tuple(ExtensionType(kind) for kind in self.hello.extensions.types if not is_grease(kind))

    @property
    def ja3(self) -> str:
        """The MD5 of version, suites, extensions, groups and point formats, in hex."""
        formats = self.hello.extensions.get(EcPointFormats)
        fields = (
            [self.hello.legacy_version],
            self.cipher_suites,
            self.extension_types,
            self.groups,
            formats.ec_point_format_list if formats is not None else [],
        )
        text = ",".join("-".join(str(int(value)) for value in field) for field in fields)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    @property
    def ja4(self) -> str:
        """The JA4 fingerprint of a ClientHello over TCP, such as t13d1516h2_8daaf6152771_02713d6af862."""
        suites, extensions = self.cipher_suites, self.extension_types
        version = _JA4_VERSIONS.get(max(self.versions, default=ProtocolVersion(0)), "00")
        named = "d" if ExtensionType.server_name in extensions else "i"
        counts = f"{min(len(suites), 99):02}{min(len(extensions), 99):02}"
        hashed = [e for e in extensions if e not in _NOT_HASHED]
        signatures = ",".join(f"{scheme:04x}" for scheme in self.signature_schemes)
        parts = ",".join(sorted(f"{kind:04x}" for kind in hashed)) + (f"_{signatures}" if signatures else "")
        return "_".join(
            (
                f"t{version}{named}{counts}{_ends(self._first_protocol())}",
                _short_hash(",".join(sorted(f"{suite:04x}" for suite in suites))),
                _short_hash(parts) if extensions else "0" * 12,
            )
        )

    def _first_protocol(self) -> bytes:
        names = self.hello.extensions.get(ProtocolNameList)
        return names.protocol_name_list[0] if names is not None else b""


_NOT_HASHED = (ExtensionType.server_name, ExtensionType.application_layer_protocol_negotiation)


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12


def _ends(protocol: bytes) -> str:
    """The first and the last character of the ALPN name; of its hex form where one of them is no letter or digit."""
    if not protocol:
        return "00"
    text = protocol.decode("latin-1")
    first, last = text[0], text[-1]
    if (first + last).isascii() and first.isalnum() and last.isalnum():
        return first + last
    return protocol.hex()[0] + protocol.hex()[-1]
