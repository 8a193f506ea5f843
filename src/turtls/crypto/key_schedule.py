"""The key schedule of TLS 1.3 (RFC 8446, section 7.1), stage by stage.

Each stage is made of the one before it, which then holds no secret any more. Read downwards; what leaves a stage
to the right is a method of it::

                    0
                    |
                    v
    PSK or 0 -> HKDF-Extract = EarlySecret
                    |---- binder_key                    a PskOrigin, over no messages
                    |---- client_early_traffic_secret   "c e traffic",  ClientHello
                    |---- early_exporter_master_secret  "e exp master", ClientHello
                    v
             Derive-Secret "derived"
                    |
                    v
    (EC)DHE  -> HKDF-Extract = HandshakeSecret
                    |---- traffic_secrets: client       "c hs traffic", ClientHello...ServerHello
                    |                      server       "s hs traffic", ClientHello...ServerHello
                    v
             Derive-Secret "derived"
                    |
                    v
          0  -> HKDF-Extract = MasterSecret
                    |---- traffic_secrets: client       "c ap traffic", ClientHello...server Finished
                    |                      server       "s ap traffic", ClientHello...server Finished
                    |---- exporter_master_secret        "exp master",   ClientHello...server Finished
                    |---- resumption_master_secret      "res master",   ClientHello...client Finished

Transcript hashes are passed in by the caller, and are of the length of the suite's hash.
"""

from __future__ import annotations

from functools import cache, lru_cache
from typing import Final

from turtls.crypto.aead import AEAD, NONCE_LENGTH
from turtls.crypto.hashes import Hash, HmacKey


class TrafficSecret:
    """What one side sends under: the keys of its records and its Finished are made of it.

    Each of them is an HMAC under it, so the HMAC key is made once. `raw` is the secret as it is, for key logs and QUIC.
    """

    __slots__ = ("_key", "hash", "raw")

    def __init__(self, hash: Hash, secret: bytes) -> None:
        self.hash = hash
        self.raw = secret
        self._key = HmacKey(hash, secret)

    def record_keys(self, aead: AEAD) -> tuple[bytes, bytes]:
        """The key and the IV of records (RFC 8446, section 7.3)."""
        key = self._key.digest(_KEY[aead.key_length])
        return key[: aead.key_length], self._key.digest(_IV)[:NONCE_LENGTH]

    def finished_mac(self, transcript_hash: bytes) -> bytes:
        """verify_data of this side's Finished (RFC 8446, section 4.4.4)."""
        finished_key = self._key.digest(_FINISHED[self.hash.digest_size])
        return self.hash.hmac(finished_key, transcript_hash)

    def next_generation(self) -> TrafficSecret:
        """application_traffic_secret_N+1, after a KeyUpdate (RFC 8446, section 7.2)."""
        return TrafficSecret(self.hash, expand_label(self._key, b"traffic upd", b"", self.hash.digest_size))


class _Stage:
    """A secret out of HKDF-Extract, and what is derived from it."""

    __slots__ = ("_secret", "hash")
    __deletable__ = ("_secret",)  # mypyc asks for it

    def __init__(self, hash: Hash, secret: bytes) -> None:
        self.hash = hash
        self._secret = HmacKey(hash, secret)

    def _derive_secret(self, label: bytes, transcript_hash: bytes) -> bytes:
        return self._secret.digest(_SECRETS[self.hash.digest_size][label] + transcript_hash + b"\1")

    def _traffic_secret(self, label: bytes, transcript_hash: bytes) -> TrafficSecret:
        return TrafficSecret(self.hash, self._derive_secret(label, transcript_hash))

    def _extract_next(self, input_keying_material: bytes) -> bytes:
        """The secret of the next stage. This one is over, and its secret let go."""
        salt = self._derive_secret(b"derived", self.hash.empty)
        del self._secret
        return self.hash.hmac(salt, input_keying_material)


class PskOrigin:
    """Where a PSK comes from: the labels of binders."""

    TICKET: Final = b"res binder"
    EXTERNAL: Final = b"ext binder"
    IMPORTED: Final = b"imp binder"
    """RFC 9258, section 5.1."""


class EarlySecret(_Stage):
    """The first stage, from a pre-shared key."""

    __slots__ = ()

    def __init__(self, hash: Hash, psk: bytes) -> None:
        super().__init__(hash, _zero_salt(hash).digest(psk))

    def binder(self, origin: bytes, transcript_hash: bytes) -> bytes:
        """The proof of having this PSK, made with binder_key (RFC 8446, section 4.2.11.2); `origin` is a PskOrigin."""
        binder_key = self._derive_secret(origin, self.hash.empty)
        finished_key = self.hash.hmac(binder_key, _FINISHED[self.hash.digest_size])
        return self.hash.hmac(finished_key, transcript_hash)

    def client_early_traffic_secret(self, transcript_hash: bytes) -> TrafficSecret:
        """Protects early data."""
        return self._traffic_secret(b"c e traffic", transcript_hash)

    def early_exporter_master_secret(self, transcript_hash: bytes) -> bytes:
        """For `exporter`, before the handshake ends."""
        return self._derive_secret(b"e exp master", transcript_hash)


