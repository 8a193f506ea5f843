"""Reports whether the time that a server takes tells one kind of bad premaster secret from another.

    make timing [ARGS=SAMPLES]

It asserts nothing. Each sample is one decryption with all that the server does to its result (RFC 5246, section
7.4.7.1), of a fresh ciphertext, in random order. The table has each kind's median, and how it differs from
the median of good ones, with a 95 % confidence interval (percentile bootstrap). An interval without zero in it is a
difference that somebody in this very process could see with that many samples.
"""

from __future__ import annotations

import argparse
import gc
import random
import statistics
import time
from collections.abc import Callable, Sequence

from cryptography.hazmat.primitives.asymmetric import padding, rsa

from turtls.crypto.rsa_transport import PREMASTER_LENGTH, checked_premaster, decrypt

_BITS = 2048
_VERSION = 0x0303
_RESAMPLINGS = 1000
_PKCS1 = padding.PKCS1v15()

Encrypt = Callable[[rsa.RSAPublicKey], bytes]


def _premaster(length: int, version: int = _VERSION) -> Encrypt:
    return lambda key: key.encrypt(version.to_bytes(2, "big") + random.randbytes(length - 2), _PKCS1)


def _raw(start: bytes) -> Encrypt:
    """A block of the modulus' length that begins so and has no zero byte after that."""

    def encrypt(key: rsa.RSAPublicKey) -> bytes:
        block = start + bytes(random.randrange(1, 256) for _ in range(_BITS // 8 - len(start)))
        numbers = key.public_numbers()
        return pow(int.from_bytes(block, "big"), numbers.e, numbers.n).to_bytes(_BITS // 8, "big")

    return encrypt


KINDS: dict[str, Encrypt] = {
    "good": _premaster(PREMASTER_LENGTH),
    "good again": _premaster(PREMASTER_LENGTH),
    "wrong version": _premaster(PREMASTER_LENGTH, 0x0301),
    "a byte too short": _premaster(PREMASTER_LENGTH - 1),
    "a byte too long": _premaster(PREMASTER_LENGTH + 1),
    "two bytes long": _premaster(2),
    "200 bytes long": _premaster(200),
    "no zero after the padding": _raw(b"\0\x02"),
    "padding of another type": _raw(b"\0\x01"),
    "no leading zero": _raw(b"\x01\x02"),
}
"""The second is what the first is: its difference is the measurement's own error."""


def measure(samples: int) -> dict[str, list[float]]:
    """Seconds of each sample of each kind."""
    key = rsa.generate_private_key(65537, _BITS)
    times: dict[str, list[float]] = {kind: [] for kind in KINDS}
    # All made beforehand: what made a ciphertext leaves its traces in the caches.
    public_key = key.public_key()
    ciphertexts = [(kind, encrypt(public_key)) for kind, encrypt in KINDS.items() for _ in range(samples)]
    random.shuffle(ciphertexts)
    gc.disable()
    for kind, ciphertext in ciphertexts:
        fresh = random.randbytes(PREMASTER_LENGTH)
        began = time.perf_counter_ns()
        checked_premaster(decrypt(key, ciphertext), _VERSION, fresh)
        times[kind].append((time.perf_counter_ns() - began) / 1e9)
    gc.enable()
    return times


def interval(times: Sequence[float], reference: Sequence[float]) -> tuple[float, float]:
    """The 95 % confidence interval of the difference of the medians, in seconds."""
    differences = sorted(
        statistics.median(random.choices(times, k=len(times)))
        - statistics.median(random.choices(reference, k=len(reference)))
        for _ in range(_RESAMPLINGS)
    )
    return differences[round(_RESAMPLINGS * 0.025)], differences[round(_RESAMPLINGS * 0.975) - 1]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="make timing", description="`make timing ARGS=500`")
    parser.add_argument("samples", type=int, nargs="?", default=3000, help="of each kind of premaster secret")
    samples = parser.parse_args().samples
    times = measure(samples)
    good = times["good"]
    print(f"RSA-{_BITS}, {samples} samples of each kind; microseconds\n")
    print(f"{'premaster secret':28}{'median':>9}{'difference from good':>24}{'95 % interval':>20}")
    for kind, own in times.items():
        median = statistics.median(own)
        low, high = interval(own, good)
        difference = median - statistics.median(good)
        between = f"{low * 1e6:+.2f} to {high * 1e6:+.2f}"
        print(f"{kind:28}{median * 1e6:9.2f}{difference * 1e6:+24.2f}{between:>20}")


if __name__ == "__main__":
    main()
