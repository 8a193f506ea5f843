"""Where a handshake waits for something outside: a signature, a verdict, a choice, a place for a ticket."""

from __future__ import annotations

import asyncio
import gc
import warnings
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.handshake.parties import (
    NAME,
    ONLY_P256,
    client_config,
    connect,
    credential,
    deliver,
    exchange,
    only,
    server_config,
    shaken,
)
from tests.test_connection_ends import NONSENSE
from turtls.config import (
    ClientAuth,
    ClientConfig,
    Credential,
    DangerAcceptAnyCertificate,
    ServerConfig,
    VerificationRequest,
    VerifiedChain,
)
from turtls.connection import ClientConnection, Connection, ServerConnection
from turtls.errors import AlertDescription, ConfigError, Fault, PeerAlert, ProtocolError, TLSError, TruncatedError
from turtls.events import Event, HandshakeCompleted, Pending
from turtls.record.limits import MAX_BUFFERED_WHILE_PENDING
from turtls.wire.fingerprint import ClientHelloInfo
from turtls.wire.registries import SignatureScheme

# ------------------------------------------------------------------------------------------- slow things


class SlowSigner:
    """A key in another machine."""

    def __init__(self, error: BaseException | None = None) -> None:
        self._error = error

    async def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
        if self._error is not None:
            raise self._error
        signature = credential().signer.sign(scheme, data)
        assert isinstance(signature, bytes)
        return signature


class SlowVerifier(DangerAcceptAnyCertificate):
    """Asks somebody for the verdict."""

    def __init__(self, error: BaseException | None = None) -> None:
        self._error = error

    def verify(self, request: VerificationRequest) -> Awaitable[VerifiedChain]:  # type: ignore[override]  # as it may
        return self._later(request)

    async def _later(self, request: VerificationRequest) -> VerifiedChain:
        if self._error is not None:
            raise self._error
        return super().verify(request)


class SlowTickets:
    """A store behind a network."""

    lifetime = 3600
    single_use = False

    def __init__(self) -> None:
        self._kept: dict[bytes, bytes] = {}

    async def seal(self, state: bytes, now: float) -> bytes:
        ticket = f"ticket {len(self._kept)}".encode()
        self._kept[ticket] = state
        return ticket

    async def unseal(self, untrusted_ticket: bytes, now: float) -> bytes | None:
        return self._kept.get(untrusted_ticket)


def slow_credential(error: BaseException | None = None) -> Credential:
    return Credential(credential().chain, SlowSigner(error))


def slow_server(**options: Any) -> ServerConfig:
    return server_config(**({"credentials": (slow_credential(),)} | options))


def result_of(pending: Pending) -> Any:
    """What a coroutine that never has to wait comes to."""
    with pytest.raises(StopIteration) as done:
        pending.awaitable.__await__().send(None)
    return done.value.value


def settle(side: Connection, events: list[Event]) -> list[Event]:
    """Answer what is waited for, and what is waited for then; gives all events."""
    happened = list(events)
    while events and isinstance(pending := events[-1], Pending):
        events = side.resume(pending, result_of(pending))
        happened += events
    return happened


def purposes(events: list[Event]) -> list[str]:
    return [event.purpose for event in events if isinstance(event, Pending)]


# ------------------------------------------------------------------------------------------- it goes on


def test_every_place_where_a_handshake_may_wait() -> None:
    """Nothing is lost while it does, and the peer notices nothing but the time it takes."""

    async def choose(hello: ClientHelloInfo) -> None:
        assert hello.server_name == NAME

    client_side = client_config(verifier=SlowVerifier(), credentials=(slow_credential(),))
    server_side = slow_server(
        on_client_hello=choose,
        client_auth=ClientAuth.REQUIRE,
        verifier=SlowVerifier(),
        tickets=SlowTickets(),
        tickets_to_send=1,
    )
    for resumed in (False, True):
        client, server = connect(client_side, server_side)
        to_server = settle(server, server.receive_data(client.data_to_send()))
        to_client = settle(client, client.receive_data(server.data_to_send()))
        to_server += settle(server, server.receive_data(client.data_to_send()))
        client.receive_data(server.data_to_send())
        assert client.negotiated is not None
        assert server.negotiated is not None
        assert client.negotiated.resumed is server.negotiated.resumed is resumed
        verdict, signature = "the verdict on the {}'s certificate", "a signature by this side's key"
        tickets = ["a place for a ticket"]
        choice = "the choice of a configuration"
        if resumed:
            assert purposes(to_client) == []
            assert purposes(to_server) == [choice, "a look-up of a ticket", verdict.format("client"), *tickets]
        else:
            assert purposes(to_client) == [verdict.format("server"), signature]
            assert purposes(to_server) == [choice, signature, verdict.format("client"), *tickets]


def test_the_first_half_of_the_flight_goes_while_the_signature_is_awaited() -> None:
    client, server = connect(server=slow_server())
    pending = only(Pending, server.receive_data(client.data_to_send()))
    first = server.data_to_send()
    assert client.receive_data(first) == []
    server.resume(pending, result_of(pending))
    exchange(client, server)
    assert client.handshake_done


