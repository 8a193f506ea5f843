"""Sessions that go on, and those that must not."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.handshake.parties import (
    NAME,
    ONLY_P256,
    POLICY,
    adding,
    client_config,
    connect,
    credential,
    exchange,
    meddling_client,
    meddling_server,
    only,
    refused,
    replacing,
    server_config,
    setting,
    shaken,
)
from tests.pki.chains import certificate
from turtls.config import (
    ClientAuth,
    ClientConfig,
    Credential,
    DangerAcceptAnyCertificate,
    Environment,
    Negotiated,
    Policy,
    ServerConfig,
    Session,
    SessionCache,
    SrpLogin,
    TicketStore,
    VerificationRequest,
    VerifiedChain,
)
from turtls.connection import ClientConnection, ServerConnection
from turtls.crypto.hashes import SHA256
from turtls.crypto.key_schedule import EarlySecret, PskOrigin
from turtls.crypto.signatures import KeySigner
from turtls.crypto.tickets import MAX_LIFETIME, TicketCache, TicketKeys
from turtls.errors import Fault, ProtocolError
from turtls.events import Pending, SessionReceived
from turtls.handshake.psks import MAX_IDENTITIES_TRIED
from turtls.handshake.resumption import TicketState
from turtls.record.limits import MAX_CHAIN_LENGTH, MAX_TICKET
from turtls.wire.extensions import OfferedPsks, PskIdentity, SelectedPsk
from turtls.wire.messages import ClientHello, HelloRetryRequest, NewSessionTicket, ServerHello
from turtls.wire.registries import CipherSuite, ProtocolVersion

AES128, AES256, CHACHA = (
    CipherSuite.TLS_AES_128_GCM_SHA256,
    CipherSuite.TLS_AES_256_GCM_SHA384,
    CipherSuite.TLS_CHACHA20_POLY1305_SHA256,
)
DAY = 24 * 3600


@dataclass
class Clock:
    """Seconds since the epoch."""

    time: float = 1.8e9

    def __call__(self) -> float:
        return self.time


def agreed(client: ClientConfig, server: ServerConfig, **options: Any) -> Negotiated:
    """What the two agree on, by both sides' account."""
    sides = shaken(client, server, **options)
    ours, theirs = (side.negotiated for side in sides)
    assert ours is not None
    assert theirs is not None
    assert ours.resumed == theirs.resumed
    assert ours.cipher_suite == theirs.cipher_suite
    return ours


def resumed(client: ClientConfig, server: ServerConfig, **options: Any) -> bool:
    return agreed(client, server, **options).resumed


class Fixed:
    """A session store that always has the same session."""

    def __init__(self, session: Session | None) -> None:
        self.session = session

    def put(self, key: str, session: Session) -> None:
        """Not kept."""

    def take(self, key: str) -> Session | None:
        return self.session


def session_of(client: ClientConfig, server: ServerConfig) -> Session:
    """The newest session that a connection of the two leaves the client."""
    events, _ = exchange(*connect(client, server))
    return [event.session for event in events if isinstance(event, SessionReceived)][-1]


# ------------------------------------------------------------------------------------------- what goes on


def test_a_session_goes_on() -> None:
    client, server = client_config(), server_config()
    first = agreed(client, server)
    assert not first.resumed
    second = agreed(client, server)
    assert second.resumed
    assert second.peer is first.peer
    assert second.signature_scheme is None
    assert second.group is not None  # with a key exchange of its own: forward secrecy
    assert resumed(client, server)


def test_each_ticket_is_used_once() -> None:
    """Appendix C.4: uses could be linked."""
    client, server = client_config(), server_config(tickets_to_send=2)
    seen: list[bytes] = []

    class Watching(SessionCache):
        def take(self, key: str) -> Session | None:
            session = super().take(key)
            if session is not None:
                seen.append(session.ticket)
            return session

    client = replace(client, sessions=Watching())
    shaken(client, server)
    for _ in range(5):
        assert resumed(client, server)
    assert len(seen) == len(set(seen)) == 5


def test_the_age_of_a_ticket_is_veiled() -> None:
    """Section 4.2.11.1."""
    clock = Clock()
    client = client_config(environment=Environment(now=clock))
    session = session_of(client, server_config())
    assert session.received_at == clock.time
    clock.time += 12.345
    hello = replayed_hello(replace(client, sessions=Fixed(session)))
    [identity] = hello.extensions.require(OfferedPsks).identities
    assert (identity.obfuscated_ticket_age - session.age_add) % 2**32 in (12344, 12345)


