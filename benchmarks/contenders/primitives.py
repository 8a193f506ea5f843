"""The floor: nothing but the cryptography that a handshake or a record cannot do without, through `cryptography`.

No messages, no key schedule, no transcript, no certificates: the chain's verdict is taken as known.
"""

from __future__ import annotations

from collections.abc import Callable

import cryptography
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, mlkem, padding, rsa, x25519
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from benchmarks.contenders.cases import Cipher, Handshake, KeyType, Transfer, Work
from benchmarks.contenders.clock import timed

_RECORD = 1 << 14
_AEADS: dict[Cipher, Callable[[], AESGCM | ChaCha20Poly1305]] = {
    "AES-128-GCM": lambda: AESGCM(bytes(16)),
    "AES-256-GCM": lambda: AESGCM(bytes(32)),
    "CHACHA20-POLY1305": lambda: ChaCha20Poly1305(bytes(32)),
}


class Primitives:
    """No TLS at all."""

    name = "primitives"
    version = cryptography.__version__

    def handshake(self, case: Handshake) -> Work | None:
        """Two ephemeral keys, two agreements; a signature and its check for each side that shows a certificate."""
        if case.resumed and case.version == "1.2":
            return None  # there is none but symmetric cryptography
        agree = _agree_hybrid if case.group == "X25519MLKEM768" else _agree
        authenticate = _authentication(case.key)
        authentications = 0 if case.resumed else 2 if case.client_certificate else 1

        def handshake() -> None:
            agree()
            for _ in range(authentications):
                authenticate()

        return timed(handshake)

    def transfer(self, case: Transfer) -> Work:
        """Each record is sealed into one buffer and opened into another."""
        aead = _AEADS[case.cipher]()
        nonce, header = bytes(12), bytes(5)
        records = [bytes(min(_RECORD, case.size - start) + 1) for start in range(0, case.size, _RECORD)]
        sealed, opened = bytearray(_RECORD + 17), bytearray(_RECORD + 1)
        views = [(inner, memoryview(sealed)[: len(inner) + 16], memoryview(opened)[: len(inner)]) for inner in records]

        def there_and_back() -> None:
            for inner, ciphertext, plaintext in views * 2:
                aead.encrypt_into(nonce, inner, header, ciphertext)
                aead.decrypt_into(nonce, ciphertext, header, plaintext)

        return timed(there_and_back)


def _agree() -> None:
    client, server = x25519.X25519PrivateKey.generate(), x25519.X25519PrivateKey.generate()
    for mine, other in ((client, server), (server, client)):
        mine.exchange(x25519.X25519PublicKey.from_public_bytes(other.public_key().public_bytes_raw()))


def _agree_hybrid() -> None:
    _agree()
    client = mlkem.MLKEM768PrivateKey.generate()
    public = mlkem.MLKEM768PublicKey.from_public_bytes(client.public_key().public_bytes_raw())
    client.decapsulate(public.encapsulate()[1])


def _authentication(kind: KeyType) -> Callable[[], None]:
    data = bytes(130)
    if kind == "ecdsa":
        ec_key, algorithm = ec.generate_private_key(ec.SECP256R1()), ec.ECDSA(hashes.SHA256())
        ec_public = ec_key.public_key()
        return lambda: ec_public.verify(ec_key.sign(data, algorithm), data, algorithm)
    rsa_key = rsa.generate_private_key(65537, 2048)
    rsa_public, hash = rsa_key.public_key(), hashes.SHA256()
    pss = padding.PSS(padding.MGF1(hash), padding.PSS.DIGEST_LENGTH)
    return lambda: rsa_public.verify(rsa_key.sign(data, pss, hash), data, pss, hash)
