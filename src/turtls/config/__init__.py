"""What a connection is told before it starts. All of it is immutable, and may be shared by any number of connections.

Configurations are plain values: to change one, make another with `dataclasses.replace`. Switches that give up
safety have "danger" in their name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import field
from enum import Enum
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

from turtls.config.compression import Brotli, CertificateCompression, Zlib
from turtls.config.credentials import Credential, CredentialIndex, Signer
from turtls.config.environment import Environment
from turtls.config.policy import Policy
from turtls.config.replay import MAX_EARLY_DATA, ReplayGuard, ReplayMemory
from turtls.config.session import Negotiated, Session, SessionCache, SessionIdStore, SessionStore, TicketStore
from turtls.config.trust import DangerAcceptAnyCertificate, Role, VerificationRequest, VerifiedChain, Verifier
from turtls.config.values import Frozen, dataclass
from turtls.crypto.tickets import TicketCache, TicketKeys
from turtls.errors import ConfigError

if TYPE_CHECKING:
    from turtls.config.psk import LookUpPsk, PreSharedKey
    from turtls.config.srp import SrpLogin, SrpUsers
    from turtls.wire.fingerprint import ClientHelloInfo

__all__ = [
    "Brotli",
    "CertificateCompression",
    "ClientAuth",
    "ClientConfig",
    "ConfigError",
    "Credential",
    "DangerAcceptAnyCertificate",
    "Environment",
    "Negotiated",
    "Policy",
    "PreSharedKey",
    "ReplayGuard",
    "ReplayMemory",
    "Role",
    "ServerConfig",
    "Session",
    "SessionCache",
    "SessionIdStore",
    "SessionStore",
    "Signer",
    "SrpLogin",
    "SrpUsers",
    "TicketStore",
    "VerificationRequest",
    "VerifiedChain",
    "Verifier",
    "Zlib",
]

_SELDOM = {
    "PreSharedKey": "turtls.config.psk",
    "SrpLogin": "turtls.config.srp",
    "SrpUsers": "turtls.config.srp",
}
"""What few programs use is imported when it is first asked for (PEP 562), from these modules."""


def __getattr__(name: str) -> Any:
    if name not in _SELDOM:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_SELDOM[name]), name)
    return value


T = TypeVar("T")

KeyLog = Callable[[str], None]
"""Takes one line in the SSLKEYLOGFILE format, without the line's end."""

_SYSTEM = Environment()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClientConfig(Frozen):
    """How a client speaks TLS, and whom it trusts."""

    policy: Policy = Policy.INTERMEDIATE
    verifier: Verifier | None = None
    """Who judges the server's chain. Where there are no `psks` either, `turtls.connect` and the others in `turtls.io`
    put the system's trust in the place of None; a bare ClientConnection refuses None."""
    alpn: tuple[str, ...] = ()
    """Application protocols, most wanted first."""
    credentials: tuple[Credential, ...] = ()
    """What to answer a CertificateRequest with: the first that the server can verify, of an issuer that it lists, if
    it lists any (RFC 8446, section 4.4.2.3; RFC 5246, section 7.4.6)."""
    ignore_certificate_authorities: bool = False
    """Show a certificate of another issuer, too, where none is of a listed one: for servers whose list is wrong. The
    server then learns who this is, though it did not ask for this certificate; up to TLS 1.2 so does who listens."""
    psks: tuple[PreSharedKey, ...] = ()
    """Keys shared with the server, most wanted first. TLS 1.3 offers them all, TLS 1.2 uses the first (a server's hint
    is not followed: RFC 4279, section 5.2). With a verifier a server may show a certificate instead; without one only
    those who have such a key are spoken to."""
    srp: SrpLogin | None = None
    """The name and password to log in with where the suite is one of SRP's (RFC 5054)."""
    fallback: bool = False
    """This connection is a second try with an older version: say so (TLS_FALLBACK_SCSV, RFC 7507)."""
    sessions: SessionStore | None = field(default_factory=SessionCache)
    """Where sessions are kept to be resumed; None never resumes."""
    verify_resumed: bool = False
    """Have the verifier judge the server's chain again whenever a session is resumed, as servers do with their
    clients': it may have been revoked since, or its authority be trusted no more. Early data is sent before that."""
    post_handshake_auth: bool = False
    send_certificate_authorities: bool = False
    """Tell the server whom this side trusts (RFC 8446, section 4.2.4), as servers tell their clients. Some servers
    take that for an error: NSS for one."""
    certificate_compression: tuple[CertificateCompression, ...] = ()
    """How the server may compress its certificate, and this side its own, best first (RFC 8879, TLS 1.3): a quarter to
    a half of the bytes for some microseconds. Peers that do not know it send and get them as they are."""
    record_size_limit: int | None = None
    """The record_size_limit to ask for (RFC 8449): in TLS 1.3 it counts the content type too. 64 to 16385."""
    record_padding: int = 0
    """Pads each encrypted record to a multiple of this many bytes (RFC 8446, section 5.4); 0 does not pad."""
    grease: bool = True
    """Sprinkle reserved code points into the ClientHello and shuffle its extensions, as browsers do (RFC 8701)."""
    keylog: KeyLog | None = None
    keylog_from_environment: bool = False
    """Whether the environment variable SSLKEYLOGFILE is obeyed."""
    environment: Environment = _SYSTEM
    _made: dict[Callable[[ClientConfig], Any], Any] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        _check_limits(self.record_size_limit, self.record_padding)
        _check_alpn(self.alpn)

    def once(self, make: Callable[[ClientConfig], T]) -> T:
        """`make(self)`, kept from the first call on: it depends on nothing but this configuration."""
        made: T | None = self._made.get(make)
        if made is None:
            made = self._made[make] = make(self)
        return made

    @property
    def identity(self) -> tuple[object, ...]:
        """Who this side can say it is. Sessions are kept apart by it."""
        return self.credentials, self.psks, self.srp

    @property
    def psk12(self) -> PreSharedKey | None:
        """The pre-shared key to use up to TLS 1.2, which knows no imported ones."""
        return next((psk for psk in self.psks if psk.import_context is None), None)

    def required_verifier(self) -> Verifier:
        """Who judges the server's chain. Raises ConfigError if nobody does."""
        if self.verifier is None:
            raise ConfigError(
                "ClientConfig.verifier is None: say whom to trust, "
                "such as turtls.WebVerifier(turtls.TrustStore.system())."
            )
        return self.verifier


