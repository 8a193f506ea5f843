"""What all peers have in common: how they are told what to do, and how a test talks with them."""

from __future__ import annotations

import contextlib
import enum
import re
import shutil
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from tests.interop.pki import Files
from tests.interop.processes import TIMEOUT, PeerTimeout, Process

_LINE = re.compile(rb"^\d+\n", re.MULTILINE)


PSK_IDENTITY = "turtle"
USER = "alice"


class Channel(Protocol):
    """What a test has of a TLS connection: turtls' blocking socket, or another's."""

    def recv(self, size: int, /) -> bytes: ...

    def sendall(self, data: bytes, /) -> None: ...


class Can(enum.Enum):
    """What one peer can do (or can be made to do by the tests) and another can't."""

    RESUME = "resumes a session"
    AUTHENTICATE = "shows a client certificate, or asks for one"
    AUTHENTICATE_LATER = "shows a client certificate after the handshake, or asks for one then"
    ALPN = "negotiates an application protocol"
    UPDATE_KEYS = "starts a KeyUpdate, and asks for one in return"
    RESTRICT_GROUPS = "can be held to some of its groups"
    VERIFY = "checks the other side's chain"
    VERIFY_NAME = "checks the server's name"
    CONVERSE = "exchanges data more than once in a connection"
    STREAM = "takes any amount of data"
    CLOSE = "says close_notify when the other side has said it"
    COOKIE = "puts a cookie into its HelloRetryRequest"
    KEEP_RECORD_LIMIT = "keeps to our record_size_limit"
    SET_RECORD_LIMIT = "has a record_size_limit of its own"
    EXPORT = "tells keying material that it exported"
    STAPLE = "staples an OCSP response, or tells what was stapled"
    SHOW_TIMESTAMPS = "sends timestamps of Certificate Transparency in an extension, or tells those that came so"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What a peer is told. Whatever is not said here is all that the peer can do."""

    credential: Files | None = None
    """The server's certificate, or the client's."""
    trust: Path | None = None
    """The root to check the other side with. A server that has one requires a certificate of its clients."""
    name: str = "localhost"
    """The server's name, for a client."""
    versions: tuple[str, str] = ("1.3", "1.3")
    """The lowest and the highest."""
    suite: str = ""
    """The one cipher suite, where it is of TLS 1.2 or earlier."""
    psk: str = ""
    """The pre-shared key, in hexadecimal, of PSK_IDENTITY."""
    password: str = ""
    """The password that USER logs in with by SRP."""
    groups: tuple[str, ...] = ()
    alpn: tuple[str, ...] = ()
    resume: bool = False
    """A client connects twice: the first time only to get a session for the second."""
    update_keys: bool = False
    """A KeyUpdate, which asks for one in return, goes before each piece of data."""
    record_limit: int = 0
    """The largest record it takes; 0 is what the protocol allows."""
    ocsp_response: Path | None = None
    """What a server staples, DER."""
    timestamp: Path | None = None
    """The SignedCertificateTimestamp (RFC 6962, section 3.2) that a server sends along."""
    authenticate_later: bool = False
    """A client offers post_handshake_auth; a server asks for a certificate after the handshake, not in it."""


