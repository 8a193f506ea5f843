from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from turtls.crypto import groups
from turtls.errors import Fault, ProtocolError
from turtls.wire.registries import NamedGroup

ALL = sorted(groups.SUPPORTED)

# Lengths of the client's share, the server's share and the shared secret.
LENGTHS = {
    NamedGroup.x25519: (32, 32, 32),
    NamedGroup.x448: (56, 56, 56),
    NamedGroup.secp256r1: (65, 65, 32),
    NamedGroup.secp384r1: (97, 97, 48),
    NamedGroup.secp521r1: (133, 133, 66),
    NamedGroup.ffdhe2048: (256, 256, 256),
    NamedGroup.ffdhe3072: (384, 384, 384),
    NamedGroup.ffdhe4096: (512, 512, 512),
    NamedGroup.MLKEM1024: (1568, 1568, 32),
    NamedGroup.X25519MLKEM768: (1216, 1120, 64),
    NamedGroup.SecP256r1MLKEM768: (1249, 1153, 64),
    NamedGroup.SecP384r1MLKEM1024: (1665, 1665, 80),
}


def refused(group: NamedGroup, untrusted_public: bytes) -> None:
    """Both sides refuse the share, with a fault that is typed."""
    with pytest.raises(ProtocolError) as server:
        groups.respond(group, untrusted_public)
    assert server.value.fault is Fault.BAD_KEY_SHARE
    with pytest.raises(ProtocolError) as client:
        groups.generate(group).agree(untrusted_public)
    assert client.value.fault is Fault.BAD_KEY_SHARE


@pytest.mark.parametrize("group", ALL)
def test_both_sides_agree(group: NamedGroup) -> None:
    share = groups.generate(group)
    server_public, secret = groups.respond(group, share.public)
    assert share.agree(server_public) == secret
    assert (len(share.public), len(server_public), len(secret)) == LENGTHS[group]
    assert share.group == group


@pytest.mark.parametrize("group", ALL)
def test_shares_are_fresh(group: NamedGroup) -> None:
    share = groups.generate(group)
    assert share.public != groups.generate(group).public
    assert groups.respond(group, share.public) != groups.respond(group, share.public)


@pytest.mark.parametrize("group", ALL)
def test_a_share_of_the_wrong_length_is_refused(group: NamedGroup) -> None:
    public = groups.generate(group).public
    for wrong in (b"", public[:1], public[:-1], public + b"\0"):
        refused(group, wrong)


def fault_of(exchange: Callable[[], object]) -> Fault | None:
    try:
        exchange()
    except ProtocolError as error:
        return error.fault
    return None


@settings(max_examples=25)
@given(group=st.sampled_from(ALL), data=st.data())
def test_any_share_ends_in_a_secret_or_a_typed_error(group: NamedGroup, data: st.DataObject) -> None:
    share_length, answer_length, _ = LENGTHS[group]
    share = data.draw(st.binary(min_size=share_length, max_size=share_length))
    answer = data.draw(st.binary(min_size=answer_length, max_size=answer_length))
    assert fault_of(lambda: groups.respond(group, share)) in (None, Fault.BAD_KEY_SHARE)
    assert fault_of(lambda: groups.generate(group).agree(answer)) in (None, Fault.BAD_KEY_SHARE)


def test_points_of_small_order_are_refused() -> None:
    # RFC 7748, section 6: the result is all zeros.
    for low in (bytes(32), b"\1" + bytes(31), bytes.fromhex("ec" + "ff" * 30 + "7f")):
        refused(NamedGroup.x25519, low)
    for low in (bytes(56), b"\1" + bytes(55)):
        refused(NamedGroup.x448, low)


