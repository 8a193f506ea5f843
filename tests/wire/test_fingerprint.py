"""What a server can see of a client before it answers, against fingerprints that others have published."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from turtls.wire.extensions import (
    AnyExtension,
    EcPointFormats,
    Extensions,
    ProtocolNameList,
    RawExtension,
    ServerName,
    ServerNameList,
    SignatureAlgorithms,
    SupportedGroups,
    SupportedVersionsClientHello,
)
from turtls.wire.fingerprint import ClientHelloInfo
from turtls.wire.messages import ClientHello
from turtls.wire.registries import (
    CipherSuite,
    ExtensionType,
    NamedGroup,
    PointFormat,
    ProtocolVersion,
    SignatureScheme,
)


def info(
    suites: Iterable[int],
    extensions: Iterable[int] = (),
    *,
    version: int = 0x0303,
    groups: Iterable[int] = (29,),
    formats: Iterable[int] = (0,),
    schemes: Iterable[int] = (0x0403,),
    versions: Iterable[int] = (0x0304,),
    alpn: Iterable[bytes] = (b"h2", b"http/1.1"),
    name: bytes = b"a.example",
) -> ClientHelloInfo:
    """A ClientHello with these extensions, by their types, and in those that fingerprints look into, these values."""
    bodies: dict[int, AnyExtension] = {
        ExtensionType.server_name: ServerNameList(server_name_list=[ServerName(host_name=name)]),
        ExtensionType.supported_groups: SupportedGroups(named_group_list=[NamedGroup(g) for g in groups]),
        ExtensionType.ec_point_formats: EcPointFormats(ec_point_format_list=[PointFormat(f) for f in formats]),
        ExtensionType.signature_algorithms: SignatureAlgorithms(
            supported_signature_algorithms=[SignatureScheme(s) for s in schemes]
        ),
        ExtensionType.supported_versions: SupportedVersionsClientHello(versions=[ProtocolVersion(v) for v in versions]),
        ExtensionType.application_layer_protocol_negotiation: ProtocolNameList(protocol_name_list=list(alpn)),
    }
    return ClientHelloInfo(
        ClientHello(
            legacy_version=ProtocolVersion(version),
            random=bytes(32),
            legacy_session_id=b"",
            cipher_suites=[CipherSuite(suite) for suite in suites],
            extensions=Extensions([bodies.get(kind) or RawExtension(kind) for kind in extensions]),
        )
    )


def numbers(text: str, base: int) -> list[int]:
    return [int(number, base) for number in text.replace("-", ",").split(",") if number]


def chrome(extensions: str, schemes: str) -> ClientHelloInfo:
    """Chrome, with its GREASE: extensions and schemes in hex, in their order."""
    return info(
        [0xAAAA, *numbers("1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035", 16)],
        [0x4A4A, *numbers(extensions, 16), 0x6A6A],
        groups=(0x3A3A, 4588, 29, 23, 24),
        versions=(0x6A6A, 0x0304, 0x0303),
        schemes=numbers(schemes, 16),
    )


CHROME_143 = chrome(
    "002d,0033,0010,fe0d,0017,44cd,0000,000b,000a,002b,ff01,0023,0012,0005,000d,001b",
    "0403,0804,0401,0503,0805,0501,0806,0601",
)


def test_ja3_and_ja4_of_chrome_143() -> None:
    """As an online service for fingerprints showed them to that browser."""
    assert CHROME_143.ja4 == "t13d1516h2_8daaf6152771_d8a2da3f94cd"
    assert CHROME_143.ja3 == "98487aa16281980e7d1120d399efb6a4"


def test_ja4_of_its_authors_example() -> None:
    example = chrome(
        "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015",
        "0403,0804,0401,0503,0805,0501,0806,0601",
    )
    assert example.ja4 == "t13d1516h2_8daaf6152771_e5627efa2ab1"


def test_ja4_with_grease_among_the_signatures() -> None:
    """From the captures by which the authors test their own tools."""
    example = chrome(
        "fe0d,0010,0017,0033,44cd,ff01,000a,000d,0023,002b,000b,ca34,002d,0000,0005,001b,0012",
        "8a8a,0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601",
    )
    assert example.ja4 == "t13d1517h2_8daaf6152771_cb7bf5808d99"
    assert SignatureScheme(0x8A8A) not in example.signature_schemes


def test_ja4_of_a_script() -> None:
    example = info(
        numbers("1302,1303,1301,c02c,c030,c02b,c02f,cca9,cca8,00ff", 16),
        numbers("0000,0005,000a,000b,000d,0010,0017,0023,002b,002d,0033", 16),
        schemes=numbers("0503,0403,0807,0806,0805,0804,0601,0501,0401", 16),
        versions=(0x0304, 0x0303),
    )
    assert example.ja4 == "t13d1011h2_61a7ad8aa9b6_3fcd1a44f3e3"


@pytest.mark.parametrize(
    ("hello", "fingerprint"),
    [
        (
            info(
                numbers("47-53-5-10-49161-49162-49171-49172-50-56-19-4", 10),
                (0, 10, 11),
                version=769,
                groups=(23, 24, 25),
            ),
            "ada70206e40642a3e4461f35503241d5",
        ),
        (info(numbers("4-5-10-9-100-98-3-6-19-18-99", 10), version=769), "de350869b8c85de67a350c8d186f11e6"),
    ],
)
def test_ja3_of_its_authors_examples(hello: ClientHelloInfo, fingerprint: str) -> None:
    assert hello.ja3 == fingerprint


@pytest.mark.parametrize(
    ("protocol", "ends"),
    [
        (b"h2", "h2"),
        (b"http/1.1", "h1"),
        (b"x", "xx"),
        (b"\xab", "ab"),
        (b"\xab\xcd", "ad"),
        (b"\x30\xab", "3b"),
        (b"\x30\x31\xab\xcd", "3d"),
        (b"\x30\xab\xcd\x31", "01"),
        (b"\x20\x61", "21"),
    ],
)
def test_ja4_of_odd_protocols(protocol: bytes, ends: str) -> None:
    assert info([0x1301], [16], alpn=[protocol]).ja4.split("_")[0] == f"t12i0101{ends}"


@pytest.mark.parametrize(
    ("legacy", "versions", "shown"),
    [
        (0x0303, (0x0A0A, 0x0304), "13"),
        (0x0303, (0x0303,), "12"),
        (0x0303, (0x0A0A,), "00"),
        (0x0303, (0x7F1C,), "00"),
        (0x0303, None, "12"),
        (0x0302, None, "11"),
        (0x0301, None, "10"),
        (0x0300, None, "s3"),
        (0x0002, None, "s2"),
    ],
)
def test_ja4_of_versions(legacy: int, versions: tuple[int, ...] | None, shown: str) -> None:
    hello = info([0x1301], [] if versions is None else [43], version=legacy, versions=versions or (1,))
    assert hello.ja4.startswith(f"t{shown}i")


def test_ja4_of_very_little_and_of_very_much() -> None:
    assert info([0x0A0A]).ja4 == "t12i000000_000000000000_000000000000"
    assert info([0x1301], [0]).ja4.endswith("_000000000000")
    assert info(range(0x2000, 0x2000 + 200), range(0x3000, 0x3000 + 200)).ja4.startswith("t12i999900_")


def test_what_a_server_sees() -> None:
    assert CHROME_143.server_name == "a.example"
    assert CHROME_143.alpn == ("h2", "http/1.1")
    assert CHROME_143.versions == (0x0304, 0x0303)
    assert len(CHROME_143.cipher_suites) == 15
    assert CHROME_143.groups == (NamedGroup.X25519MLKEM768, NamedGroup.x25519, 23, 24)
    assert CHROME_143.signature_schemes[0] == SignatureScheme.ecdsa_secp256r1_sha256
    assert len(CHROME_143.extension_types) == 16


def test_what_a_server_does_not_see() -> None:
    nothing = info([0x1301])
    assert nothing.server_name is None
    assert (nothing.alpn, nothing.groups, nothing.signature_schemes, nothing.extension_types) == ((), (), (), ())
    assert nothing.versions == (ProtocolVersion.TLS_1_2,)


def test_a_name_that_is_no_name_does_no_harm_here() -> None:
    """Nothing in a ClientHello has been checked when a hook sees it."""
    assert info([0x1301], [0], name=b"\xff\xfeA\n").server_name == "\ufffd\ufffda\n"
