from __future__ import annotations

import pytest

from turtls.config import PreSharedKey
from turtls.crypto.hashes import SHA256
from turtls.crypto.key_schedule import EarlySecret, PskOrigin
from turtls.crypto.suites12 import SUITES12
from turtls.handshake.psks import Psk
from turtls.handshake.resumption import TicketState
from turtls.handshake.secrets12 import Secrets12
from turtls.wire.registries import CipherSuite, ProtocolVersion

SECRET = b"for nobody's eyes"
AES = CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
STATE = TicketState(
    version=ProtocolVersion.TLS_1_2,
    cipher_suite=AES,
    secret=SECRET,
    server_name=b"",
    alpn=b"",
    client_chain=[],
    authenticated_at=0,
)


@pytest.mark.parametrize(
    "holder",
    [
        STATE,
        Psk(b"", EarlySecret(SHA256, SECRET), PskOrigin.TICKET, PreSharedKey(b"me", SECRET)),
        Secrets12(ProtocolVersion.TLS_1_2, SUITES12[AES], bytes(32), bytes(32), SECRET, True),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_what_holds_a_secret_does_not_show_it(holder: object) -> None:
    """What is represented may end in a log, or in a report of a crash."""
    assert type(holder).__name__ in repr(holder)
    assert SECRET.decode()[4:10] not in repr(holder)
    assert SECRET.hex() not in repr(holder)
