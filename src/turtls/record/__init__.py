"""The record layer (RFC 8446, section 5): bytes to records and back, and every limit a peer meets."""
