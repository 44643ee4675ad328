"""Decide whether a webhook body was signed by a key we accept."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

HEADER = "X-GHL-Signature"
LEGACY_HEADER = "X-WH-Signature"
ED25519_BYTES = 64

LEGACY_RSA = """-----BEGIN PUBLIC KEY-----
MIICIjANBgkqhkiG9w0BAQEFAAOCAg8AMIICCgKCAgEAokvo/r9tVgcfZ5DysOSC
Frm602qYV0MaAiNnX9O8KxMbiyRKWeL9JpCpVpt4XHIcBOK4u3cLSqJGOLaPuXw6
dO0t6Q/ZVdAV5Phz+ZtzPL16iCGeK9po6D6JHBpbi989mmzMryUnQJezlYJ3DVfB
csedpinheNnyYeFXolrJvcsjDtfAeRx5ByHQmTnSdFUzuAnC9/GepgLT9SM4nCpv
uxmZMxrJt5Rw+VUaQ9B8JSvbMPpez4peKaJPZHBbU3OdeCVx5klVXXZQGNHOs8gF
3kvoV5rTnXV0IknLBXlcKKAQLZcY/Q9rG6Ifi9c+5vqlvHPCUJFT5XUGG5RKgOKU
J062fRtN+rLYZUV+BjafxQauvC8wSWeYja63VSUruvmNj8xkx2zE/Juc+yjLjTXp
IocmaiFeAO6fUtNjDeFVkhf5LNb59vECyrHD2SQIrhgXpO4Q3dVNA5rw576PwTzN
h/AMfHKIjE4xQA1SZuYJmNnmVZLIZBlQAF9Ntd03rfadZ+yDiOXCCs9FkHibELhC
HULgCsnuDJHcrGNd5/Ddm5hxGQ0ASitgHeMZ0kcIOwKDOzOU53lDza6/Y09T7sYJ
PQe7z0cvj7aE4B+Ax1ZoZGPzpJlZtGXCsu9aTEGEnKzmsFqwcSsnw3JB31IGKAyk
T1hhTiaCeIY/OwwwNUY2yvcCAwEAAQ==
-----END PUBLIC KEY-----
"""

_PEM = re.compile(r"-----BEGIN PUBLIC KEY-----.*?-----END PUBLIC KEY-----", re.DOTALL)

PublicKey = Ed25519PublicKey | RSAPublicKey


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a body is authentic, and if so by which of the given keys (its index)."""

    valid: bool
    scheme: str
    reason: str
    key: int = -1


@lru_cache(maxsize=32)
def load_keys(pem: str) -> tuple[PublicKey, ...]:
    """Parse every public key of one or more PEM blocks; a literal backslash-n counts as a line end."""
    keys: list[PublicKey] = []
    for block in _PEM.findall(pem.replace("\\n", "\n")):
        try:
            key = serialization.load_pem_public_key(block.encode())
        except UnsupportedAlgorithm as error:
            raise ValueError("a webhook public key uses an unsupported algorithm") from error
        if isinstance(key, Ed25519PublicKey | RSAPublicKey):
            keys.append(key)
        else:
            raise ValueError("a webhook public key must be Ed25519 (or RSA for the legacy header)")
    return tuple(keys)


def verify(
    raw: bytes, headers: Mapping[str, str], *, keys: Sequence[PublicKey], legacy: bool = False
) -> Verdict:
    """Check the signature headers against the raw body; the Ed25519 header, when there, alone decides."""
    signature = _present(headers.get(HEADER))
    if signature is not None:
        return _verify_ed25519(raw, signature, keys)
    signature = _present(headers.get(LEGACY_HEADER))
    if signature is None:
        return Verdict(False, "", "no signature")
    if not legacy:
        return Verdict(False, "", "legacy signature only")
    return _verify_rsa(raw, signature, keys)


def _verify_ed25519(raw: bytes, signature: str, keys: Sequence[PublicKey]) -> Verdict:
    decoded = _decode(signature)
    if decoded is None:
        return Verdict(False, "ed25519", "signature is not base64")
    if len(decoded) != ED25519_BYTES:
        return Verdict(False, "ed25519", "signature is not 64 bytes")
    for index, key in enumerate(keys):
        if isinstance(key, Ed25519PublicKey):
            try:
                key.verify(decoded, raw)
            except InvalidSignature:
                continue
            return Verdict(True, "ed25519", "", index)
    return Verdict(False, "ed25519", "signature does not match")


def _verify_rsa(raw: bytes, signature: str, keys: Sequence[PublicKey]) -> Verdict:
    decoded = _decode(signature)
    if decoded is None:
        return Verdict(False, "rsa-sha256", "signature is not base64")
    for index, key in enumerate(keys):
        if isinstance(key, RSAPublicKey):
            try:
                key.verify(decoded, raw, padding.PKCS1v15(), hashes.SHA256())
            except InvalidSignature:
                continue
            return Verdict(True, "rsa-sha256", "", index)
    return Verdict(False, "rsa-sha256", "signature does not match")


def _present(value: str | None) -> str | None:
    """Return the header's value, or None when it is empty or the literal placeholder N/A."""
    value = (value or "").strip()
    return value if value not in ("", "N/A") else None


def _decode(value: str) -> bytes | None:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def sign(raw: bytes, key: Ed25519PrivateKey) -> str:
    """Return the header value GHL would send for this body under this key."""
    return base64.b64encode(key.sign(raw)).decode()


def private_key_path(public: Path) -> Path:
    """Return where the simulator keeps the half it signs with, next to the public one."""
    return public.with_name(public.name + ".private")


def make_simulator_key(public: Path) -> Ed25519PrivateKey:
    """Return the simulator's key pair, making and storing it first when there is none."""
    private = private_key_path(public)
    if private.exists() and public.exists():
        key = serialization.load_pem_private_key(private.read_bytes(), password=None)
        if isinstance(key, Ed25519PrivateKey):
            return key
    key = Ed25519PrivateKey.generate()
    public.parent.mkdir(parents=True, exist_ok=True)
    private.touch(mode=0o600)
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    public.write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
    return key


class KeyFile:
    """A public key file read again whenever it changes on disk; no file means no keys."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._keys: tuple[PublicKey, ...] = ()

    def keys(self) -> tuple[PublicKey, ...]:
        """Return the keys the file holds now."""
        try:
            stat = self.path.stat()
            seen = (stat.st_mtime_ns, stat.st_size)
            if seen != self._seen:
                self._keys = load_keys(self.path.read_text())
                self._seen = seen
        except (OSError, ValueError):
            self._seen, self._keys = None, ()
        return self._keys
