"""The IANA registries that TLS draws on, as far as turtls knows them."""

from __future__ import annotations

from turtls.wire.codepoints import CodePoint, code


class ProtocolVersion(CodePoint, size=2):
    """RFC 8446, section 4.2.1, and what came before."""

    SSL_2_0 = code(0x0002)
    SSL_3_0 = code(0x0300)
    TLS_1_0 = code(0x0301)
    TLS_1_1 = code(0x0302)
    TLS_1_2 = code(0x0303)
    TLS_1_3 = code(0x0304)
    DTLS_1_0 = code(0xFEFF)
    DTLS_1_2 = code(0xFEFD)
    DTLS_1_3 = code(0xFEFC)


class ContentType(CodePoint, size=1):
    """RFC 8446, section 5.1."""

    change_cipher_spec = code(20)
    alert = code(21)
    handshake = code(22)
    application_data = code(23)
    heartbeat = code(24)


class HandshakeType(CodePoint, size=1):
    """RFC 8446, section 4, and RFC 5246, section 7.4."""

    hello_request = code(0)
    client_hello = code(1)
    server_hello = code(2)
    hello_verify_request = code(3)
    new_session_ticket = code(4)
    end_of_early_data = code(5)
    encrypted_extensions = code(8)
    certificate = code(11)
    server_key_exchange = code(12)
    certificate_request = code(13)
    server_hello_done = code(14)
    certificate_verify = code(15)
    client_key_exchange = code(16)
    finished = code(20)
    certificate_status = code(22)
    key_update = code(24)
    compressed_certificate = code(25)
    message_hash = code(254)


class ExtensionType(CodePoint, size=2):
    """RFC 8446, section 4.2, and the registry."""

    server_name = code(0)
    max_fragment_length = code(1)
    status_request = code(5)
    supported_groups = code(10)
    ec_point_formats = code(11)
    srp = code(12)
    signature_algorithms = code(13)
    use_srtp = code(14)
    heartbeat = code(15)
    application_layer_protocol_negotiation = code(16)
    signed_certificate_timestamp = code(18)
    client_certificate_type = code(19)
    server_certificate_type = code(20)
    padding = code(21)
    encrypt_then_mac = code(22)
    extended_master_secret = code(23)
    compress_certificate = code(27)
    record_size_limit = code(28)
    session_ticket = code(35)
    pre_shared_key = code(41)
    early_data = code(42)
    supported_versions = code(43)
    cookie = code(44)
    psk_key_exchange_modes = code(45)
    certificate_authorities = code(47)
    oid_filters = code(48)
    post_handshake_auth = code(49)
    signature_algorithms_cert = code(50)
    key_share = code(51)
    quic_transport_parameters = code(57)
    encrypted_client_hello = code(0xFE0D)
    renegotiation_info = code(0xFF01)


class NamedGroup(CodePoint, size=2):
    """RFC 8446, section 4.2.7; RFC 7919; draft-ietf-tls-mlkem; the ECDHE-MLKEM draft for the hybrids."""

    secp256r1 = code(0x0017)
    secp384r1 = code(0x0018)
    secp521r1 = code(0x0019)
    x25519 = code(0x001D)
    x448 = code(0x001E)
    ffdhe2048 = code(0x0100)
    ffdhe3072 = code(0x0101)
    ffdhe4096 = code(0x0102)
    ffdhe6144 = code(0x0103)
    ffdhe8192 = code(0x0104)
    MLKEM1024 = code(0x0202)
    SecP256r1MLKEM768 = code(0x11EB)
    X25519MLKEM768 = code(0x11EC)
    SecP384r1MLKEM1024 = code(0x11ED)


class SignatureScheme(CodePoint, size=2):
    """RFC 8446, section 4.2.3; the legacy ones are hash and signature bytes of RFC 5246, section 7.4.1.4.1."""

    rsa_pkcs1_sha1 = code(0x0201)
    ecdsa_sha1 = code(0x0203)
    rsa_pkcs1_sha256 = code(0x0401)
    ecdsa_secp256r1_sha256 = code(0x0403)
    rsa_pkcs1_sha384 = code(0x0501)
    ecdsa_secp384r1_sha384 = code(0x0503)
    rsa_pkcs1_sha512 = code(0x0601)
    ecdsa_secp521r1_sha512 = code(0x0603)
    rsa_pss_rsae_sha256 = code(0x0804)
    rsa_pss_rsae_sha384 = code(0x0805)
    rsa_pss_rsae_sha512 = code(0x0806)
    ed25519 = code(0x0807)
    ed448 = code(0x0808)
    rsa_pss_pss_sha256 = code(0x0809)
    rsa_pss_pss_sha384 = code(0x080A)
    rsa_pss_pss_sha512 = code(0x080B)
    mldsa44 = code(0x0904)
    mldsa65 = code(0x0905)
    mldsa87 = code(0x0906)
    # Not on the wire: TLS 1.0 and 1.1 sign RSA over MD5 and SHA-1 together (RFC 2246, section 7.4.3).
    rsa_pkcs1_md5_sha1 = code(0xFF01)


