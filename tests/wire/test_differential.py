"""Our reading of a ClientHello beside two others': tlslite-ng's and aioquic's.

Whoever accepts one must find the same in it. Where one accepts what another refuses, `DIFFERENCES` says why.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fuzz.seeds import CORPUS
from tests.wire.readers import AIOQUIC_READS, TLSLITE_READS, Reader, aioquic, ours, seen, tlslite
from tests.wire.structs import STRUCTS
from turtls.errors import ProtocolError
from turtls.wire.extension_table import EXTENSION_TABLE, Context
from turtls.wire.extensions import (
    CertificateStatusRequest,
    ExtensionBody,
    OfferedPsks,
    ProtocolNameList,
    ServerNameList,
)
from turtls.wire.messages import ClientHello
from turtls.wire.registries import ExtensionType, NameType

# ------------------------------------------------------------------------------------------- ClientHellos, taken apart


@dataclass(frozen=True)
class Parts:
    """A ClientHello whose outer lengths are right, whatever stands inside of them."""

    version: int
    session_id: bytes
    cipher_suites: bytes
    compression_methods: bytes
    extensions: tuple[tuple[int, bytes], ...]

    @classmethod
    def of(cls, hello: ClientHello) -> Parts:
        suites = b"".join(int(suite).to_bytes(2, "big") for suite in hello.cipher_suites)
        bodies = tuple((int(body.extension_type), body.encode()) for body in hello.extensions)
        return cls(hello.legacy_version, hello.legacy_session_id, suites, hello.legacy_compression_methods, bodies)

    def to_bytes(self) -> bytes:
        extensions = b"".join(kind.to_bytes(2, "big") + _behind_length(body, 2) for kind, body in self.extensions)
        head = self.version.to_bytes(2, "big") + bytes(range(32)) + _behind_length(self.session_id, 1)
        lists = _behind_length(self.cipher_suites, 2) + _behind_length(self.compression_methods, 1)
        return b"\x01" + _behind_length(head + lists + _behind_length(extensions, 2), 3)

    def bodies(self, form: type[ExtensionBody]) -> list[bytes]:
        return [body for kind, body in self.extensions if kind == form.extension_type]

    def unreadable(self) -> list[tuple[int, bytes]]:
        """The extensions that we know, and do not take in a ClientHello or not with this body."""
        return [(kind, body) for kind, body in self.extensions if not _is_readable(kind, body)]


def _behind_length(data: bytes, size: int) -> bytes:
    return len(data).to_bytes(size, "big") + data


def _is_readable(kind: int, body: bytes) -> bool:
    forms = EXTENSION_TABLE.get(ExtensionType(kind))
    if forms is None:
        return True
    if Context.CH not in forms:
        return False
    try:
        forms[Context.CH].decode(body)
    except ProtocolError:
        return False
    return True


HONEST = Parts(
    version=0x0303,
    session_id=bytes(32),
    cipher_suites=b"\x13\x01\x13\x02",
    compression_methods=b"\0",
    extensions=(
        (ExtensionType.server_name, b"\0\x0c\0\0\x09a.example"),
        (ExtensionType.supported_versions, b"\4\3\4\3\3"),
        (ExtensionType.supported_groups, b"\0\4\0\x1d\0\x17"),
        (ExtensionType.signature_algorithms, b"\0\4\4\3\x08\4"),
        (ExtensionType.key_share, b"\0\x24\0\x1d\0\x20" + bytes(32)),
        (ExtensionType.application_layer_protocol_negotiation, b"\0\3\2h2"),
        (ExtensionType.psk_key_exchange_modes, b"\1\1"),
    ),
)
"""One with each extension that all readers take apart."""


def changed(kind: int, body: bytes) -> Parts:
    """The honest one, but for one extension, which comes first."""
    others = tuple(extension for extension in HONEST.extensions if extension[0] != kind)
    return replace(HONEST, extensions=((kind, body), *others))


# ------------------------------------------------------------------------------------------- where they differ


_ANY_OCSP_RESPONSE = b"\1\0\0\0\0"
"""What clients send: the type, no responders, no extensions."""


def _has_duplicates(parts: Parts) -> bool:
    kinds = [kind for kind, _ in parts.extensions]
    return len(set(kinds)) < len(kinds)


def _has_empty_list(parts: Parts) -> bool:
    return not (parts.cipher_suites and parts.compression_methods)


def _has_empty_list_inside(parts: Parts) -> bool:
    return any(b"\0" in body for kind, body in parts.unreadable() if kind in TLSLITE_READS)


def _is_one_host(body: bytes) -> bool:
    try:
        [name] = ServerNameList.decode(body).server_name_list
    except (ProtocolError, ValueError):
        return False
    return name.name_type == NameType.host_name and name.host_name.isascii()


class Difference(NamedTuple):
    """We accept what `reader` refuses, or refuse what it accepts, or the two find something else in it."""

    why: str
    reader: Reader
    explains: Callable[[Parts], bool]
    example: Parts


DIFFERENCES = [
    # What we refuse.
    Difference(
        "RFC 8446, section 4.2: there are no two extensions of a type. tlslite-ng only looks where it wants one",
        tlslite,
        _has_duplicates,
        replace(HONEST, extensions=HONEST.extensions + ((ExtensionType.ec_point_formats, b"\1\0"),) * 2),
    ),
    Difference(
        "RFC 8446, section 4.2: there are no two extensions of a type. aioquic takes the last",
        aioquic,
        _has_duplicates,
        replace(HONEST, extensions=(HONEST.extensions[0], *HONEST.extensions)),
    ),
    Difference(
        "RFC 8446, sections 3.4 and 4.1.2: lists have a least length. tlslite-ng takes them when they are empty",
        tlslite,
        lambda parts: _has_empty_list(parts) or _has_empty_list_inside(parts),
        replace(HONEST, cipher_suites=b""),
    ),
    Difference(
        "RFC 8446, sections 3.4 and 4.1.2: lists have a least length. aioquic takes them when they are empty",
        aioquic,
        _has_empty_list,
        replace(HONEST, cipher_suites=b""),
    ),
    Difference(
        "RFC 8446, section 4.1.2: a session id has 32 bytes at the most. aioquic does not count them",
        aioquic,
        lambda parts: len(parts.session_id) > 32,
        replace(HONEST, session_id=bytes(33)),
    ),
    Difference(
        "RFC 8446, section 4.2: an extension stands where its RFC puts it, in its form. tlslite-ng does not look at "
        "those it does not know, nor into those that it takes for flags",
        tlslite,
        lambda parts: any(kind not in TLSLITE_READS for kind, _ in parts.unreadable()),
        changed(ExtensionType.extended_master_secret, b"?"),
    ),
    Difference(
        "RFC 8446, section 4.2: an extension has the form that its RFC gives it. tlslite-ng takes an empty one of any "
        "kind, as a server sends it",
        tlslite,
        lambda parts: any(not body for _, body in parts.unreadable()),
        changed(ExtensionType.supported_groups, b""),
    ),
    Difference(
        "RFC 5054, section 2.8.1: nothing stands behind the name. tlslite-ng does not look",
        tlslite,
        lambda parts: any(kind == ExtensionType.srp for kind, _ in parts.unreadable()),
        changed(ExtensionType.srp, b"\1a?"),
    ),
    Difference(
        "RFC 8446, section 4.2: an extension stands where its RFC puts it, in its form. aioquic keeps those it does "
        "not need as they are",
        aioquic,
        lambda parts: any(kind not in AIOQUIC_READS for kind, _ in parts.unreadable()),
        changed(ExtensionType.record_size_limit, b"?"),
    ),
    Difference(
        "RFC 8446, section 4.2: an extension ends where its length says. aioquic goes by what stands inside, if "
        "only by an empty list",
        aioquic,
        lambda parts: any(kind in AIOQUIC_READS for kind, _ in parts.unreadable()),
        changed(ExtensionType.supported_groups, b"\0\2\0\x1d" + b"\0\x17\0\0"),  # extended_master_secret, inside
    ),
    # What they refuse.
    Difference(
        "RFC 9001, section 4.2: QUIC has TLS 1.3 alone, so aioquic has no use for another legacy_version",
        aioquic,
        lambda parts: parts.version != 0x0303,
        replace(HONEST, version=0x0302),
    ),
    Difference(
        "RFC 8446, section 4.2.11: pre_shared_key comes last. We say so where PSKs are looked at, in TLS 1.3",
        aioquic,
        lambda parts: OfferedPsks.extension_type in [kind for kind, _ in parts.extensions[:-1]],
        changed(ExtensionType.pre_shared_key, b"\0\7\0\1a\0\0\0\0\0\x21\x20" + bytes(32)),
    ),
    Difference(
        "RFC 6066, section 3: one name of one type in ASCII is all that clients send. aioquic refuses others; we leave "
        "them to those who look for a name",
        aioquic,
        lambda parts: any(not _is_one_host(body) for body in parts.bodies(ServerNameList)),
        changed(ExtensionType.server_name, b"\0\4\1\0\1a"),
    ),
    Difference(
        "RFC 6066, section 8: what a status_request holds depends on its type. We staple what there is, and do not "
        "look",
        tlslite,
        lambda parts: any(body != _ANY_OCSP_RESPONSE for body in parts.bodies(CertificateStatusRequest)),
        changed(ExtensionType.status_request, b"\1\0"),
    ),
    Difference(
        "RFC 8446, section 4.2: what is not known is ignored. tlslite-ng knows extensions that we do not",
        tlslite,
        lambda parts: any(
            kind in TLSLITE_READS and ExtensionType(kind) not in EXTENSION_TABLE for kind, _ in parts.extensions
        ),
        changed(ExtensionType.heartbeat, b"\1\1"),
    ),
    # What is read in another way.
    Difference(
        "RFC 7301, section 3.1: protocols are bytes. aioquic leaves out those that are no ASCII (GREASE, RFC 8701)",
        aioquic,
        lambda parts: any(not body.isascii() for body in parts.bodies(ProtocolNameList)),
        changed(ExtensionType.application_layer_protocol_negotiation, b"\0\6\2\x8a\x8a\2h2"),
    ),
]


# ------------------------------------------------------------------------------------------- the tests

READERS: list[Reader] = [tlslite, aioquic]


def check(parts: Parts) -> None:
    """Whoever sees something else than we do has a reason in the table."""
    raw = parts.to_bytes()
    our_view = seen(ours, raw)
    for reader in READERS:
        if seen(reader, raw) != our_view:
            assert explanations(reader, parts), (reader.__name__, our_view, parts)


def explanations(reader: Reader, parts: Parts) -> list[str]:
    return [row.why for row in DIFFERENCES if row.reader is reader and row.explains(parts)]


@pytest.mark.parametrize("row", DIFFERENCES, ids=lambda row: f"{row.reader.__name__}: {row.why}")
def test_they_differ_where_the_table_says_so(row: Difference) -> None:
    raw = row.example.to_bytes()
    assert seen(row.reader, raw) != seen(ours, raw)
    assert explanations(row.reader, row.example) == [row.why]


@pytest.mark.parametrize("reader", READERS)
def test_all_agree_on_what_is_honest(reader: Reader) -> None:
    view = seen(ours, HONEST.to_bytes())
    assert view is not None
    assert None not in view
    assert seen(reader, HONEST.to_bytes()) == view
    assert explanations(reader, HONEST) == []


def _in_the_corpus() -> list[Parts]:
    raws = [path.read_bytes() for path in sorted((CORPUS / "messages").iterdir())]
    return [Parts.of(ClientHello.from_bytes(raw)) for raw in raws if raw[0] == ClientHello.msg_type]


HONEST_ONES = [HONEST, *_in_the_corpus()]


def test_what_clients_really_send() -> None:
    assert len(HONEST_ONES) > 5
    for parts in HONEST_ONES:
        assert seen(ours, parts.to_bytes()) is not None
        check(parts)


# Derandomized: a difference that nobody has met yet is for those who change a parser, or the fuzzer, to find.


@settings(max_examples=200, derandomize=True)
@given(STRUCTS[ClientHello].map(Parts.of))
def test_whatever_can_be_said(parts: Parts) -> None:
    check(parts)


Edit = Callable[[bytes], bytes]


def _unchanged(data: bytes) -> bytes:
    return data


places = st.integers(0, 200)
edits: st.SearchStrategy[Edit] = st.one_of(
    st.builds(lambda at, byte: lambda data: data[:at] + bytes((byte,)) + data[at:], places, st.integers(0, 255)),
    st.builds(lambda at, byte: lambda data: data[:at] + bytes((byte,)) + data[at + 1 :], places, st.integers(0, 255)),
    st.builds(lambda at: lambda data: data[:at] + data[at + 1 :], places),
    st.builds(lambda at: lambda data: data[:at], places),
)
rarely: st.SearchStrategy[Edit] = st.one_of(*[st.just(_unchanged)] * 7, edits)


@st.composite
def meddled_with(draw: st.DrawFn) -> Parts:
    """An honest one, but for one or two extensions, their order, and at times what stands in front of them."""
    parts = draw(st.sampled_from(HONEST_ONES))
    extensions = list(parts.extensions)
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.integers(0, len(extensions) - 1))
        kind, body = extensions.pop(place)
        in_its_place = draw(st.lists(st.one_of(st.just(_unchanged), edits), max_size=2))
        extensions[place:place] = [(kind, edit(body)) for edit in in_its_place]
        if not extensions:
            break
    if draw(st.booleans()):
        extensions = draw(st.permutations(extensions))
    return replace(
        parts,
        extensions=tuple(extensions),
        session_id=draw(rarely)(parts.session_id),
        cipher_suites=draw(rarely)(parts.cipher_suites),
        compression_methods=draw(rarely)(parts.compression_methods),
    )


@settings(max_examples=500, derandomize=True)
@given(meddled_with())
def test_whatever_is_wrong_with_it(parts: Parts) -> None:
    check(parts)
