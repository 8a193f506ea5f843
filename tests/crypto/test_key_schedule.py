"""Against RFC 8448, section 3, and against `cryptography`'s HKDF."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from cryptography.hazmat.primitives import hashes as library_hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from turtls.crypto.aead import AES_128_GCM
from turtls.crypto.hashes import SHA256, SHA384, HmacKey
from turtls.crypto.key_schedule import (
    EarlySecret,
    HandshakeSecret,
    MasterSecret,
    PskOrigin,
    TrafficSecret,
    expand_label,
    exporter,
    resumption_psk,
)
from turtls.crypto.suites import SUITES13, Suite13

SHARED_SECRET = bytes.fromhex("8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d")
UP_TO_SERVER_HELLO = bytes.fromhex("860c06edc07858ee8e78f0e7428c58edd6b43f2ca3e6e95f02ed063cf0e1cad8")
UP_TO_CERTIFICATE_VERIFY = bytes.fromhex("edb7725fa7a3473b031ec8ef65a2485493900138a2b91291407d7951a06110ed")
UP_TO_SERVER_FINISHED = bytes.fromhex("9608102a0f1ccc6db6250b7b7e417b1a000eaada3daae4777a7686c9ff83df13")
UP_TO_CLIENT_FINISHED = bytes.fromhex("209145a96ee8e2a122ff810047cc952684658d6049e86429426db87c54ad143d")
SERVER_HANDSHAKE = bytes.fromhex("b67b7d690cc16c4e75e54213cb2d37b4e9c912bcded9105d42befd59d391ad38")


def test_the_stages_of_rfc_8448() -> None:
    handshake = HandshakeSecret(SHA256, None, SHARED_SECRET)
    client, server = handshake.traffic_secrets(UP_TO_SERVER_HELLO)
    assert client.raw.hex() == "b3eddb126e067f35a780b3abf45e2d8f3b1a950738f52e9600746a0e27a55a21"
    assert server.raw == SERVER_HANDSHAKE

    master = MasterSecret(handshake)
    client, server = master.traffic_secrets(UP_TO_SERVER_FINISHED)
    assert client.raw.hex() == "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5"
    assert server.raw.hex() == "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643"
    exporter_master = master.exporter_master_secret(UP_TO_SERVER_FINISHED)
    assert exporter_master.hex() == "fe22f881176eda18eb8f44529e6792c50c9a3f89452f68d8ae311b4309d3cf50"

    resumption_master = master.resumption_master_secret(UP_TO_CLIENT_FINISHED)
    assert resumption_master.hex() == "7df235f2031d2a051287d02b0241b0bfdaf86cc856231f2d5aba46c434ec196c"
    psk = resumption_psk(SHA256, resumption_master, b"\0\0")
    assert psk.hex() == "4ecd0eb6ec3b4d87f5d6028f922ca4c5851a277fd41311c9e62d2c9492e1c4f3"


def test_the_server_flight_of_rfc_8448() -> None:
    secret = TrafficSecret(SHA256, SERVER_HANDSHAKE)
    key, iv = secret.record_keys(AES_128_GCM)
    assert key.hex() == "3fce516009c21727d0f2e4e86ee403bc"
    assert iv.hex() == "5d313eb2671276ee13000b30"
    verify_data = secret.finished_mac(UP_TO_CERTIFICATE_VERIFY)
    assert verify_data.hex() == "9b9b141d906337fbd2cbdce71df4deda4ab42c309572cb7fffee5454b78f0718"


def test_a_stage_ends_when_the_next_begins() -> None:
    early = EarlySecret(SHA256, b"p" * 32)
    handshake = HandshakeSecret(SHA256, early, SHARED_SECRET)
    with pytest.raises(AttributeError):
        early.binder(PskOrigin.TICKET, UP_TO_SERVER_HELLO)
    MasterSecret(handshake)
    with pytest.raises(AttributeError):
        handshake.traffic_secrets(UP_TO_SERVER_HELLO)


def raw(secrets: Iterable[TrafficSecret]) -> list[bytes]:
    return [secret.raw for secret in secrets]


def test_without_a_psk_the_first_stage_starts_from_zeros() -> None:
    with_none = HandshakeSecret(SHA384, None, b"s" * 32)
    with_zeros = HandshakeSecret(SHA384, EarlySecret(SHA384, bytes(48)), b"s" * 32)
    assert raw(with_none.traffic_secrets(b"t" * 48)) == raw(with_zeros.traffic_secrets(b"t" * 48))


def test_every_secret_is_another() -> None:
    transcript = b"t" * 32
    early = EarlySecret(SHA256, b"p" * 32)
    secrets = [
        early.binder(PskOrigin.EXTERNAL, transcript),
        early.binder(PskOrigin.TICKET, transcript),
        early.client_early_traffic_secret(transcript).raw,
        early.early_exporter_master_secret(transcript),
    ]
    handshake = HandshakeSecret(SHA256, early, b"s" * 32)
    secrets += raw(handshake.traffic_secrets(transcript))
    master = MasterSecret(handshake)
    secrets += raw(master.traffic_secrets(transcript))
    secrets += [master.exporter_master_secret(transcript), master.resumption_master_secret(transcript)]
    secrets += [TrafficSecret(SHA256, secrets[-1]).next_generation().raw]
    assert len(set(secrets)) == len(secrets) == 11


def hkdf_label(label: bytes, context: bytes, length: int) -> bytes:
    full = b"tls13 " + label
    return length.to_bytes(2, "big") + bytes([len(full)]) + full + bytes([len(context)]) + context


def library_expand(secret: bytes, label: bytes, context: bytes, length: int, *, sha384: bool = False) -> bytes:
    algorithm = library_hashes.SHA384() if sha384 else library_hashes.SHA256()
    return HKDFExpand(algorithm, length, hkdf_label(label, context, length)).derive(secret)


@given(
    secret=st.binary(min_size=32, max_size=48),
    label=st.binary(min_size=1, max_size=32),
    context=st.binary(max_size=64),
    length=st.integers(1, 255 * 32),
)
def test_expand_label_is_hkdf(secret: bytes, label: bytes, context: bytes, length: int) -> None:
    for hash, sha384 in ((SHA256, False), (SHA384, True)):
        expected = library_expand(secret, label, context, length, sha384=sha384)
        assert expand_label(HmacKey(hash, secret), label, context, length) == expected


def test_keys_of_quic() -> None:
    """RFC 9001, appendix A.1: the same function serves QUIC's labels."""
    client_initial = bytes.fromhex("c00cf151ca5be075ed0ebfb5c80323c42d6b7db67881289af4008f1f6c357aea")
    secret = HmacKey(SHA256, client_initial)
    assert expand_label(secret, b"quic key", b"", 16).hex() == "1f369613dd76d5467730efcbe3b1a22d"
    assert expand_label(secret, b"quic iv", b"", 12).hex() == "fa044b2f42a3fd3b46fb255c"
    assert expand_label(secret, b"quic hp", b"", 16).hex() == "9f50449e04a0e810283a1e9933adedd2"


@given(context=st.binary(max_size=100), length=st.integers(1, 200))
def test_exporter(context: bytes, length: int) -> None:
    master = b"m" * 32
    derived = library_expand(master, b"EXPORTER-x", SHA256.digest(b""), 32)
    expected = library_expand(derived, b"exporter", SHA256.digest(context), length)
    assert exporter(SHA256, master, b"EXPORTER-x", context, length) == expected


@pytest.mark.parametrize("suite", SUITES13.values(), ids=lambda suite: suite.suite.name)
def test_traffic_keys_have_the_lengths_of_the_suite(suite: Suite13) -> None:
    key, iv = TrafficSecret(suite.hash, bytes(suite.hash.digest_size)).record_keys(suite.aead)
    assert (len(key), len(iv)) == (suite.aead.key_length, 12)