@pytest.mark.parametrize("group", [NamedGroup.secp256r1, NamedGroup.secp384r1, NamedGroup.secp521r1])
def test_points_must_be_uncompressed_and_on_the_curve(group: NamedGroup) -> None:
    public = bytearray(groups.generate(group).public)
    compressed = bytes((2 + (public[-1] & 1),)) + public[1 : (len(public) + 1) // 2]
    hybrid_form = bytes((6 + (public[-1] & 1),)) + public[1:]
    public[-1] ^= 1
    for bad in (compressed, hybrid_form, bytes(public), b"\4" + bytes(len(public) - 1), b"\0" * len(public)):
        refused(group, bad)


@pytest.mark.parametrize(
    ("group", "bits", "offset"),
    [
        (NamedGroup.ffdhe2048, 2048, 560316),
        (NamedGroup.ffdhe3072, 3072, 2625351),
        (NamedGroup.ffdhe4096, 4096, 5736041),
    ],
)
def test_finite_field_values_are_between_1_and_p_minus_1(group: NamedGroup, bits: int, offset: int) -> None:
    p = groups.ffdhe_prime(bits, offset)
    for bad in (0, 1, p - 1, p, p + 1, 2**bits - 1):
        refused(group, bad.to_bytes(bits // 8))


@pytest.mark.parametrize(
    ("bits", "offset", "tail"),
    [
        (2048, 560316, "886b423861285c97ffffffffffffffff"),
        (3072, 2625351, "25e41d2b66c62e37ffffffffffffffff"),
        (4096, 5736041, "c68a007e5e655f6affffffffffffffff"),
    ],
)
def test_the_primes_are_those_of_rfc_7919(bits: int, offset: int, tail: str) -> None:
    p = groups.ffdhe_prime(bits, offset)
    assert f"{p:x}".startswith("ffffffffffffffffadf85458a2bb4a9aafdc5620273d3cf1")
    assert f"{p:x}".endswith(tail)
    assert pow(2, (p - 1) // 2, p) == 1  # 2 generates the subgroup of prime order q = (p-1)/2


def test_finite_field_shares_and_secrets_keep_their_leading_zeros() -> None:
    # y = 2^k has many of them, and the shared secret with a small power of the generator may have.
    group = NamedGroup.ffdhe2048
    small = (4).to_bytes(256)
    public, secret = groups.respond(group, small)
    assert len(public) == len(secret) == 256


def test_hybrids_refuse_a_bad_half() -> None:
    group = NamedGroup.X25519MLKEM768
    public = groups.generate(group).public
    with pytest.raises(ProtocolError, match="small order"):
        groups.respond(group, public[:-32] + bytes(32))
    # FIPS 203, section 7.2: coefficients are below 3329.
    with pytest.raises(ProtocolError, match="encapsulation key"):
        groups.respond(group, b"\xff" * 1184 + public[-32:])


def test_the_order_of_the_halves() -> None:
    """X25519MLKEM768 has ML-KEM first, the NIST hybrids have the curve first (draft-ietf-tls-ecdhe-mlkem)."""
    for hybrid, classical, kem_first in (
        (NamedGroup.X25519MLKEM768, NamedGroup.x25519, True),
        (NamedGroup.SecP256r1MLKEM768, NamedGroup.secp256r1, False),
        (NamedGroup.SecP384r1MLKEM1024, NamedGroup.secp384r1, False),
    ):
        both, alone = groups.generate_many([hybrid, classical])
        length = len(alone.public)
        assert (both.public[-length:] if kem_first else both.public[:length]) == alone.public
        server_public, secret = groups.respond(hybrid, both.public)
        server_classical = server_public[-length:] if kem_first else server_public[:length]
        classical_secret = alone.agree(server_classical)
        assert (secret[32:] if kem_first else secret[:-32]) == classical_secret


def test_a_hybrid_and_its_classical_group_share_one_key_in_any_order() -> None:
    wanted = [NamedGroup.x25519, NamedGroup.secp256r1, NamedGroup.X25519MLKEM768]
    shares = groups.generate_many(wanted)
    assert [share.group for share in shares] == wanted
    assert shares[2].public[-32:] == shares[0].public


def test_a_changed_ciphertext_gives_another_secret() -> None:
    """ML-KEM rejects implicitly: the Finished will tell."""
    share = groups.generate(NamedGroup.X25519MLKEM768)
    server_public, secret = groups.respond(share.group, share.public)
    changed = bytes((server_public[0] ^ 1,)) + server_public[1:]
    assert share.agree(changed) != secret


def test_x25519_of_rfc_8448() -> None:
    share = groups.from_private_bytes(
        NamedGroup.x25519, bytes.fromhex("49af42ba7f7994852d713ef2784bcbcaa7911de26adc5642cb634540e7ea5005")
    )
    assert share.public.hex() == "99381de560e4bd43d23d8e435a7dbafeb3c06e51c13cae4d5413691e529aaf2c"
    server = bytes.fromhex("c9828876112095fe66762bdbf7c672e156d6cc253b833df1dd69b1b04e751f0f")
    assert share.agree(server).hex() == "8bd4054fb55b9d63fdfbacf9f04b9f0d35e6d63f537563efd46272900f89492d"


def test_p256_from_its_scalar() -> None:
    share = groups.from_private_bytes(NamedGroup.secp256r1, (1).to_bytes(32))
    assert share.public[1:33].hex() == "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"


def test_hybrids_are_not_made_from_private_bytes() -> None:
    with pytest.raises(ValueError, match="not made from private bytes"):
        groups.from_private_bytes(NamedGroup.X25519MLKEM768, bytes(32))


def test_unknown_groups_are_a_key_error() -> None:
    with pytest.raises(KeyError):
        groups.generate(NamedGroup(0x0A0A))
