"""Pre-shared keys in TLS 1.3: what a client offers, and what a server takes of it (RFC 8446, section 4.2.11).

They come with tickets, or from outside of TLS: as they are, or imported (RFC 9258). They are always used together with
a key exchange (psk_dhe_ke, section 4.2.9), so what was recorded stays secret when a PSK is found out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from turtls.config import ClientConfig, ServerConfig, Session, VerifiedChain
from turtls.crypto.hashes import SHA256, SHA384, Hash
from turtls.crypto.key_schedule import EarlySecret, PskOrigin, imported_psk
from turtls.crypto.suites import SUITES13, Suite13
from turtls.errors import Fault, ProtocolError
from turtls.handshake.peer import Peer
from turtls.handshake.proofs import VerifiedBinder, verify_binder
from turtls.handshake.resumption import TicketState, digest_of_psk, look_up_psk, verify_client_again
from turtls.handshake.transcript import Transcript
from turtls.wire.codec import opaque, uint16
from turtls.wire.extensions import OfferedPsks, PskIdentity, PskKeyExchangeModes, SignatureAlgorithms
from turtls.wire.messages import ClientHello
from turtls.wire.registries import ProtocolVersion, PskKeyExchangeMode
from turtls.wire.structs import Struct

if TYPE_CHECKING:
    from turtls.config import PreSharedKey

MAX_IDENTITIES_TRIED: Final = 8
"""Identities of one ClientHello that are looked up: clients offer a few, and each may cost a decryption."""

_KDFS: Final = {SHA256: 1, SHA384: 2}
"""RFC 9258, section 10: HKDF_SHA256 and HKDF_SHA384."""


class ImportedIdentity(Struct):
    """What stands for an imported PSK in a ClientHello (RFC 9258, section 4.1)."""

    external_identity: bytes = opaque(1, 2**16 - 1)
    context: bytes = opaque(0, 2**16 - 1)
    target_protocol: int = uint16()
    target_kdf: int = uint16()


class Psk:
    """A PSK that is offered, or may be used: its first stage of the key schedule, and where it comes from."""

    __slots__ = ("client_chain", "early_secret", "external", "identity", "origin", "session", "state")

    def __init__(
        self,
        identity: bytes,
        early_secret: EarlySecret,
        origin: bytes,
        external: PreSharedKey | None = None,
        session: Session | None = None,
        state: TicketState | None = None,
        client_chain: VerifiedChain | None = None,
    ) -> None:
        """`session` is a client's, `state` a server's."""
        self.identity = identity
        self.early_secret = early_secret
        self.origin = origin
        self.external = external
        self.session = session
        self.state = state
        self.client_chain = client_chain

    @property
    def hash(self) -> Hash:
        """Cipher suites with this hash go with it."""
        return self.early_secret.hash

    @property
    def external_identity(self) -> bytes | None:
        """Of the external PSK that it is, or that the session rests on."""
        if self.state is not None:
            return self.state.psk_identity or None
        return self.external.identity if self.external is not None else None

    @property
    def digest(self) -> bytes:
        """Of the external PSK that it is, or that the session rests on (`digest_of_psk`)."""
        return self.state.secret_digest if self.state is not None else digest_of_psk(self.external)

    def binder(self, transcript_hash: bytes) -> bytes:
        """The proof of having it, over the transcript up to the binders (section 4.2.11.2)."""
        return self.early_secret.binder(self.origin, transcript_hash)


def _external(psk: PreSharedKey, hash: Hash) -> Psk | None:
    """An external PSK for suites of that hash; None if it does not go with them."""
    if psk.import_context is None:
        return Psk(psk.identity, EarlySecret(hash, psk.key), PskOrigin.EXTERNAL, psk) if psk.hash is hash else None
    identity = ImportedIdentity(
        external_identity=psk.identity,
        context=psk.import_context,
        target_protocol=ProtocolVersion.TLS_1_3,
        target_kdf=_KDFS[hash],
    ).encode()
    secret = imported_psk(psk.hash, psk.key, identity, hash)
    return Psk(identity, EarlySecret(hash, secret), PskOrigin.IMPORTED, psk)


# ------------------------------------------------------------------------------------------- the client


def hashes_of_psks(config: ClientConfig) -> frozenset[Hash]:
    """What cipher suites can be used with the external PSKs of a configuration."""
    imported = any(psk.import_context is not None for psk in config.psks)
    return frozenset(_KDFS) if imported else frozenset(psk.hash for psk in config.psks)


def psks_to_offer(config: ClientConfig, session: Session | None, hashes: frozenset[Hash]) -> list[Psk]:
    """The session's first, if there is one of TLS 1.3, then the external ones that go with suites of those hashes."""
    psks = []
    if session is not None and session.version == ProtocolVersion.TLS_1_3:
        early_secret = EarlySecret(SUITES13[session.cipher_suite].hash, session.secret)
        psks.append(Psk(session.ticket, early_secret, PskOrigin.TICKET, session=session))
    for psk in config.psks:
        psks += [usable for hash in _KDFS if hash in hashes and (usable := _external(psk, hash)) is not None]
    return psks


def offered_psks(psks: list[Psk], now: float) -> OfferedPsks:
    """The extension, its binders still to be filled in."""
    identities = [PskIdentity(identity=psk.identity, obfuscated_ticket_age=_ticket_age(psk, now)) for psk in psks]
    return OfferedPsks(identities=identities, binders=[psk.hash.zeros for psk in psks])


