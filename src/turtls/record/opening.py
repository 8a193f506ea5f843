"""Recognising what is no TLS at all, from its first five bytes, so that people can be told what went wrong."""

from __future__ import annotations

from turtls.errors import Fault, ProtocolError

_TLS_TYPES = range(20, 24)
_HTTP_REQUESTS = (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"DELET", b"OPTIO", b"PATCH", b"TRACE", b"PRI *")
_SSL2_CLIENT_HELLO = 1
_SSL2_HELLO_VERSIONS = (0, 3)  # major version: SSL 2.0 is 0x0002; a later one in SSL 2.0 clothes is 0x03..


def recognise(first: bytes) -> None:
    """Accept the first five bytes of a connection if they can begin a TLS record.

    Raises ProtocolError: SSLV2_HELLO (RFC 5246, appendix E.2), PLAIN_HTTP, HTTPS_PROXY_REQUEST or NOT_TLS.
    """
    if first[0] in _TLS_TYPES:
        return
    if is_v2_hello(first):
        raise ProtocolError(Fault.SSLV2_HELLO)
    if first == b"CONNE":
        raise ProtocolError(Fault.HTTPS_PROXY_REQUEST)
    if first.startswith(_HTTP_REQUESTS):
        raise ProtocolError(Fault.PLAIN_HTTP)
    raise ProtocolError(Fault.NOT_TLS, f"it began with {ascii(first)[1:]}")


def is_v2_hello(first: bytes) -> bool:
    """Whether the first five bytes of a connection begin a ClientHello of SSL 2.0's form (RFC 5246, appendix E.2)."""
    return bool(first[0] & 0x80) and first[2] == _SSL2_CLIENT_HELLO and first[3] in _SSL2_HELLO_VERSIONS
