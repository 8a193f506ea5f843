"""A certificate authority to run oneself: `Authority` makes a root, issues beneath it, and keeps the record.

Trust in its root is put into the system and the browsers by `turtls.ca.trust`.
"""

from __future__ import annotations

from turtls.ca.authority import Authority, Issued, renewal_time
from turtls.ca.errors import AuthorityError, TrustStoreError
from turtls.ca.store import Kind, Record, RevocationReason
from turtls.crypto.issuing import KeyType

__all__ = [
    "Authority",
    "AuthorityError",
    "Issued",
    "KeyType",
    "Kind",
    "Record",
    "RevocationReason",
    "TrustStoreError",
    "renewal_time",
]
