"""The demo: two small models trained on data sets that ship inside packages, and a package that is broken on purpose."""
