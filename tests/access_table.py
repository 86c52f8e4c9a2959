"""Who may open which address: each URL of the configuration with its rights."""

from dataclasses import dataclass, field

from accounts.roles import Action, Role

ANYONE, PERSON, OPERATOR = "anyone", "person", "operator"
TOKEN = "token"  # for programs: nobody comes in by signing in
OWN = "own"  # of who may import, and began it: the developer
# There for these people alone: for everybody else there is no such address.
ADMINISTRATORS = frozenset({Role.ADMIN, "operator"})
OWNER = ADMINISTRATORS | {Role.DEVELOPER}
VIEW, IMPORT, EDIT, DELETE, APPROVE, DEPLOY, MANAGE = (
    Action.VIEW,
    Action.IMPORT,
    Action.EDIT,
    Action.DELETE,
    Action.APPROVE,
    Action.DEPLOY,
    Action.MANAGE,
)


@dataclass(frozen=True)
class Page:
    """Who may read an address and who may send something to it; None where there is no such method.

    `of` names the object whose workspace counts: to everybody outside it the address does not exist.
    """

    get: object
    post: object = None
    of: str = ""
    args: dict = field(default_factory=dict)
    query: str = ""
    data: dict = field(default_factory=dict)


def of_version(get, post=None, **more):
    return Page(get, post, of="version", args={"code": "version"} | more.pop("args", {}), **more)


def of_bucket(get, post=None, **more):
    return Page(get, post, of="bucket", args={"name": "bucket"} | more.pop("args", {}), **more)


def of_registry(get, post=None, **more):
    return Page(get, post, of="registry", args={"code": "registry"}, **more)


def of_mlflow(get, post=None):
    return Page(get, post, of="mlflow", args={"code": "mlflow"})


def of_upload(get, post=None, **more):
    return of_bucket(get, post, args={"code": "upload"} | more.pop("args", {}), **more)


def of_service(get, post=None, **more):
    return Page(get, post, of="service", args={"code": "service"} | more.pop("args", {}), **more)


