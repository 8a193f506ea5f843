"""All targets, by their names: each a function that takes some bytes and returns if all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fuzz import handshakes, loading, messages, records

TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    target.__name__: target
    for target in (
        messages.messages,
        messages.extensions,
        messages.structs,
        messages.v2_hello,
        records.records_plain,
        records.records13,
        records.records12,
        records.records12_chacha,
        records.records_cbc,
        handshakes.client13,
        handshakes.server13,
        handshakes.client12,
        handshakes.server12,
        handshakes.quic_client,
        handshakes.quic_server,
        loading.certificates,
        loading.leaf,
        loading.private_key,
        loading.pkcs12,
        loading.policy,
    )
}
