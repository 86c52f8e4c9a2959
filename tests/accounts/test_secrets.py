"""Credentials at rest: sealed by the newest key, opened by each, and never half."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from accounts.secrets import SecretUnreadable, seal, unseal
from console import env

VALUES = {"access_key": "AK-of-this-test", "secret_key": "ключ 密钥", "session_token": ""}
KNOWN = "0" * 43 + "="  # a fixed one: names of tests must not change from process to process
OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def test_what_was_sealed_is_given_back(settings):
    settings.ENCRYPTION_KEYS = [OLD]

    sealed = seal(VALUES)

    assert unseal(sealed) == VALUES
    assert [word for word in ("AK-of-this-test", "ключ", "access_key") if word in sealed] == []


def test_same_values_are_sealed_differently_each_time(settings):
    settings.ENCRYPTION_KEYS = [OLD]

    assert seal(VALUES) != seal(VALUES)


def test_new_key_before_the_old_one_opens_both(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    before = seal(VALUES)
    settings.ENCRYPTION_KEYS = [NEW, OLD]
    after = seal(VALUES)

    assert unseal(before) == unseal(after) == VALUES
    settings.ENCRYPTION_KEYS = [NEW]
    assert unseal(after) == VALUES
    with pytest.raises(SecretUnreadable):
        unseal(before)


@pytest.mark.parametrize("text", ["", "nonsense", "gAAAAA==", "ключ"])
def test_what_is_no_seal_is_unreadable(settings, text):
    settings.ENCRYPTION_KEYS = [OLD]

    with pytest.raises(SecretUnreadable):
        unseal(text)


def test_changed_seal_is_unreadable(settings):
    settings.ENCRYPTION_KEYS = [OLD]
    sealed = seal(VALUES)
    middle = len(sealed) // 2

    with pytest.raises(SecretUnreadable):
        unseal(sealed[:middle] + ("A" if sealed[middle] != "A" else "B") + sealed[middle + 1 :])


def test_keys_come_from_the_environment_before_the_record(monkeypatch, tmp_path):
    record = tmp_path / "encryption-key"
    record.write_text(OLD + "\n")

    assert env.fernet_keys("KEYS", record) == [OLD]
    monkeypatch.setenv("KEYS", f"{NEW}, {OLD}")
    assert env.fernet_keys("KEYS", record) == [NEW, OLD]


def test_without_any_key_nothing_is_sealed_or_opened(settings, tmp_path):
    settings.ENCRYPTION_KEYS = [OLD]
    sealed = seal(VALUES)
    settings.ENCRYPTION_KEYS = env.fernet_keys("KEYS", tmp_path / "none")

    with pytest.raises(ImproperlyConfigured):
        seal(VALUES)
    with pytest.raises(SecretUnreadable):
        unseal(sealed)


@pytest.mark.parametrize("value", ["short", f"{KNOWN},short", "ключ", "A" * 44])
def test_key_that_is_none_stops_with_the_name_of_the_variable(monkeypatch, tmp_path, value):
    monkeypatch.setenv("KEYS", value)

    with pytest.raises(ImproperlyConfigured, match=r"^KEYS or .*: not an encryption key; make one with python"):
        env.fernet_keys("KEYS", tmp_path / "none")


def test_record_that_is_no_key_stops_with_its_name(tmp_path):
    (tmp_path / "encryption-key").write_text("spoiled")

    with pytest.raises(ImproperlyConfigured, match=f"^KEYS or {tmp_path / 'encryption-key'}: not an encryption key"):
        env.fernet_keys("KEYS", tmp_path / "encryption-key")
