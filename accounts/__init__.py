"""People: workspaces, memberships with roles, sign-in and the audit trail."""
