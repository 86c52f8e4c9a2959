"""Pages of accounts."""

from django.urls import path

from accounts.views import audit, invitations, members, sign_in, tokens, workspaces

app_name = "accounts"
urlpatterns = [
    path("accounts/login/", sign_in.SignIn.as_view(), name="login"),
    path("accounts/logout/", sign_in.SignOut.as_view(), name="logout"),
    path("accounts/password/", sign_in.PasswordChange.as_view(), name="password-change"),
    path("accounts/password/done/", sign_in.password_changed, name="password-changed"),
    path("accounts/workspace/", workspaces.workspace_switch, name="workspace-switch"),
    path("workspace/new/", workspaces.workspace_new, name="workspace-new"),
    path("workspace/policies/", workspaces.policies, name="policies"),
    path("workspace/members/", members.member_list, name="member-list"),
    path("workspace/members/<int:pk>/role/", members.member_role, name="member-role"),
    path("workspace/members/<int:pk>/remove/", members.member_remove, name="member-remove"),
    path("workspace/members/invite/", invitations.invitation_new, name="invitation-new"),
    path("workspace/members/invitations/<uuid:code>/revoke/", invitations.invitation_revoke, name="invitation-revoke"),
    path("workspace/tokens/", tokens.token_list, name="token-list"),
    path("workspace/tokens/new/", tokens.token_new, name="token-new"),
    path("workspace/tokens/<uuid:code>/revoke/", tokens.token_revoke, name="token-revoke"),
    path("workspace/audit/", audit.audit_list, name="audit"),
    # Without its last sign, too: an address that leads nowhere is logged as it is.
    path("invitations/<str:token>", invitations.invitation_page),
    path("invitations/<str:token>/", invitations.invitation_page, name="invitation"),
]