def replayed_hello(config: ClientConfig, name: str = NAME) -> ClientHello:
    [raw] = ClientConnection(config, server_name=name)._carrier._unsent
    return ClientHello.from_bytes(raw)


@pytest.mark.parametrize("count", [0, 1, 5])
def test_as_many_tickets_as_the_configuration_says(count: int) -> None:
    events, _ = exchange(*connect(client_config(), server_config(tickets_to_send=count)))
    assert len([event for event in events if isinstance(event, SessionReceived)]) == count


def test_without_stores_nothing_is_resumed() -> None:
    client, server = client_config(), server_config()
    for first, second in ((replace(client, sessions=None), server), (client, replace(server, tickets=None))):
        shaken(first, second)
        assert not resumed(first, second)


@pytest.mark.parametrize("store", [TicketKeys, TicketCache])
def test_each_store(store: Callable[[], TicketStore]) -> None:
    client, server = client_config(), server_config(tickets=store())
    shaken(client, server)
    assert resumed(client, server)


def test_a_stateful_ticket_is_good_for_one_use() -> None:
    client, server = client_config(), server_config(tickets=TicketCache())
    twice = replace(client, sessions=Fixed(session_of(client, server)))
    assert resumed(twice, server)
    assert not resumed(twice, server)


def test_servers_with_a_common_secret_resume_each_other_s_sessions() -> None:
    secret = bytes(range(32))
    client = client_config()
    shaken(client, server_config(tickets=TicketKeys(secret=secret)))
    assert resumed(client, server_config(tickets=TicketKeys(secret=secret)))
    assert not resumed(client, server_config(tickets=TicketKeys(secret=bytes(32))))


def test_keys_of_tickets_change_and_are_forgotten() -> None:
    clock = Clock()
    environment = Environment(now=clock)
    client = client_config(environment=environment)
    server = server_config(environment=environment, tickets=TicketKeys(lifetime=DAY, rotate_every=3600))
    session = session_of(client, server)
    client = replace(client, sessions=Fixed(session))
    clock.time += 3600 * 5
    assert resumed(client, server)
    clock.time = session.received_at + DAY - 1
    assert resumed(client, server)
    clock.time = session.received_at + DAY
    forever = replace(client, sessions=Fixed(session._replace(lifetime=7 * DAY)))
    assert not resumed(forever, server)


def test_a_session_goes_on_after_a_hello_retry_request() -> None:
    """The binder is made anew, over both hellos."""
    client, server = client_config(), server_config()
    shaken(client, server)
    negotiated = agreed(client, replace(server, policy=ONLY_P256))
    assert negotiated.hello_retry
    assert negotiated.resumed


def test_a_hello_retry_request_for_another_hash_ends_the_session() -> None:
    client, server = client_config(), server_config()
    shaken(client, server)
    negotiated = agreed(client, replace(server, policy=replace(ONLY_P256, cipher_suites=(AES256,))))
    assert negotiated.hello_retry
    assert not negotiated.resumed


# ------------------------------------------------------------------------------------------- what is not offered


@pytest.mark.parametrize(
    "change",
    [
        {"policy": replace(POLICY, cipher_suites=(AES256, CHACHA))},
        {"policy": replace(Policy.INTERMEDIATE, versions=(ProtocolVersion.TLS_1_2,))},
        {"policy": replace(POLICY, min_rsa_bits=4096)},
        {"verifier": DangerAcceptAnyCertificate()},
        {"credentials": (credential("client.example"),)},
        {"srp": SrpLogin("someone", "and a password")},
        {"environment": Environment(now=lambda: 0.0)},  # the clock went back
        {"environment": Environment(now=lambda: 4e9)},
    ],
)
def test_a_session_is_not_offered_under_other_conditions(change: dict[str, Any]) -> None:
    client = client_config()
    session = session_of(client, server_config())
    assert OfferedPsks in replayed_hello(replace(client, sessions=Fixed(session))).extensions
    assert OfferedPsks not in replayed_hello(replace(client, **{"sessions": Fixed(session)} | change)).extensions


@pytest.mark.parametrize("change", [{"server_name": "b.example"}, {"ticket": bytes(MAX_TICKET + 1)}, {"lifetime": 0}])
def test_a_session_of_another_kind_is_not_offered(change: dict[str, Any]) -> None:
    client = client_config()
    session = session_of(client, server_config())
    assert OfferedPsks not in replayed_hello(replace(client, sessions=Fixed(session._replace(**change)))).extensions


