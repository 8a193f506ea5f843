"""Cryptography as TLS uses it. This room alone imports `cryptography.hazmat`."""
