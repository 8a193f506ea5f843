"""What a client and a server of TLS 1.3 can agree on: each suite, group, kind of key, and what they tell of it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.crypto.certificates import as_rsassa_pss, certificate_of, private_key
from tests.handshake.parties import (
    NAME,
    ONLY_P256,
    POLICY,
    client_config,
    connect,
    credential,
    exchange,
    only,
    refused,
    server_config,
    shaken,
)
from tests.pki.chains import certificate
from turtls.config import (
    ClientAuth,
    ClientConfig,
    Credential,
    DangerAcceptAnyCertificate,
    Policy,
    ServerConfig,
    VerificationRequest,
    VerifiedChain,
)
from turtls.connection import ClientConnection, ServerConnection
from turtls.crypto.groups import SUPPORTED
from turtls.crypto.keys import KeyKind
from turtls.crypto.signatures import KeySigner
from turtls.crypto.suites import SUITES13
from turtls.errors import ConfigError, Fault
from turtls.events import DataReceived, HandshakeCompleted, KeysInstalled, StepTaken
from turtls.wire.registries import CipherSuite, NamedGroup, ProtocolVersion, SignatureScheme


def send_both_ways(client: ClientConnection, server: ServerConnection) -> None:
    """That the two sides have the same keys."""
    client.send_data(b"ping")
    server.send_data(b"pong")
    to_client, to_server = exchange(client, server)
    assert only(DataReceived, to_server).data == b"ping"
    assert only(DataReceived, to_client).data == b"pong"


@pytest.mark.parametrize("suite", list(SUITES13))
def test_each_suite(suite: CipherSuite) -> None:
    policy = replace(POLICY, cipher_suites=(suite,))
    client, server = shaken(client_config(policy=policy), server_config(policy=policy))
    for side in (client, server):
        assert side.negotiated is not None
        assert side.negotiated.cipher_suite == suite
        assert side.negotiated.version == ProtocolVersion.TLS_1_3
    send_both_ways(client, server)


@pytest.mark.parametrize("group", sorted(SUPPORTED))
@pytest.mark.parametrize("guessed", [True, False])
def test_each_group(group: NamedGroup, guessed: bool) -> None:
    """With a share for it in the first ClientHello, and after a HelloRetryRequest."""
    policy = replace(POLICY, groups=(group,), key_share_groups=(group,) if guessed else ())
    client, server = shaken(client_config(policy=policy), server_config(policy=policy))
    for side in (client, server):
        assert side.negotiated is not None
        assert side.negotiated.group == group
        assert side.negotiated.hello_retry is not guessed
    send_both_ways(client, server)


@cache
def credential_of(kind: KeyKind) -> Credential:
    return Credential((certificate_of(kind),), KeySigner(private_key(kind)))


@pytest.mark.parametrize("kind", list(KeyKind))
def test_each_kind_of_key_on_both_sides(kind: KeyKind) -> None:
    both = (credential_of(kind),)
    server = server_config(credentials=both, client_auth=ClientAuth.REQUIRE, verifier=DangerAcceptAnyCertificate())
    sides = shaken(client_config(credentials=both), server)
    for side in sides:
        assert side.negotiated is not None
        assert side.negotiated.peer is not None
        assert side.negotiated.peer.leaf.public_key.kind is kind
        assert side.negotiated.signature_scheme is not None
    send_both_ways(*sides)


RSA_SCHEMES = [scheme for scheme in POLICY.signature_schemes if scheme.name.startswith("rsa_pss")]


@pytest.mark.parametrize("scheme", RSA_SCHEMES)
def test_each_scheme_of_rsa(scheme: SignatureScheme) -> None:
    kind = KeyKind.RSA_PSS if "_pss_pss_" in scheme.name else KeyKind.RSA
    client, _ = shaken(
        client_config(policy=replace(POLICY, signature_schemes=(scheme,))),
        server_config(credentials=(credential_of(kind),)),
    )
    assert client.negotiated is not None
    assert client.negotiated.signature_scheme == scheme


def test_the_defaults_agree_on_a_hybrid() -> None:
    client, server = shaken(
        ClientConfig(verifier=DangerAcceptAnyCertificate()), ServerConfig(credentials=(credential(),))
    )
    assert client.negotiated is not None
    assert client.negotiated.group == NamedGroup.X25519MLKEM768
    assert not client.negotiated.hello_retry
    send_both_ways(client, server)


def test_the_default_client_hello_fits_into_two_segments() -> None:
    client = ClientConnection(ClientConfig(verifier=DangerAcceptAnyCertificate()), server_name=NAME)
    assert len(client.data_to_send()) < 2 * 1400


@pytest.mark.parametrize("grease", [True, False])
def test_both_sides_tell_the_same_of_it(grease: bool) -> None:
    client, server = connect(client_config(alpn=("h2",), grease=grease), server_config(alpn=("h2",)))
    assert not client.handshake_done
    to_client, to_server = exchange(client, server)
    told = only(HandshakeCompleted, to_client).negotiated
    assert told is client.negotiated
    assert told.alpn == "h2"
    assert told.server_name == NAME
    assert told.peer is not None
    assert told.peer.chain == credential().chain
    assert told.signature_scheme == SignatureScheme.ecdsa_secp256r1_sha256
    others = only(HandshakeCompleted, to_server).negotiated
    assert (others.alpn, others.server_name, others.group, others.peer) == ("h2", NAME, told.group, None)


def test_an_address_is_not_told_to_the_server() -> None:
    """RFC 6066, section 3; but the verifier hears of it."""
    heard: list[str | None] = []

    class Verifier(DangerAcceptAnyCertificate):
        def verify(self, request: VerificationRequest) -> VerifiedChain:
            heard.append(request.server_name)
            return super().verify(request)

    client, server = shaken(client_config(verifier=Verifier()), server_name="192.0.2.1")
    assert server.negotiated is not None
    assert server.negotiated.server_name is None
    assert client.negotiated is not None
    assert client.negotiated.server_name == "192.0.2.1"
    assert heard == ["192.0.2.1"]


def test_names_are_told_as_the_dns_has_them() -> None:
    _, server = shaken(server_name="Bücher.Example.")
    assert server.negotiated is not None
    assert server.negotiated.server_name == "xn--bcher-kva.example"


def test_a_client_without_a_verifier_is_refused() -> None:
    with pytest.raises(ConfigError):
        ClientConnection(ClientConfig(policy=POLICY), server_name=NAME)


# ------------------------------------------------------------------------------------------- credentials


def shown(server_name: str | None, *credentials: Credential, **options: Any) -> Credential:
    """The credential that a server shows to a client that asks for that name."""
    client, _ = shaken(client_config(**options), server_config(credentials=credentials), server_name=server_name)
    assert client.negotiated is not None
    assert client.negotiated.peer is not None
    return next(c for c in credentials if c.chain == client.negotiated.peer.chain)


def named(*names: str, key: Any = None) -> Credential:
    key = key or ec.generate_private_key(ec.SECP256R1())
    return Credential((certificate(names[0], names=names, key=key).der,), KeySigner(key))


def test_a_credential_is_chosen_by_name() -> None:
    first, exact, wildcard = named("first.example"), named("www.b.example"), named("*.b.example", "b.example")
    every = (first, wildcard, exact)
    assert shown("www.b.example", *every) is exact
    assert shown("WWW.B.example", *every) is exact
    assert shown("mail.b.example", *every) is wildcard
    assert shown("b.example", *every) is wildcard
    assert shown("deep.mail.b.example", *every) is first  # a wildcard is for one label
    assert shown("unknown.example", *every) is first
    assert shown(None, *every) is first


def test_a_credential_is_chosen_by_what_the_client_can_verify() -> None:
    old = named(NAME, key=rsa.generate_private_key(65537, 2048))
    new = named(NAME)
    assert shown(NAME, new, old) is new
    only_rsa = replace(POLICY, signature_schemes=(SignatureScheme.rsa_pss_rsae_sha256,))
    assert shown(NAME, new, old, policy=only_rsa) is old


def test_a_policy_without_the_schemes_of_the_key() -> None:
    server = server_config(policy=replace(POLICY, signature_schemes=(SignatureScheme.ed25519,)))
    assert refused(*connect(server=server)) is Fault.NO_SHARED_SIGNATURE


def test_an_rsassa_pss_key_signs_with_nothing_else() -> None:
    only_rsae = replace(POLICY, signature_schemes=(SignatureScheme.rsa_pss_rsae_sha256,))
    key = private_key(KeyKind.RSA)
    pss = Credential((as_rsassa_pss(certificate_of(KeyKind.RSA)),), KeySigner(key))
    assert refused(*connect(client_config(policy=only_rsae), server_config(credentials=(pss,)))) is (
        Fault.NO_SHARED_SIGNATURE
    )


# ------------------------------------------------------------------------------------------- watching


def test_an_observer_sees_each_step() -> None:
    seen: list[Any] = []
    client = ClientConnection(client_config(), server_name=NAME, observer=seen.append)
    server = ServerConnection(server_config(policy=ONLY_P256), observer=seen.append)
    assert client.observer is not None
    exchange(client, server)
    steps = {trace.step for trace in seen if isinstance(trace, StepTaken)}
    assert steps == {"version", "retry", "authentication"}
    keys = [(trace.direction, trace.level) for trace in seen if isinstance(trace, KeysInstalled)]
    assert sorted(keys) == sorted(
        (direction, level) for level in ("handshake", "application") for direction in ("sent", "received") for _ in "cs"
    )


def test_the_key_log_has_the_lines_of_nss() -> None:
    lines: list[str] = []
    client, _ = shaken(client_config(keylog=lines.append), server_config(keylog=lines.append))
    assert len(lines) == 10
    assert len(set(lines)) == 5  # both sides log the same
    fields = [line.split(" ") for line in lines]
    assert {label for label, _, _ in fields} == {
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        "SERVER_HANDSHAKE_TRAFFIC_SECRET",
        "CLIENT_TRAFFIC_SECRET_0",
        "SERVER_TRAFFIC_SECRET_0",
        "EXPORTER_SECRET",
    }
    assert {len(random) for _, random, _ in fields} == {64}
    assert {len(secret) for _, _, secret in fields} == {64}
    assert client.handshake_done


def test_nothing_is_logged_but_where_the_configuration_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    path = tmp_path / "keys.log"
    monkeypatch.setenv("SSLKEYLOGFILE", str(path))
    shaken()
    assert not path.exists()
    shaken(client_config(keylog_from_environment=True))
    assert len(path.read_text(encoding="ascii").splitlines()) == 5
    assert path.stat().st_mode & 0o777 == 0o600
    monkeypatch.delenv("SSLKEYLOGFILE")
    shaken(client_config(keylog_from_environment=True))
    assert len(path.read_text(encoding="ascii").splitlines()) == 5


def test_policies_without_anything_in_common() -> None:
    modern, old = POLICY, replace(Policy.INTERMEDIATE, versions=(ProtocolVersion.TLS_1_2,))
    assert refused(*connect(client_config(policy=modern), server_config(policy=old))) is Fault.UNSUPPORTED_PROTOCOL
    assert refused(*connect(client_config(policy=old), server_config(policy=modern))) is Fault.UNSUPPORTED_PROTOCOL