class ClientAuth(Enum):
    """Whether a server wants to know who the client is."""

    NONE = "none"
    REQUEST = "request"
    REQUIRE = "require"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ServerConfig(Frozen):
    """How a server speaks TLS, and as whom."""

    policy: Policy = Policy.INTERMEDIATE
    credentials: tuple[Credential, ...] = ()
    """Chosen by the name the client asks for (exact, then wildcard, then the first) and by what it can verify."""
    alpn: tuple[str, ...] = ()
    """Application protocols, most wanted first. A client that offers only others is refused (RFC 7301)."""
    client_auth: ClientAuth = ClientAuth.NONE
    verifier: Verifier | None = None
    """Who judges the client's chain; needed if client_auth is not NONE."""
    psks: LookUpPsk | None = None
    """Finds pre-shared keys by their identity, such as `{psk.identity: psk}.get`. A client that has one is known by it,
    and is not asked for a certificate, whatever client_auth says. Without credentials nobody else is served."""
    psk_identity_hint: bytes = b""
    """What to tell clients of TLS 1.2 before they choose an identity (RFC 4279, section 5.2)."""
    srp: SrpUsers | None = None
    """Knows the users who log in with a password (RFC 5054)."""
    tickets: TicketStore | None = field(default_factory=TicketKeys)
    """None never resumes."""
    session_ids: SessionIdStore | None = field(default_factory=TicketCache)
    """Keeps sessions of TLS 1.2 for clients that know session ids, but no tickets; None does not."""
    tickets_to_send: int = 2
    """To each client of TLS 1.3 that can resume: 0 to 255. After a resumption, one at the most."""
    max_early_data: int = 0
    """Bytes of early data (RFC 8446, section 2.3) to accept from a client that resumes, up to 2**20; 0 accepts none.

    It comes as EarlyDataReceived. Whoever listens can send it again: `replay_guard` sees to it that it is accepted once
    for each ticket, but a client whose early data was not accepted sends it again itself (section 8). So the
    application must act on it only where acting twice does no harm. The servers of turtls.io accept none."""
    replay_guard: ReplayGuard = field(default_factory=ReplayMemory)
    on_client_hello: Callable[[ClientHelloInfo], ServerConfig | None | Awaitable[ServerConfig | None]] | None = None
    """Sees the ClientHello before anything is chosen, and may put another configuration in the place of this one.

    The connection keeps what it has begun with: `environment`, `record_padding` and the log of keys."""
    certificate_compression: tuple[CertificateCompression, ...] = (Zlib(),)
    """How certificates are compressed for clients that ask for it, best first (RFC 8879, TLS 1.3), once for each."""
    record_size_limit: int | None = None
    record_padding: int = 0
    keylog: KeyLog | None = None
    keylog_from_environment: bool = False
    environment: Environment = _SYSTEM
    credentials_by_name: CredentialIndex = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _check_limits(self.record_size_limit, self.record_padding)
        _check_alpn(self.alpn)
        if not 0 <= self.tickets_to_send <= 255:
            raise ConfigError("tickets_to_send is 0 to 255: the nonce of a ticket is one byte here.")
        if not 0 <= self.max_early_data <= MAX_EARLY_DATA:
            raise ConfigError(f"max_early_data is 0 to {MAX_EARLY_DATA} bytes.")
        object.__setattr__(self, "credentials_by_name", CredentialIndex(self.credentials))
        if self.client_auth is not ClientAuth.NONE:
            self.required_verifier()

    def required_verifier(self) -> Verifier:
        """Who judges a client's chain. Raises ConfigError if nobody does."""
        if self.verifier is None:
            raise ConfigError("ServerConfig.verifier is None: nobody could judge the client's certificate.")
        return self.verifier


def _check_limits(record_size_limit: int | None, record_padding: int) -> None:
    if record_size_limit is not None and not 64 <= record_size_limit <= 2**14 + 1:
        raise ConfigError("record_size_limit is 64 to 16385 bytes (RFC 8449, section 4).")
    if not 0 <= record_padding <= 2**14:
        raise ConfigError("record_padding is 0 to 16384 bytes.")


def _check_alpn(names: tuple[str, ...]) -> None:
    for name in names:
        if not 1 <= len(name.encode()) <= 255:
            raise ConfigError(f"An ALPN name has 1 to 255 bytes: {name!r} (RFC 7301, section 3.1).")
