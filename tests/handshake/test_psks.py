"""External pre-shared keys in TLS 1.3: as they are, and imported."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from tests.handshake.parties import (
    NAME,
    ONLY_P256,
    POLICY,
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
    shaken,
    without,
)
from turtls.config import (
    ClientAuth,
    ClientConfig,
    DangerAcceptAnyCertificate,
    Negotiated,
    Policy,
    PreSharedKey,
    ServerConfig,
)
from turtls.connection import ClientConnection, ServerConnection
from turtls.crypto.hashes import SHA256, SHA384, HmacKey
from turtls.crypto.key_schedule import expand_label, imported_psk
from turtls.errors import ConfigError, Fault, ProtocolError
from turtls.events import Pending, StepTaken, Trace
from turtls.handshake.psks import MAX_IDENTITIES_TRIED, ImportedIdentity
from turtls.wire.extensions import (
    KeyShareServerHello,
    OfferedPsks,
    PskIdentity,
    PskKeyExchangeModes,
    SelectedPsk,
    SignatureAlgorithms,
)
from turtls.wire.messages import ClientHello, ServerHello
from turtls.wire.registries import CipherSuite, PskKeyExchangeMode

AES128, AES256 = CipherSuite.TLS_AES_128_GCM_SHA256, CipherSuite.TLS_AES_256_GCM_SHA384
PSK = PreSharedKey(b"me", b"k" * 32)
PSK384 = PreSharedKey(b"me, with another hash", b"l" * 48, SHA384)
IMPORTED = PreSharedKey(b"me, imported", b"m" * 32, import_context=b"client me, server you")
OTHER = PreSharedKey(b"somebody else", b"o" * 32)


def psk_client(*psks: PreSharedKey, **options: Any) -> ClientConfig:
    """A client that knows its server by a pre-shared key alone."""
    return client_config(**({"verifier": None, "psks": psks or (PSK,)} | options))


def psk_server(*psks: PreSharedKey, **options: Any) -> ServerConfig:
    """A server that knows its clients by a pre-shared key alone."""
    known = {psk.identity: psk for psk in psks or (PSK,)}
    return server_config(**({"credentials": (), "psks": known.get} | options))


def agreed(client: ClientConfig, server: ServerConfig) -> Negotiated:
    """What the two agree on, by both sides' account."""
    ours, theirs = (side.negotiated for side in shaken(client, server))
    assert ours is not None
    assert theirs is not None
    assert (ours.psk_identity, ours.resumed) == (theirs.psk_identity, theirs.resumed)
    return ours


def hello_of(config: ClientConfig) -> ClientHello:
    return ClientHello.from_bytes(ClientConnection(config, server_name=NAME).data_to_send()[5:])


# ------------------------------------------------------------------------------------------- what works


@pytest.mark.parametrize("psk", [PSK, PSK384, IMPORTED], ids=["SHA-256", "SHA-384", "imported"])
@pytest.mark.parametrize("retry", [False, True], ids=["", "retry"])
def test_a_pre_shared_key_is_enough(psk: PreSharedKey, retry: bool) -> None:
    suites = (AES256, AES128) if psk is PSK384 else (AES128, AES256)
    server = psk_server(psk, policy=replace(ONLY_P256 if retry else POLICY, cipher_suites=suites))
    negotiated = agreed(psk_client(psk), server)
    assert negotiated.psk_identity == psk.identity
    assert negotiated.peer is None
    assert negotiated.signature_scheme is None
    assert negotiated.group is not None  # with a key exchange of its own: forward secrecy
    assert negotiated.hello_retry is retry
    assert not negotiated.resumed


@pytest.mark.parametrize("suite", [AES128, AES256])
def test_an_imported_key_goes_with_every_hash(suite: CipherSuite) -> None:
    policy = replace(POLICY, cipher_suites=(suite,))
    assert agreed(psk_client(IMPORTED), psk_server(IMPORTED, policy=policy)).psk_identity == IMPORTED.identity


def test_the_session_of_a_pre_shared_key_goes_on() -> None:
    client, server = psk_client(), psk_server()
    assert not agreed(client, server).resumed
    for _ in range(3):
        again = agreed(client, server)
        assert again.resumed
        assert again.psk_identity == PSK.identity


def test_a_session_ends_with_the_key_it_rests_on() -> None:
    client = psk_client(verifier=DangerAcceptAnyCertificate())
    server = psk_server(credentials=(credential(),))
    shaken(client, server)
    negotiated = agreed(client, replace(server, psks={OTHER.identity: OTHER}.get))
    assert not negotiated.resumed
    assert negotiated.peer is not None


def test_a_session_ends_with_a_change_of_the_key_it_rests_on() -> None:
    client, server = psk_client(), psk_server()
    shaken(client, server)
    changed = replace(PSK, key=b"x" * 32)
    assert refused(*connect(client, replace(server, psks={PSK.identity: changed}.get))) is Fault.BAD_BINDER


def test_a_session_is_not_resumed_by_who_has_another_key() -> None:
    client, server = psk_client(), psk_server(PSK, OTHER)
    shaken(client, server)
    assert not agreed(replace(client, psks=(OTHER,)), server).resumed