def test_a_session_ends_with_the_certificate_it_rests_on() -> None:
    client = client_config()
    session = session_of(client, server_config())
    assert session.peer is not None
    expiry = session.peer.leaf.certificate.not_valid_after_utc.timestamp()
    session = session._replace(received_at=expiry - 100, authenticated_at=expiry - 100)
    for now, offered in ((expiry - 1, True), (expiry, False)):
        later = replace(client, sessions=Fixed(session), environment=Environment(now=Clock(now)))
        assert (OfferedPsks in replayed_hello(later).extensions) is offered


def test_the_largest_ticket_fits_into_a_hello() -> None:
    client = client_config(policy=Policy.MODERN)
    session = session_of(client, server_config())
    large = replace(client, sessions=Fixed(session._replace(ticket=bytes(MAX_TICKET))))
    negotiated = agreed(large, server_config())
    assert not negotiated.resumed


def test_services_do_not_share_sessions() -> None:
    client, server = client_config(), server_config()
    shaken(client, server, session_key="one")
    assert not resumed(client, server, session_key="other")
    assert resumed(client, server, session_key="one")


# ------------------------------------------------------------------------------------------- what is not taken


def test_another_name_is_another_session() -> None:
    client, server = client_config(), server_config()
    session = session_of(client, server)._replace(server_name="b.example")
    assert not resumed(replace(client, sessions=Fixed(session)), server, server_name="b.example")


def test_another_suite_may_go_on_another_hash_may_not() -> None:
    client, server = client_config(), server_config()
    shaken(client, server)
    assert agreed(client, replace(server, policy=replace(POLICY, cipher_suites=(CHACHA,)))).resumed
    assert not agreed(client, replace(server, policy=replace(POLICY, cipher_suites=(AES256,)))).resumed


@pytest.mark.parametrize("version", [ProtocolVersion.TLS_1_3, ProtocolVersion.TLS_1_2])
def test_a_session_that_is_resumed_again_and_again_ends_all_the_same(version: ProtocolVersion) -> None:
    """Section 4.6.1: new tickets do not make up for the time since the server last showed its certificate."""
    clock = Clock()
    policy = replace(Policy.INTERMEDIATE, versions=(version,))
    client = client_config(policy=policy, environment=Environment(now=clock))
    server = server_config(policy=policy, environment=Environment(now=clock), tickets=TicketKeys(lifetime=MAX_LIFETIME))
    first = agreed(client, server)
    assert first.authenticated_at == clock.time
    for _ in range(13):
        clock.time += DAY / 2
        again = agreed(client, server)
        assert again.resumed
        assert again.authenticated_at == first.authenticated_at
    clock.time += DAY / 2
    assert not resumed(client, server)


def test_a_new_ticket_lives_no_longer_than_what_it_rests_on() -> None:
    clock = Clock()
    environment = Environment(now=clock)
    client, server = client_config(environment=environment), server_config(environment=environment)
    shaken(client, server)
    for days in range(1, 7):
        clock.time += DAY - 1
        assert session_of(client, server).lifetime == min(DAY, (7 - days) * DAY + days)


def test_a_server_counts_the_days_itself() -> None:
    clock = Clock()
    client, server = client_config(), server_config(environment=Environment(now=clock))
    server = replace(server, tickets=Remembering(changed(authenticated_at=int(clock.time - MAX_LIFETIME))))
    shaken(client, server)
    assert not resumed(client, server)


def test_another_application_protocol_may_go_on() -> None:
    """Section 4.2.11: only early data is bound to it."""
    client, server = client_config(alpn=("h2", "http/1.1")), server_config(alpn=("h2",))
    shaken(client, server)
    negotiated = agreed(client, replace(server, alpn=("http/1.1",)))
    assert negotiated.resumed
    assert negotiated.alpn == "http/1.1"


def test_a_ticket_of_someone_else() -> None:
    client = client_config()
    shaken(client, server_config())
    assert not resumed(client, server_config())


class Remembering:
    """A ticket store that gives back what it is told to."""

    lifetime = DAY
    single_use = False

    def __init__(self, state: Callable[[bytes], bytes | None | Awaitable[bytes | None]]) -> None:
        self._state = state
        self._sealed = b""
        self.asked = 0

    def seal(self, state: bytes, now: float) -> bytes:
        self._sealed = state
        return b"ticket"

    def unseal(self, untrusted_ticket: bytes, now: float) -> bytes | None | Awaitable[bytes | None]:
        self.asked += 1
        return self._state(self._sealed)