def payload(size: int) -> bytes:
    """Lines of digits: nothing that a command-line peer may take for a command, or that it would say itself."""
    lines = b"".join(b"%063d\n" % number for number in range(size // 64 + 1))
    return lines[: size - 1] + b"\n"


def payload_in(output: bytes) -> bytes:
    """What is payload in what a command-line peer printed."""
    return b"".join(_LINE.findall(output))


def echo(channel: Channel) -> None:
    """Answer whatever comes with the same, until the other side closes."""
    while data := channel.recv(65536):
        channel.sendall(data)


def exchange_echo(channel: Channel, data: bytes) -> bytes:
    """What comes back from an echo server, sent and received at the same time."""

    def send() -> None:
        with contextlib.suppress(Exception):  # what fails here fails the receiver too, which knows why
            channel.sendall(data)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    answer = bytearray()
    while len(answer) < len(data) and (chunk := channel.recv(65536)):
        answer += chunk
    sender.join(TIMEOUT)
    return bytes(answer)


class Server:
    """A peer that listens."""

    def __init__(self, process: Process, port: int) -> None:
        self.process = process
        self.port = port

    @property
    def log(self) -> str:
        """What it said, for a person."""
        return self.process.log

    def exchange(self, channel: Channel, data: bytes) -> bytes:
        """Make the server send `data` back over `channel`; what came."""
        return exchange_echo(channel, data)


class Client(ABC):
    """A peer that connected."""

    @abstractmethod
    def exchange(self, data: bytes) -> bytes:
        """Send `data` to an echo server; what came back."""

    def wait_until_said(self, words: str) -> None:
        """Wait until it has written that, to either of its outputs; raises PeerTimeout. Most end with each exchange."""
        if words not in self.log:
            raise PeerTimeout(f"it never said {words}:\n{self.log}")

    @abstractmethod
    def close(self) -> int:
        """Close the connection; the exit code, which is 0 if the peer was content."""

    @abstractmethod
    def stop(self) -> None:
        """End it in any case."""

    @property
    @abstractmethod
    def log(self) -> str:
        """What it said, for a person."""


class PipedClient(Client):
    """A client that carries its standard input to the server, and what comes back to its standard output."""

    def __init__(self, process: Process, before_each: Callable[[Process], None] | None = None) -> None:
        self._process = process
        self._before_each = before_each

    def exchange(self, data: bytes) -> bytes:
        if self._before_each:
            self._before_each(self._process)
        start = len(self._process.output)
        self._process.write(data)
        self._process.wait_until(lambda: len(self._received(start, len(data))) >= len(data), "an echo")
        return self._received(start, len(data))

    def _received(self, start: int, size: int) -> bytes:
        output = self._process.output
        return payload_in(output[start:]) if len(output) - start >= size else b""

    def wait_until_said(self, words: str) -> None:
        self._process.wait_until(lambda: self._process.said(words), words)

    def close(self) -> int:
        self._process.write_end()
        return self._process.wait()

    def stop(self) -> None:
        self._process.stop()

    @property
    def log(self) -> str:
        return self._process.log


class Peer(ABC):
    """A TLS implementation that is not ours, and what of TLS it can do."""

    name: ClassVar[str]
    program: ClassVar[str]
    package: ClassVar[str]
    """Where `program` is to be had."""
    cipher_suites: ClassVar[tuple[str, ...]]
    """In its TLS 1.3; by their IANA names, as all that follows."""
    groups: ClassVar[dict[str, str]]
    """In TLS 1.3; with what the peer calls them."""
    certificates: ClassVar[tuple[str, ...]]
    """The kinds of `pki.GENERATORS` that it can have and check in TLS 1.3."""
    old_versions: ClassVar[tuple[str, ...]] = ("1.2",)
    """Those before TLS 1.3 that it can be brought to speak."""
    lacks: ClassVar[tuple[str, ...]] = (
        "ECDHE_PSK_WITH_AES_128_GCM_SHA256",
        "ECDHE_PSK_WITH_AES_256_GCM_SHA384",
        "ECDHE_PSK_WITH_AES_128_CCM_SHA256",
    )
    """How the suites end that it does not have, of key exchanges that it has. RFC 8442 came late."""

    def missing(self) -> str | None:
        """Why the peer cannot be used here, or None."""
        return None if shutil.which(self.program) else f"{self.program} is not installed ({self.package})"

    def group_names(self, settings: Settings) -> Iterator[str]:
        """What the peer calls the groups it is held to, or all it has."""
        return (self.groups[group] for group in settings.groups or self.groups)

    def __str__(self) -> str:
        return self.name


class ServerPeer(Peer):
    """One that can be a server."""

    server_can: ClassVar[frozenset[Can]]
    server_exchanges: ClassVar[tuple[str, ...]] = ()
    """The key exchanges before TLS 1.3 whose suites it can be held to, by their names in those."""

    @abstractmethod
    def serve(self, settings: Settings) -> Server:
        """Start a server that sends back what it gets. It listens when this returns."""


class ClientPeer(Peer):
    """One that can be a client."""

    client_can: ClassVar[frozenset[Can]]
    client_exchanges: ClassVar[tuple[str, ...]] = ()
    """The key exchanges before TLS 1.3 whose suites it can be held to, by their names in those."""
    application: Callable[[Channel], None] = staticmethod(echo)
    """What the server has to do, so that `Client.exchange` gets its data back."""

    @abstractmethod
    def connect(self, port: int, settings: Settings) -> Client:
        """Start a client that connects to the loopback address. It may not have connected when this returns."""


def start_echoing(process: Process, answer: Callable[[bytes], bytes]) -> None:
    """From now on hand the answer to what `process` prints back to its standard input, until it ends."""

    def echo_output() -> None:
        position = 0
        while output := process.output_after(position):
            position += len(output)
            process.write(answer(output))

    threading.Thread(target=echo_output, daemon=True).start()
