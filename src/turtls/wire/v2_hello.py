"""A ClientHello in the clothes of SSL 2.0, as clients once sent it to reach servers of any version.

RFC 5246, appendix E.2, says how TLS servers may read it; RFC 6176 forbids to send it and to negotiate SSL 2.0 by it.
"""

from __future__ import annotations

from turtls.errors import Fault, ProtocolError
from turtls.wire.codec import code_point, decode, rest, uint8, uint16
from turtls.wire.extensions import Extensions
from turtls.wire.messages import ClientHello
from turtls.wire.registries import CipherSuite, ProtocolVersion
from turtls.wire.structs import Struct

_SPEC_LENGTH = 3
_MIN_CHALLENGE, _MAX_CHALLENGE = 16, 32


class V2ClientHello(Struct):
    """RFC 5246, appendix E.2, without the two bytes of length before it."""

    msg_type: int = uint8()
    version: ProtocolVersion = code_point(ProtocolVersion)
    cipher_spec_length: int = uint16()
    session_id_length: int = uint16()
    challenge_length: int = uint16()
    content: bytes = rest()
    """cipher_specs, session_id and challenge."""


def client_hello_from_v2(untrusted: bytes) -> ClientHello:
    """The ClientHello of TLS that it stands for. Raises ProtocolError (MALFORMED)."""
    hello = decode(V2ClientHello, untrusted)
    specs_end = hello.cipher_spec_length
    challenge_start = specs_end + hello.session_id_length
    specs, challenge = hello.content[:specs_end], hello.content[challenge_start:]
    if (
        len(challenge) != hello.challenge_length
        or not _MIN_CHALLENGE <= len(challenge) <= _MAX_CHALLENGE
        or not specs
        or len(specs) % _SPEC_LENGTH
    ):
        raise ProtocolError(Fault.MALFORMED, "the lengths in an SSL 2.0 ClientHello do not fit")
    # Specs that do not begin with 0 are SSL 2.0's own.
    spec_list = [specs[at : at + _SPEC_LENGTH] for at in range(0, len(specs), _SPEC_LENGTH)]
    suites = [CipherSuite(int.from_bytes(spec, "big")) for spec in spec_list if spec[0] == 0]
    return ClientHello(
        legacy_version=hello.version,
        random=challenge.rjust(32, b"\0"),
        legacy_session_id=b"",
        cipher_suites=suites or [CipherSuite.TLS_EMPTY_RENEGOTIATION_INFO_SCSV],
        extensions=Extensions(),
    )