def changed(**fields: Any) -> Callable[[bytes], bytes]:
    def change(state: bytes) -> bytes:
        decoded = TicketState.decode(state)
        for name, value in fields.items():
            setattr(decoded, name, value)
        return decoded.encode()

    return change


@pytest.mark.parametrize(
    "state",
    [
        lambda _: None,
        lambda _: b"what another version of turtls kept",
        lambda state: state + b"more",
        changed(version=ProtocolVersion.TLS_1_2),
        changed(cipher_suite=CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
        changed(cipher_suite=AES256),
        changed(server_name=b"b.example"),
        changed(client_chain=[b"a chain, but nobody is asked for one any more"]),
    ],
)
def test_a_state_that_does_not_suit_costs_a_full_handshake(state: Callable[[bytes], bytes | None]) -> None:
    client, server = client_config(), server_config(tickets=Remembering(state))
    shaken(client, server)
    assert not resumed(client, server)


def test_a_state_that_suits() -> None:
    client, server = client_config(), server_config(tickets=Remembering(changed()))
    shaken(client, server)
    assert resumed(client, server)


def test_a_store_may_take_its_time() -> None:
    async def later(state: bytes) -> bytes:
        return state

    client, server = client_config(), server_config(tickets=Remembering(later))
    shaken(client, server)
    second = ClientConnection(client, server_name=NAME)
    side = ServerConnection(server)
    pending = only(Pending, side.receive_data(second.data_to_send()))
    assert pending.purpose == "a look-up of a ticket"
    with pytest.raises(StopIteration) as result:
        pending.awaitable.__await__().send(None)
    side.resume(pending, result.value.value)
    exchange(second, side)
    assert side.negotiated is not None
    assert side.negotiated.resumed


def test_a_ticket_that_is_too_large_is_not_sent() -> None:
    class Large(Remembering):
        def seal(self, state: bytes, now: float) -> bytes:
            return bytes(MAX_TICKET + 1)

    events, _ = exchange(*connect(client_config(), server_config(tickets=Large(lambda _: None))))
    assert not [event for event in events if isinstance(event, SessionReceived)]


# ------------------------------------------------------------------------------------------- clients with certificates


class Choosy(DangerAcceptAnyCertificate):
    """Accepts everybody, until it does not."""

    def __init__(self) -> None:
        self.accepts = True
        self.asked = 0

    def verify(self, request: VerificationRequest) -> VerifiedChain:
        self.asked += 1
        if not self.accepts:
            raise ProtocolError(Fault.EXPIRED)
        return super().verify(request)


@pytest.mark.parametrize("version", [ProtocolVersion.TLS_1_3, ProtocolVersion.TLS_1_2])
@pytest.mark.parametrize("again", [False, True])
def test_a_client_may_have_the_server_s_chain_judged_again(version: ProtocolVersion, again: bool) -> None:
    """Servers always do; a client that does not rests on the verdict of the session."""
    verifier, policy = Choosy(), replace(Policy.INTERMEDIATE, versions=(version,))
    client, server = client_config(policy=policy, verifier=verifier, verify_resumed=again), server_config(policy=policy)
    shaken(client, server)
    assert resumed(client, server)
    assert verifier.asked == (2 if again else 1)
    verifier.accepts = False
    if again:
        assert refused(*connect(client, server)) is Fault.EXPIRED
    else:
        assert resumed(client, server)


def with_certificate(own: Credential) -> tuple[ClientConfig, ServerConfig, Choosy]:
    verifier = Choosy()
    server = server_config(client_auth=ClientAuth.REQUIRE, verifier=verifier)
    return client_config(credentials=(own,)), server, verifier


def test_a_client_stays_known_and_is_verified_again() -> None:
    client, server, verifier = with_certificate(credential("client.example"))
    shaken(client, server)
    _, side = shaken(client, server)
    assert side.negotiated is not None
    assert side.negotiated.resumed
    assert side.negotiated.peer is not None
    assert side.negotiated.peer.chain == credential("client.example").chain
    assert verifier.asked == 2


class WithAnchor(Choosy):
    """Adds the trust anchor to the chain, as those of `turtls.pki` do, and takes no more than a peer may show."""

    def verify(self, request: VerificationRequest) -> VerifiedChain:
        if len(request.untrusted_chain) > MAX_CHAIN_LENGTH:
            raise ProtocolError(Fault.CHAIN_TOO_LONG)
        verified = super().verify(request)
        return verified._replace(chain=(*verified.chain, credential("anchor").chain[0]))


def test_the_longest_chain_can_be_judged_again() -> None:
    own = credential("client.example")
    longest = replace(own, chain=own.chain[:1] * MAX_CHAIN_LENGTH)
    client = client_config(credentials=(longest,), verifier=WithAnchor(), verify_resumed=True)
    server = server_config(client_auth=ClientAuth.REQUIRE, verifier=WithAnchor(), credentials=(longest,))
    shaken(client, server)
    assert resumed(client, server)


def test_nobody_goes_on_as_somebody_else() -> None:
    """Configurations made from each other share their sessions."""
    server = server_config(client_auth=ClientAuth.REQUEST, verifier=DangerAcceptAnyCertificate())
    someone = client_config(credentials=(credential("client.example"),))
    agreed(someone, server)
    _, side = shaken(replace(someone, credentials=()), server)
    assert side.negotiated is not None
    assert side.negotiated.peer is None


def test_a_client_that_is_not_trusted_any_more_does_not_go_on() -> None:
    client, server, verifier = with_certificate(credential("client.example"))
    shaken(client, server)
    verifier.accepts = False
    assert refused(*connect(client, server)) is Fault.EXPIRED  # in the full handshake that follows


def test_a_client_whose_key_is_too_weak_now_does_not_go_on() -> None:
    key = rsa.generate_private_key(65537, 2048)
    own = Credential((certificate("rsa", key=key).der,), KeySigner(key))
    client, server, _ = with_certificate(own)
    shaken(client, server)
    stricter = replace(server, policy=replace(POLICY, min_rsa_bits=3072))
    assert refused(*connect(client, stricter)) is Fault.WEAK_KEY


@pytest.mark.parametrize(
    ("before", "after", "goes_on"),
    [
        (ClientAuth.NONE, ClientAuth.REQUEST, True),
        (ClientAuth.NONE, ClientAuth.REQUIRE, False),
        (ClientAuth.REQUIRE, ClientAuth.REQUEST, True),
        (ClientAuth.REQUIRE, ClientAuth.NONE, False),
    ],
)
def test_what_a_server_asks_of_its_clients_may_change(before: ClientAuth, after: ClientAuth, goes_on: bool) -> None:
    client, server, _ = with_certificate(credential("client.example"))
    shaken(client, replace(server, client_auth=before))
    assert resumed(client, replace(server, client_auth=after)) is goes_on


# ------------------------------------------------------------------------------------------- binders


def hello_with(
    session: Session, identities: list[bytes], *, secret: bytes | None = None
) -> Callable[[ClientHello], bytes]:
    """A ClientHello that offers these tickets, all with the binder of one secret."""

    def change(hello: ClientHello) -> bytes:
        offer = OfferedPsks(
            identities=[PskIdentity(identity=identity, obfuscated_ticket_age=0) for identity in identities],
            binders=[bytes(32)] * len(identities),
        )
        hello.extensions.add(offer)
        truncated = hello.to_bytes()[: -offer.binders_length]
        early_secret = EarlySecret(SHA256, secret or session.secret)
        offer.binders = [early_secret.binder(PskOrigin.TICKET, SHA256.digest(truncated))] * len(identities)
        return hello.to_bytes()

    return change


def test_a_binder_of_another_secret() -> None:
    client, server = client_config(), server_config()
    session = session_of(client, server)
    change = hello_with(session, [session.ticket], secret=bytes(32))
    side = meddling_client(replacing(ClientHello, change), replace(client, sessions=None))
    assert refused(side, ServerConnection(server)) is Fault.BAD_BINDER


@pytest.mark.parametrize("length", [32, 33, 48])
def test_a_binder_that_is_made_up(length: int) -> None:
    def change(hello: ClientHello) -> None:
        hello.extensions.require(OfferedPsks).binders = [bytes(length)]

    client, server = client_config(), server_config()
    shaken(client, server)
    assert (
        refused(meddling_client(replacing(ClientHello, change), client), ServerConnection(server)) is Fault.BAD_BINDER
    )


def test_a_hello_that_was_changed_behind_its_binder() -> None:
    client, server = client_config(), server_config()
    shaken(client, server)
    change = setting(random=bytes(32))
    assert (
        refused(meddling_client(replacing(ClientHello, change), client), ServerConnection(server)) is Fault.BAD_BINDER
    )


@pytest.mark.parametrize("others", range(MAX_IDENTITIES_TRIED + 1))
def test_only_some_tickets_are_looked_up(others: int) -> None:
    client, server = client_config(), server_config()
    session = session_of(client, server)
    hello = hello_with(session, [b"unknown"] * others + [session.ticket])
    hellos: list[int | None] = []

    def see(trace: Any) -> None:
        if isinstance(message := getattr(trace, "message", None), ServerHello):
            selected = message.extensions.get(SelectedPsk)
            hellos.append(selected.selected_identity if selected is not None else None)

    side = ServerConnection(server, observer=see)
    side.receive_data(meddling_client(replacing(ClientHello, hello), replace(client, sessions=None)).data_to_send())
    assert hellos == [others if others < MAX_IDENTITIES_TRIED else None]


# ------------------------------------------------------------------------------------------- wrong selections


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (adding(SelectedPsk(selected_identity=1)), Fault.BAD_PSK_SELECTION),
        (adding(SelectedPsk(selected_identity=2**16 - 1)), Fault.BAD_PSK_SELECTION),
        (setting(cipher_suite=AES256), Fault.BAD_PSK_SELECTION),
    ],
)
def test_a_selection_that_was_not_offered(change: Callable[[Any], None], fault: Fault) -> None:
    client, server = client_config(), server_config()
    shaken(client, server)
    side = meddling_server(replacing(ServerHello, change), server)
    assert refused(ClientConnection(client, server_name=NAME), side) is fault


