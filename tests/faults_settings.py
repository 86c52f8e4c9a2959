"""Settings of the processes that tests/importers/test_faults.py starts and kills: the product's, without migrations."""

from console.settings import *  # noqa: F403


class NoMigrations:
    """Tables are made from the models, which takes a second where migrations take several."""

    def __contains__(self, app):
        return True

    def __getitem__(self, app):
        return None


MIGRATION_MODULES = NoMigrations()
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
