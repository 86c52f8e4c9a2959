"""Sign-in, sign-out and change of password."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse, reverse_lazy
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts import services
from accounts.forms import ChangePasswordForm, SignInForm


class SignIn(LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        services.record_audit(None, "person.signed_in", by=form.get_user())
        return answer

    def form_invalid(self, form: Any) -> HttpResponse:
        if form.has_error("__all__") and not getattr(self.request, "axes_locked_out", False):
            services.record_failed_sign_in(form.cleaned_data.get("username", ""))
        return super().form_invalid(form)


@login_not_required
@never_cache
def desk_sign_in(request: HttpRequest) -> HttpResponseRedirect:
    """The desk's own address for signing in; who is signed in already lacks the role for the desk."""
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", reverse("admin:index")))


@method_decorator(never_cache, name="dispatch")
class SignOut(LogoutView):
    next_page = "accounts:login"

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if request.user.is_authenticated:
            services.record_audit(None, "person.signed_out", by=request.user)
        return super().post(request, *args, **kwargs)


class PasswordChange(PasswordChangeView):
    template_name = "accounts/password_change.html"
    form_class = ChangePasswordForm
    success_url = reverse_lazy("accounts:password-changed")

    def form_valid(self, form: Any) -> HttpResponse:
        answer = super().form_valid(form)
        services.record_audit(None, "person.password_changed", by=form.user)
        return answer


@require_safe
def password_changed(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/password_changed.html")