class CipherSuite(CodePoint, size=2):
    """Names as in the registry. What each one means is in `turtls.crypto.suites`."""

    TLS_AES_128_GCM_SHA256 = code(0x1301)
    TLS_AES_256_GCM_SHA384 = code(0x1302)
    TLS_CHACHA20_POLY1305_SHA256 = code(0x1303)
    TLS_AES_128_CCM_SHA256 = code(0x1304)
    TLS_AES_128_CCM_8_SHA256 = code(0x1305)
    # TLS 1.2 and earlier: RFC 5246, 5288, 5289, 6655, 7251, 7905, 8442, 4279, 5487, 5489 and 5054.
    TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 = code(0xC02B)
    TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384 = code(0xC02C)
    TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 = code(0xC02F)
    TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384 = code(0xC030)
    TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256 = code(0xCCA9)
    TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = code(0xCCA8)
    TLS_ECDHE_ECDSA_WITH_AES_128_CCM = code(0xC0AC)
    TLS_ECDHE_ECDSA_WITH_AES_256_CCM = code(0xC0AD)
    TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8 = code(0xC0AE)
    TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8 = code(0xC0AF)
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA = code(0xC009)
    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA = code(0xC00A)
    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA = code(0xC013)
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA = code(0xC014)
    TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256 = code(0xC023)
    TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384 = code(0xC024)
    TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 = code(0xC027)
    TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384 = code(0xC028)
    TLS_DHE_RSA_WITH_AES_128_GCM_SHA256 = code(0x009E)
    TLS_DHE_RSA_WITH_AES_256_GCM_SHA384 = code(0x009F)
    TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256 = code(0xCCAA)
    TLS_DHE_RSA_WITH_AES_128_CCM = code(0xC09E)
    TLS_DHE_RSA_WITH_AES_256_CCM = code(0xC09F)
    TLS_DHE_RSA_WITH_AES_128_CCM_8 = code(0xC0A2)
    TLS_DHE_RSA_WITH_AES_256_CCM_8 = code(0xC0A3)
    TLS_DHE_RSA_WITH_AES_128_CBC_SHA = code(0x0033)
    TLS_DHE_RSA_WITH_AES_256_CBC_SHA = code(0x0039)
    TLS_DHE_RSA_WITH_AES_128_CBC_SHA256 = code(0x0067)
    TLS_DHE_RSA_WITH_AES_256_CBC_SHA256 = code(0x006B)
    TLS_RSA_WITH_AES_128_GCM_SHA256 = code(0x009C)
    TLS_RSA_WITH_AES_256_GCM_SHA384 = code(0x009D)
    TLS_RSA_WITH_AES_128_CCM = code(0xC09C)
    TLS_RSA_WITH_AES_256_CCM = code(0xC09D)
    TLS_RSA_WITH_AES_128_CCM_8 = code(0xC0A0)
    TLS_RSA_WITH_AES_256_CCM_8 = code(0xC0A1)
    TLS_RSA_WITH_AES_128_CBC_SHA = code(0x002F)
    TLS_RSA_WITH_AES_256_CBC_SHA = code(0x0035)
    TLS_RSA_WITH_AES_128_CBC_SHA256 = code(0x003C)
    TLS_RSA_WITH_AES_256_CBC_SHA256 = code(0x003D)
    TLS_PSK_WITH_AES_128_GCM_SHA256 = code(0x00A8)
    TLS_PSK_WITH_AES_256_GCM_SHA384 = code(0x00A9)
    TLS_PSK_WITH_CHACHA20_POLY1305_SHA256 = code(0xCCAB)
    TLS_PSK_WITH_AES_128_CCM = code(0xC0A4)
    TLS_PSK_WITH_AES_256_CCM = code(0xC0A5)
    TLS_PSK_WITH_AES_128_CCM_8 = code(0xC0A8)
    TLS_PSK_WITH_AES_256_CCM_8 = code(0xC0A9)
    TLS_PSK_WITH_AES_128_CBC_SHA = code(0x008C)
    TLS_PSK_WITH_AES_256_CBC_SHA = code(0x008D)
    TLS_PSK_WITH_AES_128_CBC_SHA256 = code(0x00AE)
    TLS_PSK_WITH_AES_256_CBC_SHA384 = code(0x00AF)
    TLS_DHE_PSK_WITH_AES_128_GCM_SHA256 = code(0x00AA)
    TLS_DHE_PSK_WITH_AES_256_GCM_SHA384 = code(0x00AB)
    TLS_DHE_PSK_WITH_CHACHA20_POLY1305_SHA256 = code(0xCCAD)
    TLS_DHE_PSK_WITH_AES_128_CCM = code(0xC0A6)
    TLS_DHE_PSK_WITH_AES_256_CCM = code(0xC0A7)
    TLS_PSK_DHE_WITH_AES_128_CCM_8 = code(0xC0AA)
    TLS_PSK_DHE_WITH_AES_256_CCM_8 = code(0xC0AB)
    TLS_DHE_PSK_WITH_AES_128_CBC_SHA = code(0x0090)
    TLS_DHE_PSK_WITH_AES_256_CBC_SHA = code(0x0091)
    TLS_DHE_PSK_WITH_AES_128_CBC_SHA256 = code(0x00B2)
    TLS_DHE_PSK_WITH_AES_256_CBC_SHA384 = code(0x00B3)
    TLS_ECDHE_PSK_WITH_AES_128_GCM_SHA256 = code(0xD001)
    TLS_ECDHE_PSK_WITH_AES_256_GCM_SHA384 = code(0xD002)
    TLS_ECDHE_PSK_WITH_AES_128_CCM_8_SHA256 = code(0xD003)
    TLS_ECDHE_PSK_WITH_AES_128_CCM_SHA256 = code(0xD005)
    TLS_ECDHE_PSK_WITH_CHACHA20_POLY1305_SHA256 = code(0xCCAC)
    TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA = code(0xC035)
    TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA = code(0xC036)
    TLS_ECDHE_PSK_WITH_AES_128_CBC_SHA256 = code(0xC037)
    TLS_ECDHE_PSK_WITH_AES_256_CBC_SHA384 = code(0xC038)
    TLS_RSA_PSK_WITH_AES_128_GCM_SHA256 = code(0x00AC)
    TLS_RSA_PSK_WITH_AES_256_GCM_SHA384 = code(0x00AD)
    TLS_RSA_PSK_WITH_CHACHA20_POLY1305_SHA256 = code(0xCCAE)
    TLS_RSA_PSK_WITH_AES_128_CBC_SHA = code(0x0094)
    TLS_RSA_PSK_WITH_AES_256_CBC_SHA = code(0x0095)
    TLS_RSA_PSK_WITH_AES_128_CBC_SHA256 = code(0x00B6)
    TLS_RSA_PSK_WITH_AES_256_CBC_SHA384 = code(0x00B7)
    TLS_SRP_SHA_WITH_AES_128_CBC_SHA = code(0xC01D)
    TLS_SRP_SHA_RSA_WITH_AES_128_CBC_SHA = code(0xC01E)
    TLS_SRP_SHA_WITH_AES_256_CBC_SHA = code(0xC020)
    TLS_SRP_SHA_RSA_WITH_AES_256_CBC_SHA = code(0xC021)
    # Signalling values: never chosen.
    TLS_EMPTY_RENEGOTIATION_INFO_SCSV = code(0x00FF)
    TLS_FALLBACK_SCSV = code(0x5600)


class PskKeyExchangeMode(CodePoint, size=1):
    """RFC 8446, section 4.2.9."""

    psk_ke = code(0)
    psk_dhe_ke = code(1)


class KeyUpdateRequest(CodePoint, size=1):
    """RFC 8446, section 4.6.3."""

    update_not_requested = code(0)
    update_requested = code(1)


class CertificateCompressionAlgorithm(CodePoint, size=2):
    """RFC 8879, section 7.3."""

    zlib = code(1)
    brotli = code(2)
    zstd = code(3)


class CertificateStatusType(CodePoint, size=1):
    """RFC 6066, section 8."""

    ocsp = code(1)


class NameType(CodePoint, size=1):
    """RFC 6066, section 3."""

    host_name = code(0)


class PointFormat(CodePoint, size=1):
    """RFC 8422, section 5.1.2."""

    uncompressed = code(0)


class ClientCertificateType(CodePoint, size=1):
    """RFC 5246, section 7.4.4."""

    rsa_sign = code(1)
    ecdsa_sign = code(64)


class EcCurveType(CodePoint, size=1):
    """RFC 8422, section 5.4."""

    named_curve = code(3)
