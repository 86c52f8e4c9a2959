"""Importing: from a source through checks and scan to a version."""