def test_the_first_key_that_the_server_knows_is_used() -> None:
    assert agreed(psk_client(OTHER, PSK), psk_server(PSK)).psk_identity == PSK.identity
    assert agreed(psk_client(OTHER, PSK), psk_server(PSK, OTHER)).psk_identity == OTHER.identity


def test_a_key_or_a_certificate() -> None:
    """Section 4.2.11: without an acceptable PSK the handshake is a full one, if it can be."""
    client = psk_client(verifier=DangerAcceptAnyCertificate())
    assert agreed(client, psk_server(credentials=(credential(),))).peer is None
    negotiated = agreed(client, psk_server(OTHER, credentials=(credential(),)))
    assert negotiated.peer is not None
    assert negotiated.psk_identity is None


def test_who_has_a_key_is_not_asked_for_a_certificate() -> None:
    """Section 4.3.2."""
    asked = {"client_auth": ClientAuth.REQUIRE, "verifier": DangerAcceptAnyCertificate()}
    client, server = psk_client(credentials=(credential("client.example"),)), psk_server(**asked)
    for resumed in (False, True):
        negotiated = agreed(client, server)
        assert negotiated.resumed is resumed
        assert negotiated.peer is None


def test_both_sides_say_what_the_key_has_shown() -> None:
    told: list[str] = []

    def watch(trace: Trace) -> None:
        if isinstance(trace, StepTaken) and trace.step == "authentication":
            told.append(trace.explanation)

    exchange(
        ClientConnection(psk_client(), server_name=NAME, observer=watch), ServerConnection(psk_server(), observer=watch)
    )
    assert len(told) == 2
    assert all("the same pre-shared key" in words for words in told)


def test_a_look_up_may_take_its_time() -> None:
    async def later(_identity: bytes) -> PreSharedKey:
        return PSK

    client, server = connect(psk_client(), server_config(credentials=(), psks=later))
    pending = only(Pending, server.receive_data(client.data_to_send()))
    assert pending.purpose == "a look-up of a pre-shared key"
    with pytest.raises(StopIteration) as result:
        pending.awaitable.__await__().send(None)
    server.resume(pending, result.value.value)
    exchange(client, server)
    assert server.handshake_done


# ------------------------------------------------------------------------------------------- what a client offers


def test_a_client_without_a_verifier_asks_for_no_certificate() -> None:
    """Section 4.2.3: signature_algorithms is for who wants to be shown one."""
    hello = hello_of(psk_client(policy=Policy.INTERMEDIATE))
    assert SignatureAlgorithms not in hello.extensions
    assert SignatureAlgorithms in hello_of(psk_client(verifier=DangerAcceptAnyCertificate())).extensions


def test_suites_that_go_with_no_key_are_not_offered_where_nothing_else_would_do() -> None:
    both = replace(POLICY, cipher_suites=(AES128, AES256))
    for psks, offered in (((PSK,), {AES128}), ((PSK384,), {AES256}), ((IMPORTED,), {AES128, AES256})):
        assert set(hello_of(psk_client(*psks, policy=both)).cipher_suites) & {AES128, AES256} == offered
    with pytest.raises(ConfigError):
        connect(psk_client(PSK384, policy=replace(POLICY, cipher_suites=(AES128,))))


def test_each_identity_has_a_binder_of_its_hash_and_no_age() -> None:
    policy = replace(POLICY, cipher_suites=(AES128, AES256))
    offered = hello_of(psk_client(PSK, PSK384, IMPORTED, policy=policy)).extensions.require(OfferedPsks)
    assert [identity.identity for identity in offered.identities[:2]] == [PSK.identity, PSK384.identity]
    assert [len(binder) for binder in offered.binders] == [32, 48, 32, 48]
    assert not any(identity.obfuscated_ticket_age for identity in offered.identities)
    imported = [ImportedIdentity.decode(identity.identity) for identity in offered.identities[2:]]
    for kdf, identity in enumerate(imported, 1):
        assert identity.external_identity == IMPORTED.identity
        assert identity.context == IMPORTED.import_context
        assert (identity.target_protocol, identity.target_kdf) == (0x0304, kdf)


def test_the_derivation_of_an_imported_key() -> None:
    """RFC 9258, section 4.1."""
    identity = ImportedIdentity(external_identity=b"me", context=b"", target_protocol=0x0304, target_kdf=2).encode()
    assert identity == b"\0\x02me\0\0\x03\x04\0\x02"
    extracted = SHA256.hmac(bytes(32), PSK.key)
    expected = expand_label(HmacKey(SHA256, extracted), b"derived psk", SHA256.digest(identity), 48)
    assert imported_psk(SHA256, PSK.key, identity, SHA384) == expected


# ------------------------------------------------------------------------------------------- what is refused