def test_nothing_is_pulled_while_it_waits() -> None:
    client, server = connect(client_config(verifier=SlowVerifier(), record_size_limit=100))
    server.receive_data(client.data_to_send())
    flight = server.data_to_send()  # in several records, the last of which are missing at first
    pending = only(Pending, client.receive_data(flight[:-30]))
    assert client.receive_data(flight[-30:]) == []
    assert client.receive_data(b"") == []
    assert [type(event) for event in client.resume(pending, result_of(pending))] == [HandshakeCompleted]


def test_handshakes_do_not_wait_for_each_other() -> None:
    """Two servers with one slow signer, under asyncio."""
    order: list[str] = []

    class Turns:
        def __init__(self, name: str, turns: int) -> None:
            self._name, self._turns = name, turns

        async def sign(self, scheme: SignatureScheme, data: bytes) -> bytes:
            for _ in range(self._turns):
                await asyncio.sleep(0)
            order.append(self._name)
            return await SlowSigner().sign(scheme, data)

    async def serve(signer: Turns) -> None:
        client, server = connect(server=server_config(credentials=(Credential(credential().chain, signer),)))
        pending = only(Pending, server.receive_data(client.data_to_send()))
        server.resume(pending, await pending.awaitable)
        exchange(client, server)
        assert client.handshake_done

    async def both() -> None:
        await asyncio.gather(serve(Turns("slow", 10)), serve(Turns("fast", 1)))

    asyncio.run(both())
    assert order == ["fast", "slow"]


# ------------------------------------------------------------------------------------------- it does not go on


def told(side: Connection, data: bytes) -> AlertDescription | int:
    with pytest.raises(PeerAlert) as caught:
        deliver(side, data)
    return caught.value.alert


@pytest.mark.parametrize("error", [OSError("the HSM is on fire"), asyncio.CancelledError(), KeyboardInterrupt()])
def test_what_a_signer_raises_is_the_application_s_to_see(error: BaseException) -> None:
    client, server = connect(server=slow_server())
    pending = only(Pending, server.receive_data(client.data_to_send()))
    with pytest.raises(type(error)):
        server.resume_error(pending, error)
    assert told(client, server.data_to_send()) is AlertDescription.INTERNAL_ERROR
    assert isinstance(server.failure, ProtocolError)
    assert server.failure.fault is Fault.INTERNAL
    with pytest.raises(ProtocolError):
        server.receive_data(b"")


def test_what_a_verifier_refuses_later_is_refused() -> None:
    client, server = connect(client_config(verifier=SlowVerifier()))
    server.receive_data(client.data_to_send())
    pending = only(Pending, client.receive_data(server.data_to_send()))
    with pytest.raises(ProtocolError) as caught:
        client.resume_error(pending, ProtocolError(Fault.REVOKED))
    assert caught.value.fault is Fault.REVOKED
    assert told(server, client.data_to_send()) is AlertDescription.CERTIFICATE_REVOKED


