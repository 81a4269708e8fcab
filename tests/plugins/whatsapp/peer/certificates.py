"""Who the peer says it is: a throw-away authority for TLS, and one for the handshake underneath it."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pyaileys.proto import WAProto_pb2 as proto

from .keys import KeyPair, keys_of, sign

HOSTS = ("web.whatsapp.com", "*.whatsapp.net", "*.whatsapp.com")
SITE = Path(__file__).parent / "child_site"
ROOT_KEY_VARIABLE = "STENTOR_TEST_WHATSAPP_ROOT_KEY"
_MONTH = timedelta(days=30)


@dataclass(frozen=True)
class Authority:
    """What a program must trust to take the peer for WhatsApp; its folder also keeps paired sessions."""

    folder: Path
    tls: ssl.SSLContext
    static: KeyPair
    chain: bytes

    @classmethod
    def established(cls, folder: Path) -> "Authority":
        root, static = keys_of("root of the handshake"), keys_of("server of the handshake")
        (folder / "root.key").write_bytes(root.public)
        return cls(folder, _tls(folder), static, _handshake_chain(root, static))

    def environment(self, python_path: str) -> dict[str, str]:
        return {
            "SSL_CERT_FILE": str(self.folder / "ca.pem"),
            ROOT_KEY_VARIABLE: str(self.folder / "root.key"),
            "PYTHONPATH": f"{SITE}:{python_path}" if python_path else str(SITE),
        }


def _handshake_chain(root: KeyPair, static: KeyPair) -> bytes:
    between = keys_of("between root and server")
    chain = proto.CertChain()
    for certificate, issuer, serial, key in (
        (chain.intermediate, root, 1, between.public),
        (chain.leaf, between, 2, static.public),
    ):
        now = datetime.now(UTC)
        certificate.details = proto.CertChain.NoiseCertificate.Details(
            serial=serial,
            issuerSerial=serial - 1,
            key=key,
            notBefore=int((now - _MONTH).timestamp()),
            notAfter=int((now + _MONTH).timestamp()),
        ).SerializeToString()
        certificate.signature = sign(issuer, certificate.details)
    return bytes(chain.SerializeToString())


def _tls(folder: Path) -> ssl.SSLContext:
    authority, mine = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer = _name("Stentor's test authority")
    ca = (
        _certificate(issuer, issuer, authority.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(authority, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName([x509.DNSName(host) for host in HOSTS])
    server = (
        _certificate(_name(HOSTS[0]), issuer, mine.public_key())
        .add_extension(names, critical=False)
        .sign(authority, hashes.SHA256())
    )
    private = mine.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    (folder / "server.pem").write_bytes(private + server.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    return context


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _MONTH)
        .not_valid_after(now + _MONTH)
    )
