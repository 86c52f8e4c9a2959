"""Pages about people: signing in, members, invitations, API tokens, policies, the audit trail."""
