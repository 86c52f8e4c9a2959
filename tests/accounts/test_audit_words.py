"""Every audit event has words: read from the source itself, since a code without them shows up only much later."""

import ast
from pathlib import Path

import pytest
from django.utils.translation import gettext_lazy as _

from accounts.messages import AUDIT, GROUPS, register_audit

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("console", "accounts", "stores", "registry", "importers", "serving")


def calls():
    """Each call that writes an event, with the expression of its code; `serving` and others count once they exist."""
    for path in sorted(path for app in ROOT.iterdir() if (app / "apps.py").exists() for path in app.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name == "record_audit":
                yield place, node.args[1] if len(node.args) > 1 else None
            elif name == "create" and ast.unparse(node.func) == "AuditEvent.objects.create":
                yield place, next(keyword.value for keyword in node.keywords if keyword.arg == "code")


def codes_of(expression):
    """The codes an expression may come to; None when that cannot be read off."""
    if isinstance(expression, ast.Constant) and isinstance(expression.value, str):
        return {expression.value}
    if isinstance(expression, ast.IfExp):
        branches = codes_of(expression.body), codes_of(expression.orelse)
        return branches[0] | branches[1] if all(branches) else None
    return None


def test_every_code_that_is_recorded_has_words():
    found = list(calls())

    unreadable = [
        place
        for place, code in found
        # record_audit itself hands on what it was given.
        if codes_of(code) is None and not (place.startswith("accounts/services.py") and ast.unparse(code) == "code")
    ]
    silent = [
        (place, codes_of(code) - set(AUDIT)) for place, code in found if codes_of(code) and codes_of(code) - set(AUDIT)
    ]

    assert len(found) > 20
    assert (unreadable, silent) == ([], [])


def test_every_word_is_offered_to_choose_once():
    offered = [code for group in GROUPS for code in group.words]

    assert sorted(offered) == sorted(AUDIT)


def test_code_is_registered_once():
    with pytest.raises(ValueError, match=r"audit code member\.set is registered twice"):
        register_audit("again", {"member.set": _("Role given again")})