class HandshakeSecret(_Stage):
    """The second stage: the (EC)DHE shared secret comes in. `early_secret` is None in a handshake without a PSK."""

    __slots__ = ()

    def __init__(self, hash: Hash, early_secret: EarlySecret | None, shared_secret: bytes) -> None:
        if early_secret is None:
            super().__init__(hash, _salt_without_psk(hash).digest(shared_secret))
        else:
            super().__init__(hash, early_secret._extract_next(shared_secret))

    def traffic_secrets(self, transcript_hash: bytes) -> tuple[TrafficSecret, TrafficSecret]:
        """The client's and the server's: they protect what each sends until its Finished."""
        return (
            self._traffic_secret(b"c hs traffic", transcript_hash),
            self._traffic_secret(b"s hs traffic", transcript_hash),
        )


class MasterSecret(_Stage):
    """The last stage."""

    __slots__ = ()

    def __init__(self, handshake_secret: HandshakeSecret) -> None:
        hash = handshake_secret.hash
        super().__init__(hash, handshake_secret._extract_next(hash.zeros))

    def traffic_secrets(self, transcript_hash: bytes) -> tuple[TrafficSecret, TrafficSecret]:
        """The client's and the server's: they protect application data until the sender's first KeyUpdate."""
        return (
            self._traffic_secret(b"c ap traffic", transcript_hash),
            self._traffic_secret(b"s ap traffic", transcript_hash),
        )

    def exporter_master_secret(self, transcript_hash: bytes) -> bytes:
        """For `exporter`."""
        return self._derive_secret(b"exp master", transcript_hash)

    def resumption_master_secret(self, transcript_hash: bytes) -> bytes:
        """For `resumption_psk`."""
        return self._derive_secret(b"res master", transcript_hash)


@cache
def _zero_salt(hash: Hash) -> HmacKey:
    """What the first HKDF-Extract is keyed with. HKDF-Extract is an HMAC under its salt (RFC 5869, section 2.2)."""
    return HmacKey(hash, hash.zeros)


@cache
def _salt_without_psk(hash: Hash) -> HmacKey:
    """What the second is keyed with where there is no PSK: then all of the first stage is a constant of the hash."""
    return HmacKey(hash, EarlySecret(hash, hash.zeros)._derive_secret(b"derived", hash.empty))


def expand_label(secret: HmacKey, label: bytes, context: bytes, length: int) -> bytes:
    """HKDF-Expand-Label (RFC 8446, section 7.1): `length` bytes, for the `label` without its "tls13 "."""
    info = _hkdf_label(label, len(context), length) + context
    block = secret.digest(info + b"\1")
    if length <= len(block):
        return block[:length]
    output = block
    for counter in range(2, -(-length // len(block)) + 1):  # RFC 5869, section 2.3
        block = secret.digest(block + info + bytes((counter,)))
        output += block
    return output[:length]


@lru_cache(maxsize=256)
def _hkdf_label(label: bytes, context_length: int, length: int) -> bytes:
    """An HkdfLabel, up to its context."""
    full = b"tls13 " + label
    return length.to_bytes(2) + bytes((len(full),)) + full + bytes((context_length,))


# What is the same in all connections is worked out once. No more than the first block is needed of these.
_IV: Final = _hkdf_label(b"iv", 0, NONCE_LENGTH) + b"\1"
_KEY: Final = {length: _hkdf_label(b"key", 0, length) + b"\1" for length in (16, 32)}
_FINISHED: Final = {length: _hkdf_label(b"finished", 0, length) + b"\1" for length in (32, 48)}
_SECRETS: Final = {
    length: {
        label: _hkdf_label(label, length, length)
        for label in (
            *(PskOrigin.TICKET, PskOrigin.EXTERNAL, PskOrigin.IMPORTED),
            *(b"c e traffic", b"e exp master", b"derived"),
            *(b"c hs traffic", b"s hs traffic"),
            *(b"c ap traffic", b"s ap traffic", b"exp master", b"res master"),
        )
    }
    for length in (32, 48)
}
"""Of Derive-Secret, whose context is a transcript hash, by its length."""


def resumption_psk(hash: Hash, resumption_master_secret: bytes, ticket_nonce: bytes) -> bytes:
    """The PSK that goes with a ticket (RFC 8446, section 4.6.1)."""
    label = _hkdf_label(b"resumption", len(ticket_nonce), hash.digest_size)
    return hash.hmac(resumption_master_secret, label + ticket_nonce + b"\1")


def imported_psk(hash: Hash, key: bytes, imported_identity: bytes, target: Hash) -> bytes:
    """The PSK for suites of the hash `target`, from an external `key` that goes with `hash` (RFC 9258, section 4.1)."""
    secret = HmacKey(hash, _zero_salt(hash).digest(key))
    return expand_label(secret, b"derived psk", hash.digest(imported_identity), target.digest_size)


def exporter(hash: Hash, exporter_master_secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """Keying material for an application (RFC 8446, section 7.5): `length` bytes, at most 255 digests of the hash."""
    secret = expand_label(HmacKey(hash, exporter_master_secret), label, hash.empty, hash.digest_size)
    return expand_label(HmacKey(hash, secret), b"exporter", hash.digest(context), length)