def _ticket_age(psk: Psk, now: float) -> int:
    """In milliseconds, obfuscated (section 4.2.11.1); 0 where there is no ticket."""
    if psk.session is None:
        return 0
    return (int((now - psk.session.received_at) * 1000) + psk.session.age_add) % 2**32


def binders(psks: list[Psk], truncated_hello: bytes, transcript: Transcript) -> list[bytes]:
    """Over what came before this ClientHello, if there was something, and it itself up to the binders."""
    if transcript.started:
        transcript_hash = transcript.digest_with(truncated_hello)
        return [psk.binder(transcript_hash) for psk in psks]
    return [psk.binder(psk.hash.digest(truncated_hello)) for psk in psks]


# ------------------------------------------------------------------------------------------- the server


class ChosenPsk:
    """A PSK that is used: the client has shown by its binder that it has it."""

    __slots__ = ("index", "obfuscated_ticket_age", "proof", "psk")

    def __init__(self, proof: VerifiedBinder, index: int, obfuscated_ticket_age: int, psk: Psk) -> None:
        self.proof = proof
        self.index = index
        self.obfuscated_ticket_age = obfuscated_ticket_age
        self.psk = psk


async def choose_psk(
    peer: Peer,
    config: ServerConfig,
    hello: ClientHello,
    suite: Suite13,
    server_name: str | None,
    transcript: Transcript,
) -> ChosenPsk | None:
    """The first one offered that can be used here. `transcript` stands before this ClientHello.

    Raises ProtocolError (BAD_BINDER) if the client does not have it. Where nothing but a PSK would do, an identity that
    is not known ends in the same, so that identities cannot be probed (appendix E.6).
    """
    offered = hello.extensions.get(OfferedPsks)
    if offered is None:
        return None
    _check_offer(hello, offered)
    if not can_use_psk(hello):
        return None
    transcript_hash = transcript.digest_with(hello.raw[: -offered.binders_length])
    for index, identity in enumerate(offered.identities[:MAX_IDENTITIES_TRIED]):
        psk = await _find(peer, config, identity.identity, suite, server_name)
        if psk is not None:
            proof = verify_binder(psk.binder(transcript_hash), offered.binders[index])
            if psk.external is not None:
                peer.explain("authentication", "The client's binder shows that it has the same pre-shared key.")
            return ChosenPsk(proof, index, identity.obfuscated_ticket_age, psk)
    if config.psks is not None and not _can_show_certificate(config, hello):
        unknown = Psk(b"", EarlySecret(suite.hash, peer.environment.random(32)), PskOrigin.EXTERNAL)
        verify_binder(unknown.binder(transcript_hash), offered.binders[0])
    return None


def can_use_psk(hello: ClientHello) -> bool:
    """Whether the client uses PSKs in the one mode that is used here (section 4.2.9)."""
    modes = hello.extensions.get(PskKeyExchangeModes)
    return modes is not None and PskKeyExchangeMode.psk_dhe_ke in modes.ke_modes


def _check_offer(hello: ClientHello, offered: OfferedPsks) -> None:
    if [*hello.extensions.types][-1] != OfferedPsks.extension_type:
        raise ProtocolError(Fault.PSK_NOT_LAST)
    if len(offered.identities) != len(offered.binders):
        raise ProtocolError(
            Fault.ILLEGAL_PARAMETER, f"{len(offered.identities)} PSK identities with {len(offered.binders)} binders"
        )


def _can_show_certificate(config: ServerConfig, hello: ClientHello) -> bool:
    return bool(config.credentials) and SignatureAlgorithms in hello.extensions


async def _find(
    peer: Peer, config: ServerConfig, untrusted_identity: bytes, suite: Suite13, server_name: str | None
) -> Psk | None:
    """A session by its ticket, or an external PSK by its name."""
    return await _find_session(peer, config, untrusted_identity, suite, server_name) or await _find_external(
        peer, config, untrusted_identity, suite
    )


async def _find_session(
    peer: Peer, config: ServerConfig, untrusted_ticket: bytes, suite: Suite13, server_name: str | None
) -> Psk | None:
    if config.tickets is None:
        return None
    sealed = await peer.wait(config.tickets.unseal(untrusted_ticket, peer.environment.now()), "a look-up of a ticket")
    state = TicketState.read(sealed)
    if state is None or not _suits(state, suite, server_name):
        return None
    try:
        client_chain = await verify_client_again(peer, config, state)
    except ProtocolError:
        return None
    early_secret = EarlySecret(suite.hash, state.secret)
    return Psk(untrusted_ticket, early_secret, PskOrigin.TICKET, state=state, client_chain=client_chain)


def _suits(state: TicketState, suite: Suite13, server_name: str | None) -> bool:
    return (
        state.version == ProtocolVersion.TLS_1_3
        and state.cipher_suite in SUITES13
        and SUITES13[state.cipher_suite].hash is suite.hash
        and state.server_name == (server_name or "").encode()
    )


async def _find_external(peer: Peer, config: ServerConfig, untrusted_identity: bytes, suite: Suite13) -> Psk | None:
    """By the name itself, or by the one inside of an ImportedIdentity that is what it would be here."""
    psk = await look_up_psk(peer, config, untrusted_identity)
    if psk is None and (name := _external_identity(untrusted_identity)) is not None:
        psk = await look_up_psk(peer, config, name)
    usable = _external(psk, suite.hash) if psk is not None else None
    return usable if usable is not None and usable.identity == untrusted_identity else None


def _external_identity(untrusted_identity: bytes) -> bytes | None:
    """The name inside of an ImportedIdentity; None if it is none."""
    try:
        return ImportedIdentity.decode(untrusted_identity).external_identity
    except ProtocolError:
        return None
