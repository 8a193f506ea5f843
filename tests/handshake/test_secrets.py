from __future__ import annotations

from typing import Any

import pytest

from turtls.crypto.suites12 import SUITES12
from turtls.handshake.resumption import Resumption, TicketState
from turtls.handshake.secrets12 import Secrets12
from turtls.wire.registries import CipherSuite, ProtocolVersion

SECRET = b"for nobody's eyes"
AES = CipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
STATE = TicketState(
    version=ProtocolVersion.TLS_1_2, cipher_suite=AES, secret=SECRET, server_name=b"", alpn=b"", client_chain=[]
)
PROOF: Any = None


@pytest.mark.parametrize(
    "holder",
    [
        STATE,
        Resumption(PROOF, 0, SECRET, None),
        Secrets12(ProtocolVersion.TLS_1_2, SUITES12[AES], bytes(32), bytes(32), SECRET, True),
    ],
    ids=lambda holder: type(holder).__name__,
)
def test_what_holds_a_secret_does_not_show_it(holder: object) -> None:
    """What is represented may end in a log, or in a report of a crash."""
    assert type(holder).__name__ in repr(holder)
    assert SECRET.decode()[4:10] not in repr(holder)
    assert SECRET.hex() not in repr(holder)