PAGES = {
    "healthz": Page(ANYONE),
    "readyz": Page(ANYONE),
    "i18n/setlang/": Page(ANYONE, ANYONE),
    "": Page(PERSON),
    "help/": Page(PERSON),
    "help/example-package/": Page(PERSON),
    "help/<slug:topic>/": Page(PERSON, args={"topic": "import"}),
    "accounts/login/": Page(ANYONE, ANYONE),
    "accounts/logout/": Page(None, PERSON),
    "accounts/password/": Page(PERSON, PERSON),
    "accounts/password/done/": Page(PERSON),
    "accounts/workspace/": Page(None, PERSON, of="workspace", data={"workspace": "workspace"}),
    "workspace/new/": Page(OPERATOR, OPERATOR),
    "workspace/policies/": Page(VIEW, MANAGE),
    "workspace/members/": Page(VIEW),
    "workspace/members/<int:pk>/role/": Page(None, MANAGE, of="member", args={"pk": "member"}),
    "workspace/members/<int:pk>/remove/": Page(MANAGE, MANAGE, of="member", args={"pk": "member"}),
    "workspace/members/invite/": Page(MANAGE, MANAGE),
    "workspace/members/invitations/<uuid:code>/revoke/": Page(
        None, ADMINISTRATORS, of="invitation", args={"code": "invitation"}
    ),
    "workspace/tokens/": Page(IMPORT),
    "workspace/tokens/new/": Page(IMPORT, IMPORT),
    "workspace/tokens/<uuid:code>/revoke/": Page(OWNER, OWNER, of="token", args={"code": "token"}),
    "workspace/audit/": Page(MANAGE),
    "invitations/<str:token>": Page(ANYONE, ANYONE, args={"token": "secret"}),
    "invitations/<str:token>/": Page(ANYONE, ANYONE, args={"token": "secret"}),
    "storage/": Page(PERSON),
    "storage/-/new/": Page(MANAGE, MANAGE),
    "storage/<bucket:name>/": of_bucket(VIEW),
    "storage/<bucket:name>/download/": of_bucket(VIEW, query="key=digits/model/config.json"),
    "storage/<bucket:name>/upload/": of_bucket(IMPORT, IMPORT),
    "storage/<bucket:name>/uploads/": of_bucket(None, IMPORT),
    "storage/<bucket:name>/uploads/<uuid:code>/": of_upload(VIEW),
    "storage/<bucket:name>/uploads/<uuid:code>/finish/": of_upload(None, OWN),
    "storage/<bucket:name>/uploads/<uuid:code>/cancel/": of_upload(None, OWN),
    "storage/<bucket:name>/uploads/<uuid:code>/<int:number>/": of_upload(OWN, args={"number": 0}),
    "storage/<bucket:name>/delete/": of_bucket(DELETE, DELETE, query="key=digits/model/config.json"),
    "storage/<bucket:name>/rename/": of_bucket(IMPORT, IMPORT, query="key=digits/model/config.json"),
    "storage/<bucket:name>/folder/": of_bucket(IMPORT, IMPORT),
    "storage/<bucket:name>/edit/": of_bucket(MANAGE, MANAGE, args={"name": "remote"}),
    "storage/<bucket:name>/remove/": of_bucket(MANAGE, MANAGE),
    "registries/": Page(VIEW),
    "registries/new/": Page(MANAGE, MANAGE),
    "registries/<uuid:code>/": of_registry(VIEW),
    "registries/<uuid:code>/check/": of_registry(None, MANAGE),
    "registries/<uuid:code>/edit/": of_registry(MANAGE, MANAGE),
    "registries/<uuid:code>/remove/": of_registry(MANAGE, MANAGE),
    "models/": Page(PERSON),
    "models/<uuid:code>/versions/": Page(VIEW, of="model", args={"code": "model"}),
    "models/<uuid:code>/compare/": Page(VIEW, of="model", args={"code": "model"}),
    "models/<uuid:code>/edit/": Page(EDIT, EDIT, of="model", args={"code": "model"}),
    "models/<uuid:code>/delete/": Page(DELETE, DELETE, of="model", args={"code": "model"}),
    "versions/<uuid:code>/": of_version(VIEW),
    "versions/<uuid:code>/status/": of_version(VIEW),
    "versions/<uuid:code>/edit/": of_version(EDIT, EDIT),
    "versions/<uuid:code>/image/": of_version(VIEW),
    "versions/<uuid:code>/export/": of_version(VIEW),
    "versions/<uuid:code>/export/form/": of_version(VIEW, IMPORT),
    "exports/<uuid:code>/": Page(VIEW, of="export", args={"code": "export"}),
    "exports/<uuid:code>/status/": Page(VIEW, of="export", args={"code": "export"}),
    "exports/<uuid:code>/cancel/": Page(None, IMPORT, of="export", args={"code": "export"}),
    "exports/<uuid:code>/retry/": Page(None, IMPORT, of="export", args={"code": "export"}),
    "versions/<uuid:code>/review/": of_version(VIEW, EDIT, data={"decision": "request"}),
    "versions/<uuid:code>/delete/": of_version(DELETE, DELETE),
    "versions/<uuid:code>/environment/": of_version(VIEW, IMPORT, data={"take": "numpy"}),
    "versions/<uuid:code>/environment/lock/": of_version(VIEW),
    "versions/<uuid:code>/prepare/": of_version(None, IMPORT),
    "versions/<uuid:code>/files/<path:path>": of_version(VIEW, args={"path": "model/config.json"}),
    "versions/<uuid:code>/proof/": of_version(VIEW),
    "versions/<uuid:code>/proof/now/": of_version(None, DEPLOY),
    "versions/<uuid:code>/proof/<uuid:record>/replay/": of_version(None, DEPLOY, args={"record": "proof"}),
    "versions/<uuid:code>/proof/<uuid:record>/answer/": of_version(VIEW, args={"record": "proof"}),
    "versions/<uuid:code>/proof/<uuid:record>/request/": of_version(VIEW, args={"record": "proof"}),
    "services/<uuid:code>/predict/": Page(VIEW, VIEW, of="service", args={"code": "service"}),
    "imports/new/": Page(IMPORT, IMPORT),
    "training-jobs/": Page(VIEW),
    "training-jobs/new/": Page(IMPORT, IMPORT),
    "training-jobs/algorithms/<slug:name>/<str:file>": Page(
        PERSON, args={"name": "tabular-regression", "file": "train.py"}
    ),
    "training-jobs/<uuid:code>/": Page(VIEW, of="training", args={"code": "training"}),
    "training-jobs/<uuid:code>/delete/": Page(DELETE, DELETE, of="training", args={"code": "training"}),
    "training-jobs/runs/<uuid:code>/delete/": Page(DELETE, DELETE, of="run", args={"code": "run"}),
    "training-jobs/connections/": Page(VIEW),
    "training-jobs/connections/new/": Page(MANAGE, MANAGE),
    "training-jobs/connections/<uuid:code>/status/": of_mlflow(VIEW),
    "training-jobs/connections/<uuid:code>/sync/": of_mlflow(None, IMPORT),
    "training-jobs/connections/<uuid:code>/edit/": of_mlflow(MANAGE, MANAGE),
    "training-jobs/connections/<uuid:code>/remove/": of_mlflow(MANAGE, MANAGE),
    "api/training-runs": Page(None, TOKEN),
    "model-templates/": Page(VIEW),
    "model-templates/<slug:slug>/": Page(VIEW, args={"slug": "tf-image-classification-py27"}),
    "imports/source/": Page(None, IMPORT),
    "imports/templates/": Page(IMPORT),
    "imports/preflight/": Page(IMPORT, IMPORT),
    "imports/draft/": Page(None, IMPORT),
    "imports/name/": Page(IMPORT),
    "imports/of/<uuid:code>/": Page(VIEW, of="version", args={"code": "version"}),
    "imports/of/<uuid:code>/job/": Page(VIEW, of="version", args={"code": "version"}),
    "imports/<uuid:code>/": Page(VIEW, of="job", args={"code": "job"}),
    "imports/<uuid:code>/status/": Page(VIEW, of="job", args={"code": "job"}),
    "imports/<uuid:code>/cancel/": Page(IMPORT, IMPORT, of="job", args={"code": "job"}),
    "imports/<uuid:code>/retry/": Page(None, IMPORT, of="job", args={"code": "job"}),
    "services/real-time/": Page(PERSON),
    "services/real-time/delete/": Page(DEPLOY, DEPLOY),
    "services/new/real-time/": Page(DEPLOY, DEPLOY),
    "services/new/real-time/plan/": Page(None, DEPLOY),
    "services/<uuid:code>/": of_service(VIEW),
    "services/<uuid:code>/status/": of_service(VIEW),
    "services/<uuid:code>/start/": of_service(None, DEPLOY),
    "services/<uuid:code>/stop/": of_service(DEPLOY, DEPLOY),
    "services/<uuid:code>/delete/": of_service(DEPLOY, DEPLOY),
    "services/<uuid:code>/auto-stop/": of_service(DEPLOY, DEPLOY),
    "services/<uuid:code>/edit/": of_service(DEPLOY, DEPLOY),
    "services/<uuid:code>/logs/<uuid:instance>/": of_service(VIEW, args={"instance": "instance"}),
}
