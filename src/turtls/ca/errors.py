"""How the authority and the trust stores fail."""

from __future__ import annotations

from turtls.errors import TLSError


class AuthorityError(TLSError):
    """The authority cannot do what was asked: it is missing, damaged, locked, expired, or does not know the serial."""


class TrustStoreError(TLSError):
    """A trust store could not be read or changed; the text says what to do about it."""