class Failing:
    """A signer, a verifier or a hook that fails at once."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __call__(self, *_: Any) -> Any:
        raise self._error

    sign = verify = __call__

    def certificate_authorities(self) -> tuple[bytes, ...]:
        return ()


@pytest.mark.parametrize("error", [OSError("no"), ConfigError("no"), TLSError("no"), ValueError("no")])
@pytest.mark.parametrize("where", ["signer", "hook", "verifier"])
def test_what_fails_at_once_ends_the_handshake_and_tells_the_peer(error: Exception, where: str) -> None:
    failing = Failing(error)
    client_side: ClientConfig = client_config(verifier=failing) if where == "verifier" else client_config()
    server_side = {
        "signer": server_config(credentials=(Credential(credential().chain, failing),)),
        "hook": server_config(on_client_hello=failing),
        "verifier": server_config(),
    }[where]
    client, server = connect(client_side, server_side)
    first: tuple[Connection, Connection] = (server, client)
    if where == "verifier":
        server.receive_data(client.data_to_send())
        first = (client, server)
    with pytest.raises(type(error)) as caught:
        first[0].receive_data(first[1].data_to_send())
    assert caught.value is error
    assert told(first[1], first[0].data_to_send()) is AlertDescription.INTERNAL_ERROR
    with pytest.raises(TLSError):
        first[0].receive_data(b"")


def test_an_answer_that_comes_too_late() -> None:
    """The connection has failed meanwhile, and says why."""
    client, server = connect(server=slow_server())
    pending = only(Pending, server.receive_data(client.data_to_send()))
    assert server.receive_data(bytes(MAX_BUFFERED_WHILE_PENDING)) == []
    with pytest.raises(ProtocolError) as caught:
        server.receive_data(b"\0")
    with pytest.raises(ProtocolError) as late:
        server.resume(pending, b"a signature")
    assert late.value is caught.value
    with pytest.raises(ProtocolError) as late:
        server.resume_error(pending, OSError())
    assert late.value is caught.value


def test_what_is_kept_counts_anew_for_each_wait() -> None:
    client, server = connect(server=slow_server(tickets=SlowTickets()))
    events = server.receive_data(client.data_to_send())
    settle(server, events)
    client.receive_data(server.data_to_send())
    events = server.receive_data(client.data_to_send())
    assert len(purposes(events)) == 1
    for _ in range(2):
        pending = events[-1]
        assert isinstance(pending, Pending)
        client.send_data(bytes(MAX_BUFFERED_WHILE_PENDING // 2))
        assert server.receive_data(client.data_to_send()) == []
        events = server.resume(pending, result_of(pending))
    assert not purposes(events)


def test_the_end_of_the_transport_waits_for_what_came_before_it() -> None:
    client, server = connect(server=slow_server())
    pending = only(Pending, server.receive_data(client.data_to_send()))
    assert server.receive_eof() == []
    with pytest.raises(TruncatedError):
        server.resume(pending, result_of(pending))


def test_an_answer_to_another_question() -> None:
    client, server = connect(server=slow_server())
    pending = only(Pending, server.receive_data(client.data_to_send()))
    for other in (Pending(pending.awaitable, pending.purpose), Pending(pending.awaitable, "nothing")):
        with pytest.raises(RuntimeError, match="does not wait for this"):
            server.resume(other, b"")
    server.resume(pending, result_of(pending))
    with pytest.raises(RuntimeError, match="does not wait for this"):
        server.resume(pending, b"")


def test_a_coroutine_that_nobody_awaits_does_no_harm() -> None:
    """Not even a warning: the connection lets go of it when it ends."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        client, server = connect(server=slow_server())
        only(Pending, server.receive_data(client.data_to_send()))
        with pytest.raises(ProtocolError):
            server.receive_data(bytes(MAX_BUFFERED_WHILE_PENDING + 1))
        del server
        gc.collect()


def test_a_coroutine_that_is_under_way_is_left_to_who_awaits_it() -> None:
    async def sleep() -> bytes:
        await asyncio.sleep(3600)
        return b""

    class Sleeping:
        def sign(self, scheme: SignatureScheme, data: bytes) -> Awaitable[bytes]:
            return sleep()

    async def scenario() -> None:
        client, server = connect(server=server_config(credentials=(Credential(credential().chain, Sleeping()),)))
        pending = only(Pending, server.receive_data(client.data_to_send()))
        waiting = asyncio.ensure_future(pending.awaitable)
        await asyncio.sleep(0)
        with pytest.raises(ProtocolError):
            server.receive_data(bytes(MAX_BUFFERED_WHILE_PENDING + 1))
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(scenario())


# ------------------------------------------------------------------------------------------- the hook


Hook = Callable[[ClientHelloInfo], Any]


def chosen_by(hook: Hook) -> tuple[ClientConnection, ServerConnection]:
    client, server = connect(client_config(alpn=("h2",)), server_config(on_client_hello=hook))
    settle(server, server.receive_data(client.data_to_send()))
    exchange(client, server)
    return client, server


def test_a_hook_sees_the_hello_and_may_choose() -> None:
    seen: list[ClientHelloInfo] = []

    def choose(hello: ClientHelloInfo) -> ServerConfig:
        seen.append(hello)
        return server_config(credentials=(credential("b.example"),), alpn=("h2",), tickets_to_send=0)

    async def choose_later(hello: ClientHelloInfo) -> ServerConfig:
        return choose(hello)

    for hook in (choose, choose_later):
        client, server = chosen_by(hook)
        assert client.negotiated is not None
        assert client.negotiated.peer is not None
        assert client.negotiated.peer.leaf.dns_names == ("b.example",)
        assert client.negotiated.alpn == "h2"
        assert server.channel_binding("tls-server-end-point") == client.channel_binding("tls-server-end-point")
    assert [hello.server_name for hello in seen] == [NAME, NAME]
    assert seen[0].ja4.startswith("t13d04")


def test_a_hook_may_leave_everything_as_it_is() -> None:
    async def later(hello: ClientHelloInfo) -> None:
        return None

    for hook in (lambda hello: None, later):
        client, _ = chosen_by(hook)
        assert client.handshake_done


def test_a_hook_is_not_asked_again_after_a_retry() -> None:
    seen: list[ClientHelloInfo] = []
    client, _ = shaken(client_config(), server_config(policy=ONLY_P256, on_client_hello=seen.append))
    assert client.negotiated is not None
    assert client.negotiated.hello_retry
    assert len(seen) == 1


def test_noise_meanwhile_is_noise_later() -> None:
    client, server = connect(server=slow_server())
    pending = only(Pending, server.receive_data(client.data_to_send()))
    assert server.receive_data(NONSENSE) == []
    with pytest.raises(ProtocolError) as caught:
        server.resume(pending, result_of(pending))
    assert caught.value.fault is Fault.BAD_RECORD_MAC