def test_a_selection_after_the_session_was_let_go() -> None:
    client, server = client_config(), server_config()
    shaken(client, server)
    other_hash = replace(server, policy=replace(ONLY_P256, cipher_suites=(AES256,)))
    side = meddling_server(replacing(ServerHello, adding(SelectedPsk(selected_identity=0))), other_hash)
    assert refused(ClientConnection(client, server_name=NAME), side) is Fault.UNSUPPORTED_EXTENSION


BOTH = replace(Policy.INTERMEDIATE, groups=POLICY.groups, key_share_groups=POLICY.key_share_groups)


def with_old_session() -> ClientConfig:
    """A client that has a session of TLS 1.2."""
    client = client_config(policy=BOTH)
    old = replace(BOTH, versions=(ProtocolVersion.TLS_1_2,))
    assert agreed(client, server_config(policy=old)).version == ProtocolVersion.TLS_1_2
    return client


def test_a_session_of_tls_12_and_a_server_of_tls_13() -> None:
    assert not agreed(with_old_session(), server_config()).resumed
    assert agreed(with_old_session(), server_config(policy=ONLY_P256)).hello_retry


def test_a_session_of_tls_12_is_not_selected_in_tls_13() -> None:
    side = meddling_server(replacing(ServerHello, adding(SelectedPsk(selected_identity=0))))
    assert refused(ClientConnection(with_old_session(), server_name=NAME), side) is Fault.UNSUPPORTED_EXTENSION


