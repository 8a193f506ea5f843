from __future__ import annotations

import pytest

from turtls.crypto import dhe
from turtls.crypto.groups import generate
from turtls.errors import Fault, ProtocolError
from turtls.wire.registries import NamedGroup

# RFC 3526, section 3: a safe prime of 2048 bits that is none of RFC 7919's.
MODP_2048 = bytes.fromhex(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b"
    "302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6"
    "49286651ece45b3dc2007cb8a163bf0598da48361c55d39a69163fa8fd24cf5f83655d23dca3ad961c62f356208552bb9ed529077096966d"
    "670c354e4abc9804f1746c08ca18217c32905e462e36ce3be39e772c180e86039b2783a2ec07a28fb5c55df06f4c52c9de2bcbf695581718"
    "3995497cea956ae515d2261898fa051015728e5a8aacaa68ffffffffffffffff"
)
# RFC 2409, section 6.2: safe, but of 1024 bits.
MODP_1024 = bytes.fromhex(
    "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74020bbea63b139b22514a08798e3404ddef9519b3cd3a431b"
    "302b0a6df25f14374fe1356d6d51c245e485b576625e7ec6f44c42e9a637ed6b0bff5cb6f406b7edee386bfb5a899fa5ae9f24117c4b1fe6"
    "49286651ece65381ffffffffffffffff"
)
G = b"\x02"


def minus(p: bytes, less: int) -> bytes:
    return (int.from_bytes(p, "big") - less).to_bytes(len(p), "big")


@pytest.mark.parametrize("group", [NamedGroup.ffdhe2048, NamedGroup.ffdhe3072, NamedGroup.ffdhe4096])
def test_both_sides_agree_in_a_named_group(group: NamedGroup) -> None:
    server = generate(group)
    yc, secret = dhe.respond(*dhe.named_parameters(group), server.public)
    assert server.agree(yc.rjust(len(server.public), b"\0")).lstrip(b"\0") == secret


def test_both_sides_agree_in_a_group_that_nobody_named() -> None:
    p, exponent = int.from_bytes(MODP_2048, "big"), 0x1234567
    yc, secret = dhe.respond(MODP_2048, G, pow(2, exponent, p).to_bytes(256, "big"))
    assert pow(int.from_bytes(yc, "big"), exponent, p) == int.from_bytes(secret, "big")
    assert not secret.startswith(b"\0")


def test_each_answer_is_fresh() -> None:
    assert len({dhe.respond(MODP_2048, G, b"\x05")[0] for _ in range(3)}) == 3


@pytest.mark.parametrize(
    "p",
    [
        b"",
        b"\x17",
        MODP_1024,
        minus(MODP_2048, 1),
        minus(MODP_2048, 2),
        b"\xff" * 513,
    ],
    ids=["nothing", "23", "1024 bits", "even", "not prime", "4104 bits"],
)
def test_a_weak_group_is_refused(p: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        dhe.respond(p, G, b"\x05")
    assert caught.value.fault is Fault.WEAK_DH


@pytest.mark.parametrize("length", [513, 1024, 2**16 - 1])
def test_nothing_is_computed_with_a_group_of_more_than_4096_bits(length: int) -> None:
    """It would take seconds."""
    with pytest.raises(ProtocolError, match=f"{8 * length} bits") as caught:
        dhe.respond(b"\xff" * length, G, b"\x05")
    assert caught.value.fault is Fault.WEAK_DH


def test_a_prime_with_small_subgroups_is_refused() -> None:
    """2**2203 - 1 is prime; half of it is not."""
    with pytest.raises(ProtocolError, match="not a safe prime") as caught:
        dhe.respond((2**2203 - 1).to_bytes(276, "big"), G, b"\x05")
    assert caught.value.fault is Fault.WEAK_DH


@pytest.mark.parametrize("value", [b"", b"\0", b"\x01", minus(MODP_2048, 1), MODP_2048, b"\xff" * 300])
def test_values_of_small_order_or_out_of_range_are_refused(value: bytes) -> None:
    for g, ys in ((value, b"\x05"), (G, value)):
        with pytest.raises(ProtocolError) as caught:
            dhe.respond(MODP_2048, g, ys)
        assert caught.value.fault is Fault.BAD_DH_PUBLIC
