from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from leads.ghl import signatures

BODY = '{"type":"InboundMessage","body":"Café ☕ ok","monetaryValue":40.0}'.encode()


def pem(key: Ed25519PrivateKey | rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


@pytest.fixture(scope="module")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


@pytest.fixture(scope="module")
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def verify(key: Ed25519PrivateKey, headers: dict[str, str], raw: bytes = BODY) -> signatures.Verdict:
    return signatures.verify(raw, headers, keys=signatures.load_keys(pem(key)))


def test_accepts_a_body_signed_by_an_accepted_key(key: Ed25519PrivateKey) -> None:
    verdict = verify(key, {"X-GHL-Signature": signatures.sign(BODY, key)})

    assert verdict == signatures.Verdict(True, "ed25519", "", 0)


def test_names_the_key_that_matched_during_rotation(key: Ed25519PrivateKey) -> None:
    newer = Ed25519PrivateKey.generate()
    keys = signatures.load_keys(pem(newer) + pem(key))

    verdict = signatures.verify(BODY, {"X-GHL-Signature": signatures.sign(BODY, key)}, keys=keys)

    assert (verdict.valid, verdict.key) == (True, 1)


def test_refuses_a_changed_body(key: Ed25519PrivateKey) -> None:
    header = {"X-GHL-Signature": signatures.sign(BODY, key)}

    assert verify(key, header, BODY.replace(b"ok", b"no")).reason == "signature does not match"
    assert not verify(key, header, BODY.replace(b"40.0", b"40")).valid
    assert not verify(key, header, BODY + b"\n").valid


def test_refuses_a_signature_of_another_key(key: Ed25519PrivateKey) -> None:
    other = Ed25519PrivateKey.generate()

    assert not verify(key, {"X-GHL-Signature": signatures.sign(BODY, other)}).valid


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "no signature"),
        ("   ", "no signature"),
        ("N/A", "no signature"),
        ("%%%", "signature is not base64"),
        ("ü" * 88, "signature is not base64"),
        ("\x00", "signature is not base64"),
        ("AAAA", "signature is not 64 bytes"),
        (base64.b64encode(b"x" * 63).decode(), "signature is not 64 bytes"),
        (base64.b64encode(b"x" * 65).decode(), "signature is not 64 bytes"),
        (base64.b64encode(b"x" * 64).decode(), "signature does not match"),
        ("A" * 100_000, "signature is not 64 bytes"),
    ],
)
def test_refuses_garbage_without_an_exception(key: Ed25519PrivateKey, value: str, reason: str) -> None:
    assert verify(key, {"X-GHL-Signature": value}) == signatures.Verdict(
        False, "" if reason == "no signature" else "ed25519", reason
    )


def test_refuses_hex_and_url_safe_and_unpadded_signatures(key: Ed25519PrivateKey) -> None:
    raw = key.sign(BODY)
    good = base64.b64encode(raw).decode()

    assert not verify(key, {"X-GHL-Signature": raw.hex()}).valid
    assert not verify(key, {"X-GHL-Signature": good.rstrip("=")}).valid
    assert not verify(key, {"X-GHL-Signature": good[:40] + "\n" + good[40:]}).valid
    assert verify(key, {"X-GHL-Signature": f" {good} "}).valid


def test_refuses_everything_without_a_header(key: Ed25519PrivateKey) -> None:
    assert verify(key, {}).reason == "no signature"


def rsa_header(rsa_key: rsa.RSAPrivateKey) -> str:
    return base64.b64encode(rsa_key.sign(BODY, padding.PKCS1v15(), hashes.SHA256())).decode()


def test_legacy_signature_counts_only_when_switched_on(rsa_key: rsa.RSAPrivateKey) -> None:
    keys = signatures.load_keys(pem(rsa_key))
    headers = {"X-WH-Signature": rsa_header(rsa_key)}

    assert signatures.verify(BODY, headers, keys=keys).reason == "legacy signature only"
    assert signatures.verify(BODY, headers, keys=keys, legacy=True).scheme == "rsa-sha256"
    assert signatures.verify(BODY, headers, keys=keys, legacy=True).valid
    assert not signatures.verify(BODY + b" ", headers, keys=keys, legacy=True).valid
    assert not signatures.verify(BODY, {"X-WH-Signature": "%"}, keys=keys, legacy=True).valid


def test_a_bad_current_header_is_not_saved_by_a_good_legacy_one(
    key: Ed25519PrivateKey, rsa_key: rsa.RSAPrivateKey
) -> None:
    keys = signatures.load_keys(pem(key) + pem(rsa_key))
    legacy = rsa_header(rsa_key)

    bad = {"X-GHL-Signature": base64.b64encode(b"x" * 64).decode(), "X-WH-Signature": legacy}
    missing = {"X-GHL-Signature": "N/A", "X-WH-Signature": legacy}

    assert not signatures.verify(BODY, bad, keys=keys, legacy=True).valid
    assert signatures.verify(BODY, missing, keys=keys, legacy=True).valid


def test_key_lists_read_escaped_line_ends_and_refuse_other_kinds(key: Ed25519PrivateKey) -> None:
    escaped = pem(key).replace("\n", "\\n")

    assert len(signatures.load_keys(escaped)) == 1
    assert signatures.load_keys("") == ()
    assert signatures.load_keys(pem(key)) is signatures.load_keys(pem(key))
    with pytest.raises(ValueError, match="must be Ed25519"):
        signatures.load_keys(pem(ec.generate_private_key(ec.SECP256R1())))


def test_the_legacy_key_of_ghl_is_rsa_4096() -> None:
    (legacy,) = signatures.load_keys(signatures.LEGACY_RSA)

    assert isinstance(legacy, rsa.RSAPublicKey)
    assert legacy.key_size == 4096


def test_simulator_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    public = tmp_path / "var" / "simulator.pem"

    first = signatures.make_simulator_key(public)
    second = signatures.make_simulator_key(public)

    assert first.private_bytes_raw() == second.private_bytes_raw()
    assert signatures.private_key_path(public).stat().st_mode & 0o777 == 0o600
    header = {"X-GHL-Signature": signatures.sign(BODY, second)}
    assert signatures.verify(BODY, header, keys=signatures.KeyFile(public).keys()).valid


def test_key_file_follows_the_file_on_disk(tmp_path: Path) -> None:
    public = tmp_path / "simulator.pem"
    file = signatures.KeyFile(public)
    assert file.keys() == ()

    signatures.make_simulator_key(public)
    assert len(file.keys()) == 1
    assert file.keys() is file.keys()

    public.write_text("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")
    assert file.keys() == ()
    public.unlink()
    assert file.keys() == ()
