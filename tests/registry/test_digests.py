import hashlib

from registry.digests import package_digest


def test_package_digest_is_of_sorted_lines():
    a, b = "a" * 64, "b" * 64

    digest = package_digest([("model/é", 2, b), ("model/config.json", 10, a)])

    lines = f"model/config.json\x0010\x00{a}\nmodel/é\x002\x00{b}\n".encode()
    assert digest == hashlib.sha256(lines).hexdigest()


def test_package_digest_sorts_by_bytes_not_by_letters():
    files = [("model/Z", 1, "1" * 64), ("model/a", 1, "2" * 64), ("model/中", 1, "3" * 64)]

    assert package_digest(files) == package_digest(reversed(files))