def test_an_unknown_identity_and_a_wrong_key_look_alike_where_only_a_key_would_do() -> None:
    """Appendix E.6, also where the server has a certificate that the client does not want."""
    wrong = replace(PSK, key=b"x" * 32)
    for server in (psk_server(), psk_server(credentials=(credential(),))):
        for client in (psk_client(wrong), psk_client(OTHER)):
            assert refused(*connect(client, server)) is Fault.BAD_BINDER


def test_a_wrong_key_is_refused_where_a_certificate_would_do_too() -> None:
    """Section 4.2.11: the server must abort."""
    client = psk_client(replace(PSK, key=b"x" * 32), verifier=DangerAcceptAnyCertificate())
    assert refused(*connect(client, psk_server(credentials=(credential(),)))) is Fault.BAD_BINDER


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (IMPORTED, replace(IMPORTED, import_context=None)),
        (replace(IMPORTED, import_context=None), IMPORTED),
        (IMPORTED, replace(IMPORTED, import_context=b"another context")),
        (PSK, replace(PSK, hash=SHA384)),
    ],
)
def test_a_key_is_used_as_both_sides_know_it_or_not_at_all(ours: PreSharedKey, theirs: PreSharedKey) -> None:
    assert refused(*connect(psk_client(ours), psk_server(theirs))) is Fault.BAD_BINDER


@pytest.mark.parametrize("change", [{"target_protocol": 0x0303}, {"target_kdf": 2}, {"target_kdf": 0}])
def test_an_imported_identity_for_something_else(change: dict[str, int]) -> None:
    """Its binder is right: what is imported for one use must not serve another."""

    def identity_of(psk: PreSharedKey) -> bytes:
        target = {"target_protocol": 0x0304, "target_kdf": 1} | change
        return ImportedIdentity(external_identity=psk.identity, context=b"", **target).encode()

    key = imported_psk(SHA256, IMPORTED.key, identity_of(IMPORTED), SHA256)
    client = psk_client(PreSharedKey(identity_of(IMPORTED), key))
    server = psk_server(replace(IMPORTED, import_context=b""))
    assert refused(*connect(client, server)) is Fault.BAD_BINDER


def test_a_client_that_offers_no_key_to_a_server_that_has_nothing_else() -> None:
    assert refused(*connect(client_config(), psk_server())) is Fault.MISSING_EXTENSION
    only_psk_ke = replacing(
        ClientHello,
        lambda hello: hello.extensions.add(PskKeyExchangeModes(ke_modes=[PskKeyExchangeMode.psk_ke])),
    )
    client = meddling_client(only_psk_ke, psk_client())
    with pytest.raises(ProtocolError) as caught:
        exchange(client, ServerConnection(psk_server()))
    assert caught.value.fault is Fault.PSK_REQUIRED


def test_a_server_that_does_without_the_key() -> None:
    """Nobody here could judge its certificate."""
    server = meddling_server(replacing(ServerHello, without(SelectedPsk)), psk_server())
    client = ClientConnection(psk_client(), server_name=NAME)
    with pytest.raises(ProtocolError) as caught:
        exchange(client, server)
    assert caught.value.fault is Fault.MISSING_EXTENSION


def selecting(index: int) -> Any:
    return replacing(ServerHello, lambda hello: hello.extensions.add(SelectedPsk(selected_identity=index)))


@pytest.mark.parametrize(("index", "suite"), [(2, AES128), (65535, AES128), (1, AES128), (0, AES256)])
def test_a_server_that_selects_what_it_may_not(index: int, suite: CipherSuite) -> None:
    """Section 4.2.11: out of range, or of another hash than the suite's."""
    policy = replace(POLICY, cipher_suites=(AES128, AES256))
    client = ClientConnection(psk_client(PSK, PSK384, policy=policy), server_name=NAME)
    server = psk_server(PSK, PSK384, policy=replace(policy, cipher_suites=(suite,)))
    with pytest.raises(ProtocolError) as caught:
        exchange(client, meddling_server(selecting(index), server))
    assert caught.value.fault is Fault.BAD_PSK_SELECTION


def test_a_server_that_uses_the_key_alone() -> None:
    """Section 4.2.9: psk_ke was not offered."""
    server = meddling_server(replacing(ServerHello, without(KeyShareServerHello)), psk_server())
    with pytest.raises(ProtocolError) as caught:
        exchange(ClientConnection(psk_client(), server_name=NAME), server)
    assert caught.value.fault is Fault.MISSING_EXTENSION


def test_identities_that_are_looked_up_are_few() -> None:
    asked: list[bytes] = []

    def look_up(identity: bytes) -> None:
        asked.append(identity)

    def many(hello: ClientHello) -> None:
        offered = hello.extensions.require(OfferedPsks)
        names: Iterable[bytes] = (b"%d" % number for number in range(1000))
        offered.identities = [PskIdentity(identity=name, obfuscated_ticket_age=0) for name in names]
        offered.binders = [bytes(32)] * 1000

    client = meddling_client(replacing(ClientHello, many), psk_client())
    assert refused(client, ServerConnection(server_config(credentials=(), psks=look_up))) is Fault.BAD_BINDER
    assert asked == [b"%d" % number for number in range(MAX_IDENTITIES_TRIED)]
