"""The bytes of TLS: code points, messages and extensions, declared in the words of RFC 8446, section 3."""
