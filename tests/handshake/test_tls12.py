"""TLS 1.2, 1.1 and 1.0 between turtls and turtls: each suite, resumption, client certificates, and what ends them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any
from unittest.mock import patch

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.builds import sources_only
from tests.handshake.parties import (
    NAME,
    Sent,
    connect,
    exchange,
    meddling_client,
    meddling_server,
    only,
    replacing,
    shaken,
)
from tests.pki.chains import certificate, key_usage
from turtls.config import (
    ClientAuth,
    ClientConfig,
    Credential,
    DangerAcceptAnyCertificate,
    Policy,
    PreSharedKey,
    ServerConfig,
    Session,
    Signer,
    SrpLogin,
    SrpUsers,
    TicketStore,
)
from turtls.crypto.signatures import KeySigner
from turtls.crypto.srp import SrpVerifier
from turtls.crypto.suites12 import SUITES12, Suite12
from turtls.crypto.tickets import TicketCache, TicketKeys
from turtls.errors import AlertDescription, ConfigError, Fault, PeerAlert, ProtocolError
from turtls.events import DataReceived, SessionReceived
from turtls.handshake.offer import Offer
from turtls.wire.extensions import ExtendedMasterSecret, RenegotiationInfo
from turtls.wire.messages import ClientHello, HandshakeMessage, HelloRequest, ServerHello12
from turtls.wire.messages12 import (
    ClientKeyExchange,
    EncryptedPremasterSecret,
    PskIdentityHint,
    ServerKeyExchange,
    ServerSrpParams,
)
from turtls.wire.registries import CipherSuite, ProtocolVersion
from turtls.wire.v2_hello import V2ClientHello

V = ProtocolVersion
PSK = PreSharedKey(b"me", b"k" * 32)
TLS12 = replace(Policy.INTERMEDIATE, versions=(V.TLS_1_2,))


@cache
def credentials() -> tuple[Credential, ...]:
    keys = (ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048))
    return tuple(Credential((certificate(NAME, names=(NAME,), key=key).der,), KeySigner(key)) for key in keys)


@cache
def users() -> SrpUsers:
    alice = SrpVerifier.from_password("alice", "a good password", b"s" * 16)
    return SrpUsers({"alice": alice}.get)


def legacy(version: ProtocolVersion, *suites: CipherSuite) -> Policy:
    return replace(Policy.LEGACY, versions=(version,), cipher_suites=suites or Policy.LEGACY.cipher_suites)


def client_config(policy: Policy = TLS12, **options: Any) -> ClientConfig:
    return replace(ClientConfig(policy=policy, verifier=DangerAcceptAnyCertificate()), **options)


def server_config(policy: Policy = TLS12, **options: Any) -> ServerConfig:
    return replace(ServerConfig(policy=policy, credentials=credentials()), **options)


def fault_of(client: ClientConfig, server: ServerConfig) -> Fault:
    with pytest.raises(ProtocolError) as caught:
        exchange(*connect(client, server))
    return caught.value.fault


EACH = [
    pytest.param(version, suite, id=f"{version}-{suite.suite}")
    for version in (V.TLS_1_2, V.TLS_1_1, V.TLS_1_0)
    for suite in SUITES12.values()
    if version >= suite.min_version
]


@pytest.mark.parametrize(("version", "suite"), EACH)
def test_each_suite_in_each_version_full_and_resumed(version: ProtocolVersion, suite: Suite12) -> None:
    policy = legacy(version, suite.suite)
    verifier = DangerAcceptAnyCertificate() if suite.authentication.by_certificate else None
    client = client_config(
        policy, verifier=verifier, psks=(PSK,), srp=SrpLogin("alice", "a good password"), alpn=("h2",)
    )
    server = server_config(policy, psks={PSK.identity: PSK}.get, srp=users(), alpn=("h2",))
    for resumed in (False, True):
        ours, theirs = shaken(client, server)
        for connection in (ours, theirs):
            negotiated = connection.negotiated
            assert negotiated is not None
            assert negotiated.version == version
            assert negotiated.cipher_suite == suite.suite
            assert negotiated.resumed is resumed
            assert negotiated.alpn == "h2"
        ours.send_data(b"x" * 20_000)
        received = theirs.receive_data(ours.data_to_send())
        assert b"".join(e.data for e in received if isinstance(e, DataReceived)) == b"x" * 20_000
        theirs.send_data(b"yes")
        assert only(DataReceived, ours.receive_data(theirs.data_to_send())).data == b"yes"
        assert ours.channel_binding("tls-unique") == theirs.channel_binding("tls-unique")
        material = ours.export_keying_material("EXPERIMENTAL turtls", None, 32)
        assert material == theirs.export_keying_material("EXPERIMENTAL turtls", None, 32)
        assert material != ours.export_keying_material("EXPERIMENTAL turtls", b"", 32)


POLICIES = (Policy.MODERN, Policy.INTERMEDIATE, Policy.LEGACY)


def test_each_policy_meets_each(capsys: pytest.CaptureFixture[str]) -> None:
    """The newest version of both is spoken, and the table says so."""
    rows = []
    for ours in POLICIES:
        for theirs in (*POLICIES, legacy(V.TLS_1_0)):
            name = theirs.name if len(theirs.versions) > 1 or theirs is Policy.MODERN else "legacy, TLS 1.0 alone"
            common = set(ours.versions) & set(theirs.versions)
            if common:
                negotiated = shaken(client_config(ours), server_config(theirs))[0].negotiated
                assert negotiated is not None
                assert negotiated.version == max(common)
                rows.append(f"{ours.name:14}{name:24}{negotiated.version} {negotiated.cipher_suite}")
            else:
                assert fault_of(client_config(ours), server_config(theirs)) is Fault.UNSUPPORTED_PROTOCOL
                rows.append(f"{ours.name:14}{name:24}refused")
    with capsys.disabled():
        print("\n\nclient        server                  what they speak", *rows, sep="\n")


# ------------------------------------------------------------------------------------------- resumption


def test_a_session_id_is_good_more_than_once() -> None:
    client, server = client_config(), server_config(tickets=None)
    assert [_resumed(client, server) for _ in range(3)] == [False, True, True]


def test_session_ids_and_tickets_may_share_a_store() -> None:
    store = TicketCache()
    client, server = client_config(), server_config(tickets=store, session_ids=store)
    assert [_resumed(client, server) for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize(("store", "stays"), [(TicketKeys(lifetime=3000), True), (TicketCache(lifetime=3000), False)])
def test_a_ticket_is_only_replaced_where_it_is_spent(store: TicketStore, stays: bool) -> None:
    client, server = client_config(), server_config(tickets=store, session_ids=None)
    kept: list[Session] = []
    for goes_on in (False, True, True):
        assert _resumed(client, server) is goes_on
        assert client.sessions is not None
        session = client.sessions.take(NAME)
        assert session is not None
        client.sessions.put(NAME, session)
        kept.append(session)
    assert len({session.ticket for session in kept}) == (1 if stays else 3)
    assert {session.lifetime for session in kept} == {3000}


def test_without_any_store_nothing_is_resumed() -> None:
    client, server = client_config(), server_config(tickets=None, session_ids=None)
    assert [_resumed(client, server) for _ in range(2)] == [False, False]


@sources_only
def test_a_session_without_extended_master_secret_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = Offer._extensions12
    monkeypatch.setattr(
        Offer, "_extensions12", lambda offer: [b for b in bodies(offer) if not isinstance(b, ExtendedMasterSecret)]
    )
    client, server = client_config(), server_config()
    for _ in range(2):
        ours, theirs = shaken(client, server)
        assert ours.negotiated is not None
        assert ours.negotiated.resumed is False
        for connection in (ours, theirs):
            with pytest.raises(ConfigError, match="extended master secret"):
                connection.channel_binding("tls-unique")


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"alpn": ("h2",)}, "ALPN is negotiated anew"),
        ({"policy": legacy(V.TLS_1_2, CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384)}, "the suite is gone"),
        ({"tickets": TicketCache()}, "the ticket is unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_changed_on_the_server_is_obeyed(change: dict[str, Any], why: str) -> None:
    client, server = client_config(alpn=("h2",)), server_config()
    assert _resumed(client, server) is False
    ours, _ = shaken(client, replace(server, **change))
    assert ours.negotiated is not None
    assert ours.negotiated.resumed is (why == "ALPN is negotiated anew")
    assert ours.negotiated.alpn == ("h2" if "alpn" in change else None)


def test_another_name_is_another_session() -> None:
    client, server = client_config(), server_config()
    shaken(client, server, session_key="one")
    ours, _ = shaken(client, server, session_key="one", server_name="b.example")
    assert ours.negotiated is not None
    assert ours.negotiated.resumed is False


def _resumed(client: ClientConfig, server: ServerConfig) -> bool:
    negotiated = shaken(client, server)[0].negotiated
    assert negotiated is not None
    return negotiated.resumed


# ------------------------------------------------------------------------------------------- client certificates


@pytest.mark.parametrize("version", [V.TLS_1_2, V.TLS_1_1, V.TLS_1_0], ids=str)
@pytest.mark.parametrize("which", [0, 1], ids=["ecdsa", "rsa"])
def test_a_client_shows_its_certificate(version: ProtocolVersion, which: int) -> None:
    credential = credentials()[which]
    client = client_config(legacy(version), credentials=(credential,))
    server = server_config(legacy(version), client_auth=ClientAuth.REQUIRE, verifier=DangerAcceptAnyCertificate())
    for resumed in (False, True):
        _, theirs = shaken(client, server)
        assert theirs.negotiated is not None
        assert theirs.negotiated.peer is not None
        assert theirs.negotiated.peer.chain == credential.chain
        assert theirs.negotiated.resumed is resumed


def test_a_client_without_a_certificate_is_refused_where_one_is_required() -> None:
    server = server_config(client_auth=ClientAuth.REQUIRE, verifier=DangerAcceptAnyCertificate())
    assert fault_of(client_config(), server) is Fault.CERTIFICATE_REQUIRED_12


def test_a_client_may_keep_its_name_to_itself_where_one_is_only_requested() -> None:
    server = server_config(client_auth=ClientAuth.REQUEST, verifier=DangerAcceptAnyCertificate())
    _, theirs = shaken(client_config(), server)
    assert theirs.negotiated is not None
    assert theirs.negotiated.peer is None


def test_a_staple_reaches_the_client() -> None:
    stapled = replace(credentials()[0], ocsp_response=b"a response")
    ours, _ = shaken(client_config(), server_config(credentials=(stapled,)))
    assert ours.negotiated is not None
    assert ours.negotiated.ocsp_response == b"a response"


# ------------------------------------------------------------------------------------------- downgrades


def _as_if_old(count: int, message: HandshakeMessage) -> Sent:
    """An attacker on the path makes a client seem to know TLS 1.2 alone."""
    if isinstance(message, ClientHello):
        return replace_fields(
            message,
            extensions=type(message.extensions)(
                body for body in message.extensions if body.extension_type not in (43, 51)
            ),
        )
    return message


def replace_fields(message: ClientHello, **changes: Any) -> ClientHello:
    return ClientHello(**{name: getattr(message, name) for name in message.__fields__ if name != "raw"} | changes)


def test_a_downgrade_shows_in_the_server_s_random() -> None:
    client = meddling_client(_as_if_old, client_config(Policy.INTERMEDIATE))
    _, server = connect(server=server_config(Policy.INTERMEDIATE))
    with pytest.raises(ProtocolError) as caught:
        exchange(client, server)
    assert caught.value.fault is Fault.DOWNGRADE


@pytest.mark.parametrize("client_policy", [Policy.INTERMEDIATE, Policy.LEGACY], ids=lambda p: p.name)
def test_an_honest_old_peer_is_no_downgrade(client_policy: Policy) -> None:
    shaken(client_config(client_policy), server_config(TLS12))


def test_a_fallback_that_was_not_needed_is_refused() -> None:
    assert fault_of(client_config(fallback=True), server_config(Policy.INTERMEDIATE)) is Fault.INAPPROPRIATE_FALLBACK
    shaken(client_config(fallback=True), server_config())


def test_a_server_without_secure_renegotiation_is_refused_but_by_legacy() -> None:
    def drop(count: int, message: HandshakeMessage) -> Sent:
        if isinstance(message, ServerHello12):
            message.extensions.remove(RenegotiationInfo)
        return message

    client, _ = connect(client_config())
    with pytest.raises(ProtocolError) as caught:
        exchange(client, meddling_server(drop, server_config()))
    assert caught.value.fault is Fault.NO_SAFE_RENEGOTIATION
    client, _ = connect(client_config(Policy.LEGACY))
    exchange(client, meddling_server(drop, server_config(TLS12)))
    assert client.handshake_done


# ------------------------------------------------------------------------------------------- renegotiation


def test_a_server_that_asks_to_renegotiate_is_refused() -> None:
    client, server = shaken(client_config(), server_config())
    server._carrier.write_handshake(HelloRequest().to_bytes())
    with pytest.raises(ProtocolError) as caught:
        client.receive_data(server.data_to_send())
    assert caught.value.alert is AlertDescription.NO_RENEGOTIATION
    with pytest.raises(PeerAlert):
        server.receive_data(client.data_to_send())


def test_a_client_that_renegotiates_is_refused() -> None:
    client, server = shaken(client_config(), server_config())
    again, _ = connect(client_config())
    hello = again.data_to_send()[5:]
    client._carrier.write_handshake(hello)
    with pytest.raises(ProtocolError) as caught:
        server.receive_data(client.data_to_send())
    assert caught.value.alert is AlertDescription.NO_RENEGOTIATION


# ------------------------------------------------------------------------------------------- key exchanges


RSA_KEY_TRANSPORT = legacy(V.TLS_1_2, CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256)


@pytest.mark.parametrize(
    "wrong",
    [
        b"\x03\x03" + b"s" * 45,  # too short
        b"\x03\x03" + b"s" * 47,  # too long
        b"\x03\x02" + b"s" * 46,  # another version
        b"",
        None,  # no padding at all
    ],
)
def test_a_wrong_premaster_secret_shows_in_finished_alone(wrong: bytes | None) -> None:
    """Bleichenbacher: whatever is wrong, the same record is refused for the same reason."""
    from cryptography.hazmat.primitives.asymmetric import padding

    key = credentials()[1].leaf.public_key.key

    def meddle(count: int, message: HandshakeMessage) -> Sent:
        if not isinstance(message, ClientKeyExchange):
            return message
        encrypted = bytes(256) if wrong is None else key.encrypt(wrong, padding.PKCS1v15())
        return ClientKeyExchange(content=EncryptedPremasterSecret(encrypted=encrypted).encode())

    client = meddling_client(meddle, client_config(RSA_KEY_TRANSPORT))
    _, server = connect(server=server_config(RSA_KEY_TRANSPORT))
    with pytest.raises(ProtocolError) as caught:
        exchange(client, server)
    assert caught.value.fault is Fault.BAD_RECORD_MAC


def test_rsa_key_transport_is_legacy_s_alone() -> None:
    with pytest.raises(ProtocolError) as caught:
        exchange(*connect(client_config(RSA_KEY_TRANSPORT), server_config()))
    assert caught.value.fault is Fault.NO_SHARED_CIPHER


class OnlySigns:
    """A key in an HSM that has no decryption."""

    def __init__(self, signer: Signer) -> None:
        self.sign = signer.sign


def cannot_decrypt(reason: str) -> Credential:
    key = rsa.generate_private_key(65537, 2048)
    if reason == "HSM":
        return Credential((certificate(NAME, names=(NAME,), key=key).der,), OnlySigns(KeySigner(key)))
    only_signs = certificate(NAME, names=(NAME,), key=key, usage=key_usage("digital_signature"))
    return Credential((only_signs.der,), KeySigner(key))


@pytest.mark.parametrize("reason", ["HSM", "keyUsage"])
def test_rsa_key_transport_is_not_chosen_for_a_key_that_is_not_for_it(reason: str) -> None:
    credential = cannot_decrypt(reason)
    transport, ecdhe = CipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256, CipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    both = legacy(V.TLS_1_2, transport, ecdhe)
    client, _ = shaken(client_config(both), server_config(both, credentials=(credential,)))
    assert client.negotiated is not None
    assert client.negotiated.cipher_suite == ecdhe
    only_one = legacy(V.TLS_1_2, transport)
    fault = fault_of(client_config(only_one), server_config(only_one, credentials=(credential,)))
    assert fault is Fault.NO_SHARED_CIPHER


SRP = legacy(V.TLS_1_2, CipherSuite.TLS_SRP_SHA_WITH_AES_128_CBC_SHA)


@pytest.mark.parametrize("login", [SrpLogin("alice", "a bad password"), SrpLogin("nobody", "a good password")])
def test_a_wrong_password_and_an_unknown_user_look_alike(login: SrpLogin) -> None:
    assert fault_of(client_config(SRP, srp=login), server_config(SRP, srp=users())) is Fault.BAD_RECORD_MAC


def test_both_sides_know_who_logged_in() -> None:
    client, server = client_config(SRP, srp=SrpLogin("alice", "a good password")), server_config(SRP, srp=users())
    for resumed in (False, True):
        for side in shaken(client, server):
            assert side.negotiated is not None
            assert (side.negotiated.srp_username, side.negotiated.resumed) == ("alice", resumed)


@pytest.mark.parametrize("password", ["another password", None])
def test_a_session_ends_with_the_password_that_it_rests_on(password: str | None) -> None:
    known = {"alice": SrpVerifier.from_password("alice", "a good password", b"s" * 16)}
    client, server = (
        client_config(SRP, srp=SrpLogin("alice", "a good password")),
        server_config(SRP, srp=SrpUsers(known.get)),
    )
    shaken(client, server)
    del known["alice"]
    if password is not None:
        known["alice"] = SrpVerifier.from_password("alice", password, b"s" * 16)
    assert fault_of(client, server) is Fault.BAD_RECORD_MAC


def test_an_unknown_user_has_the_same_salt_each_time() -> None:
    seen: list[bytes] = []

    def watch(count: int, message: HandshakeMessage) -> Sent:
        if isinstance(message, ServerKeyExchange):
            seen.append(ServerSrpParams.decode(message.content).srp_s)
        return message

    for _ in range(2):
        client, _ = connect(client_config(SRP, srp=SrpLogin("nobody", "a good password")))
        with pytest.raises(ProtocolError):
            exchange(client, meddling_server(watch, server_config(SRP, srp=users())))
    assert seen[0] == seen[1]


def test_an_unknown_user_is_answered_in_the_group_of_the_others() -> None:
    seen: list[bytes] = []

    def watch(count: int, message: HandshakeMessage) -> Sent:
        if isinstance(message, ServerKeyExchange):
            seen.append(ServerSrpParams.decode(message.content).srp_N)
        return message

    known = SrpUsers({"alice": SrpVerifier.from_password("alice", "x", b"s" * 16, bits=3072)}.get, bits=3072)
    for name in ("alice", "nobody"):
        client, _ = connect(client_config(SRP, srp=SrpLogin(name, "a bad password")))
        with pytest.raises(ProtocolError):
            exchange(client, meddling_server(watch, server_config(SRP, srp=known)))
    assert seen[0] == seen[1]
    with pytest.raises(ConfigError, match="SRP group of 1024 bits"):
        SrpUsers(lambda name: None, bits=1024)


def test_a_known_user_costs_the_server_as_much_as_an_unknown_one() -> None:
    for name in ("alice", "nobody"):
        client, server = connect(
            client_config(SRP, srp=SrpLogin(name, "a good password")), server_config(SRP, srp=users())
        )
        with patch.object(SrpVerifier, "simulated", wraps=SrpVerifier.simulated) as simulated:
            server.receive_data(client.data_to_send())
        assert simulated.call_count == 1


@pytest.mark.parametrize("suite", ["TLS_PSK_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256"])
@pytest.mark.parametrize(
    "found",
    [PreSharedKey(b"me", b"x" * 32), None, replace(PSK, import_context=b"")],
    ids=["wrong key", "unknown identity", "imported"],
)
def test_a_wrong_psk_and_an_unknown_identity_look_alike(suite: str, found: PreSharedKey | None) -> None:
    policy = legacy(V.TLS_1_2, CipherSuite.by_name(suite))
    client = client_config(policy, verifier=None, psks=(PSK,))
    assert fault_of(client, server_config(policy, psks=lambda identity: found)) is Fault.BAD_RECORD_MAC


def test_an_identity_hint_is_sent_and_not_followed() -> None:
    """RFC 4279, section 5.2."""
    other = PreSharedKey(b"the cellar", b"o" * 32)
    policy = legacy(V.TLS_1_2, CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256)
    hints: list[bytes] = []

    def note(message: ServerKeyExchange) -> None:
        hints.append(PskIdentityHint.decode(message.content).psk_identity_hint)

    client, _ = connect(client_config(policy, verifier=None, psks=(PSK, other)))
    server = server_config(policy, psks={PSK.identity: PSK, other.identity: other}.get, psk_identity_hint=b"the cellar")
    parties = client, meddling_server(replacing(ServerKeyExchange, note), server)
    exchange(*parties)
    assert hints == [b"the cellar"]
    for side in parties:
        assert side.negotiated is not None
        assert side.negotiated.psk_identity == PSK.identity


def test_a_client_with_nothing_to_judge_or_share_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match="whom to trust"):
        connect(ClientConfig())
    with pytest.raises(ConfigError, match=r"need TLS 1\.2"):
        connect(ClientConfig(policy=Policy.MODERN, srp=SrpLogin("alice", "a good password")))
    with pytest.raises(ConfigError, match=r"TLS 1\.3, which the policy"):
        connect(ClientConfig(policy=legacy(V.TLS_1_2), psks=(replace(PSK, import_context=b""),)))


# ------------------------------------------------------------------------------------------- SSL 2.0's ClientHello


def _v2_hello(suites: Iterable[CipherSuite]) -> bytes:
    specs = b"\x01\x00\x80" + b"".join(b"\0" + int(suite).to_bytes(2, "big") for suite in suites)
    hello = V2ClientHello(
        msg_type=1,
        version=V.TLS_1_2,
        cipher_spec_length=len(specs),
        session_id_length=0,
        challenge_length=16,
        content=specs + b"challenge 16 byt",
    ).encode()
    return (0x8000 | len(hello)).to_bytes(2, "big") + hello


def test_a_hello_of_ssl2_may_begin_a_handshake_where_old_versions_are_allowed() -> None:
    _, server = connect(server=server_config(Policy.LEGACY))
    hello = _v2_hello([CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA])
    assert server.receive_data(hello[:7]) == []
    server.receive_data(hello[7:])
    record = server.data_to_send()
    answer = ServerHello12.from_bytes(record[5 : 9 + int.from_bytes(record[6:9], "big")])
    assert answer.cipher_suite == CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA


def test_a_hello_of_ssl2_is_refused_by_name_elsewhere() -> None:
    _, server = connect(server=server_config(Policy.INTERMEDIATE))
    with pytest.raises(ProtocolError) as caught:
        server.receive_data(_v2_hello([CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA]))
    assert caught.value.fault is Fault.SSLV2_HELLO


@pytest.mark.parametrize("cut", range(11, 28, 3))
def test_a_hello_of_ssl2_with_wrong_lengths_is_malformed(cut: int) -> None:
    _, server = connect(server=server_config(Policy.LEGACY))
    hello = _v2_hello([CipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA])[2:cut]
    with pytest.raises(ProtocolError) as caught:
        server.receive_data((0x8000 | len(hello)).to_bytes(2, "big") + hello)
    assert caught.value.fault is Fault.MALFORMED


def test_ssl3_is_refused() -> None:
    def old(count: int, message: HandshakeMessage) -> Sent:
        if isinstance(message, ServerHello12):
            message.server_version = V.SSL_3_0
        return message

    client, _ = connect(client_config(Policy.LEGACY))
    with pytest.raises(ProtocolError) as caught:
        exchange(client, meddling_server(old, server_config(TLS12)))
    assert caught.value.fault is Fault.SSL3_REFUSED


def test_tls12_has_no_key_update() -> None:
    client, _ = shaken(client_config(), server_config())
    with pytest.raises(ConfigError, match=r"TLS 1\.3"):
        client.update_keys()


def test_a_ticket_that_is_refused_costs_a_full_handshake() -> None:
    client, server = client_config(), server_config()
    session = only(SessionReceived, exchange(*connect(client, server))[0]).session
    assert client.sessions is not None
    client.sessions.take(NAME)
    client.sessions.put(NAME, session._replace(ticket=session.ticket[:-1] + bytes([session.ticket[-1] ^ 1])))
    assert _resumed(client, server) is False


@pytest.mark.parametrize(
    ("suite", "without"),
    [
        (CipherSuite.TLS_PSK_WITH_AES_128_GCM_SHA256, {"psks": None}),
        (CipherSuite.TLS_SRP_SHA_WITH_AES_128_CBC_SHA, {"srp": None}),
    ],
)
def test_a_session_ends_with_the_secrets_it_was_made_by(suite: CipherSuite, without: dict[str, Any]) -> None:
    policy = replace(legacy(V.TLS_1_2), cipher_suites=(suite, CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256))
    client = client_config(policy, psks=(PSK,), srp=SrpLogin("alice", "a good password"))
    server = server_config(policy, psks={PSK.identity: PSK}.get, srp=users())
    assert [_resumed(client, server) for _ in range(2)] == [False, True]
    ours, _ = shaken(client, replace(server, **without))
    assert ours.negotiated is not None
    assert ours.negotiated.resumed is False
    assert ours.negotiated.cipher_suite != suite
