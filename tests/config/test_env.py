"""A wrong setting stops the start with a sentence that names it and never repeats its value, maybe secret."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from config.env import Reader, SettingError

NAME = "HEARTHLINE_TEST_SETTING"


@pytest.fixture
def env() -> Reader:
    return Reader()


def public_key() -> str:
    key = Ed25519PrivateKey.generate().public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def refusal(call: object, *arguments: object, **options: object) -> str:
    assert callable(call)
    with pytest.raises(SettingError) as caught:
        call(*arguments, **options)
    assert caught.value.name == NAME
    return str(caught.value)


def test_unset_and_empty_give_the_default(env: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(NAME, raising=False)
    assert env.str(NAME, "a") == "a"
    monkeypatch.setenv(NAME, "  ")
    assert (env.str(NAME, "a"), env.bool(NAME, True), env.int(NAME, 3), env.list(NAME, ["x"])) == (
        "a",
        True,
        3,
        ["x"],
    )


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("1", True), ("on", True), ("False", False), ("0", False)]
)
def test_bool_reads_on_and_off(env: Reader, monkeypatch: pytest.MonkeyPatch, text: str, value: bool) -> None:
    monkeypatch.setenv(NAME, text)
    assert env.bool(NAME, not value) is value


def test_bool_refuses_other_words(env: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "perhaps")
    assert refusal(env.bool, NAME, False) == f"{NAME} is neither on nor off: write true or false."


@pytest.mark.parametrize(
    ("text", "wrong"),
    [("ten", "is not a whole number"), ("1.5", "is not a whole number"), ("0", "is less than 1")],
)
def test_int_refuses_what_is_no_count(
    env: Reader, monkeypatch: pytest.MonkeyPatch, text: str, wrong: str
) -> None:
    monkeypatch.setenv(NAME, text)
    assert refusal(env.int, NAME, 10, least=1) == (
        f"{NAME} {wrong}: write a whole number of at least 1, for example {NAME}=10."
    )


def test_int_and_list_read_their_values(env: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "12")
    assert env.int(NAME, 1) == 12
    monkeypatch.setenv(NAME, "a.example, b.example,,")
    assert env.list(NAME, []) == ["a.example", "b.example"]


def test_choice_reads_any_case_and_refuses_others(env: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "debug")
    assert env.choice(NAME, "INFO", ["DEBUG", "INFO"]) == "DEBUG"
    monkeypatch.setenv(NAME, "loud")
    assert (
        refusal(env.choice, NAME, "INFO", ["DEBUG", "INFO"])
        == f"{NAME} is not one of the known words: write one of DEBUG, INFO."
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("localhost", "is not an address with a scheme and a host"),
        ("https://", "is not an address with a scheme and a host"),
        ("https://host.example:99999", "has a port that is not a number between 0 and 65535"),
        ("https://[::1", "is not an address"),
    ],
)
def test_url_refuses_half_an_address(
    env: Reader, monkeypatch: pytest.MonkeyPatch, text: str, wrong: str
) -> None:
    monkeypatch.setenv(NAME, text)
    assert refusal(env.url, NAME, "http://127.0.0.1:8000") == (
        f"{NAME} {wrong}: write it in full, as {NAME}=http://host.example."
    )


def test_a_password_in_a_default_or_value_is_not_repeated(
    env: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(NAME, "redis://:hidden-value@:0:0")
    assert "hidden" not in refusal(env.url, NAME, "redis://:hidden-default@127.0.0.1:6379/0")


def test_database_becomes_djangos_settings(env: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "postgresql://jo:p%40ss@db.example:5433/hearth")
    found = env.database(NAME, "postgresql://127.0.0.1/unused")
    assert (
        found["ENGINE"],
        found["USER"],
        found["PASSWORD"],
        found["HOST"],
        found["PORT"],
        found["NAME"],
    ) == (
        "django.db.backends.postgresql",
        "jo",
        "p@ss",
        "db.example",
        5433,
        "hearth",
    )


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("mysql://jo@db.example/hearth", "is not a PostgreSQL address"),
        ("postgresql://db.example", "names no database"),
    ],
)
def test_database_refuses_other_engines_and_no_name(
    env: Reader, monkeypatch: pytest.MonkeyPatch, text: str, wrong: str
) -> None:
    monkeypatch.setenv(NAME, text)
    assert refusal(env.database, NAME, "postgresql://127.0.0.1/x").startswith(f"{NAME} {wrong}: ")


def test_email_becomes_djangos_settings(env: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "submission://jo:secret@mail.example:587")
    found = env.email(NAME, "console://")
    assert found == {
        "EMAIL_BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "EMAIL_HOST": "mail.example",
        "EMAIL_PORT": 587,
        "EMAIL_HOST_USER": "jo",
        "EMAIL_HOST_PASSWORD": "secret",
        "EMAIL_USE_TLS": True,
        "EMAIL_USE_SSL": False,
    }


def test_email_refuses_an_unknown_way(env: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(NAME, "pigeon://mail.example")
    assert refusal(env.email, NAME, "console://").startswith(NAME)


def test_fernet_keys_come_newest_first(env: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    new, old = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    monkeypatch.setenv(NAME, f"{new},{old}")
    assert env.fernet_keys(NAME, old) == [new, old]


@pytest.mark.parametrize("wrong", ["short", base64.urlsafe_b64encode(b"x" * 31).decode(), "äöü"])
def test_fernet_keys_refuse_what_is_no_key(env: Reader, monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv(NAME, f"{Fernet.generate_key().decode()},{wrong}")
    told = refusal(env.fernet_keys, NAME, "")
    assert told.startswith(
        f"{NAME} holds a key (number 2) that is not 32 bytes in URL-safe base64: make one with "
    )
    assert wrong not in told


def test_pem_keys_may_be_several_and_escaped(env: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = public_key(), public_key()
    monkeypatch.setenv(NAME, first.replace("\n", "\\n") + second)
    assert env.pem_keys(NAME, first) == [first, second]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("nothing", "is not a list of public keys in PEM"),
        (
            "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----",
            "holds a key (number 1) that cannot be read",
        ),
    ],
)
def test_pem_keys_refuse_what_is_no_key(
    env: Reader, monkeypatch: pytest.MonkeyPatch, text: str, wrong: str
) -> None:
    monkeypatch.setenv(NAME, text)
    assert refusal(env.pem_keys, NAME, public_key()).startswith(f"{NAME} {wrong}: ")


def test_a_file_speaks_only_where_the_environment_is_silent(
    env: Reader, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(NAME, "from the environment")
    monkeypatch.setenv(f"{NAME}_2", "removed below")
    monkeypatch.delenv(f"{NAME}_2")
    (tmp_path / ".env").write_text(f"{NAME}=from the file\n{NAME}_2= # a comment\n{NAME}_3=said\n")

    env.read_file(tmp_path / ".env")
    env.read_file(tmp_path / "missing")

    assert env.str(NAME, "") == "from the environment"
    assert env.str(f"{NAME}_2", "default") == "default"
    assert env.str(f"{NAME}_3", "") == "said"
    monkeypatch.delenv(f"{NAME}_3")