def test_a_pre_shared_key_in_a_hello_retry_request() -> None:
    client, server = client_config(), server_config()
    shaken(client, server)
    side = meddling_server(
        replacing(HelloRetryRequest, adding(SelectedPsk(selected_identity=0))), replace(server, policy=ONLY_P256)
    )
    assert refused(ClientConnection(client, server_name=NAME), side) is Fault.MISPLACED_EXTENSION


# ------------------------------------------------------------------------------------------- tickets


def test_a_lifetime_of_more_than_a_week() -> None:
    """Section 4.6.1."""
    change = setting(ticket_lifetime=7 * DAY + 1)
    client = ClientConnection(client_config(), server_name=NAME)
    assert refused(client, meddling_server(replacing(NewSessionTicket, change))) is Fault.ILLEGAL_PARAMETER


def test_a_ticket_to_forget() -> None:
    """Section 4.6.1: a lifetime of zero."""
    change = setting(ticket_lifetime=0)
    events, _ = exchange(
        ClientConnection(client_config(), server_name=NAME),
        meddling_server(replacing(NewSessionTicket, change), server_config(tickets_to_send=1)),
    )
    assert not [event for event in events if isinstance(event, SessionReceived)]


def test_the_state_in_a_ticket_is_not_to_be_read() -> None:
    """Nor the secret in a session's repr."""
    session = session_of(client_config(), server_config())
    assert NAME.encode() not in session.ticket
    assert session.secret.hex() not in repr(session)
    assert repr(session.secret) not in repr(session)
