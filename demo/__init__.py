"""The demo: small models trained on data that ships inside packages, and a package broken on purpose."""
