"""The words on the screen that journeys look for, in English and in Chinese."""

from types import SimpleNamespace

_WORDS = {
    "sign_in": ("Sign in", "登录"),
    "sign_out": ("Sign out", "退出"),
    "models": ("Models", "模型列表"),
    "training_jobs": ("Training jobs", "训练作业"),
    "create_model": ("Create model", "创建模型"),
    "storage": ("Storage", "存储"),
    "import_": ("Import", "导入"),
    "import_model": ("Import model", "导入模型"),
    "create_bucket": ("Create bucket", "创建桶"),
    "bucket_name": ("Bucket name", "桶名称"),
    "upload": ("Upload", "上传"),
    "stored": ("Stored", "已保存"),
    "browse": ("Browse OBS for a folder", "浏览OBS选择目录"),
    "choose": ("Choose {}", "选择{}"),
    "from_template": ("Template", "从模板中选择"),
    "from_image": ("Container image", "从容器镜像中选择"),
    "browse_images": ("Choose an image of a registry", "从镜像仓库中选择镜像"),
    "begin_with_example": ("Begin with an example", "从示例开始"),
    "tag_stayed": ("The tag “1.0” still means this image.", "标签“1.0”仍指向该镜像。"),
    "tag_moved": ("The tag “1.0” means another image by now.", "标签“1.0”现已指向另一个镜像。"),
    "importable": ("Importable", "可导入"),
    "refused": ("Cannot be imported yet", "暂不能导入"),
    "create_now": ("Create now", "立即创建"),
    "importing": ("Importing", "导入中"),
    "normal": ("Normal", "正常"),
    "failed": ("Failed", "失败"),
    "retry": ("Retry", "重试"),
    "delete": ("Delete", "删除"),
    "download": ("Download {}", "下载{}"),
    "repair": ("Repair: put the repaired text into the editor", "修复：将修复后的内容放入编辑器"),
    "for_good": ("This cannot be undone.", "删除后无法恢复。"),
    "import_failed": ("The import failed.", "导入失败。"),
    "as_imported": ("Configuration as imported", "导入的配置"),
    "as_found": ("As found in the source", "源位置的原始配置"),
    "package_refused": ("The package was refused.", "模型包"),
    "blocked": ("Blocked", "已拦截"),
    "to_review": ("To review", "待复核"),
    "input": ("Input parameters", "输入参数"),
    "output": ("Output parameters", "输出参数"),
    "versions_of": ("Versions of {}", "{}的版本"),
    "edit_description": ("Edit description", "编辑描述"),
    "edit_labels": ("Edit labels", "编辑标签"),
    "save": ("Save", "保存"),
    "invite": ("Invite by link", "通过链接邀请"),
    "make_link": ("Make the link", "生成链接"),
    "make_account": ("Make the account and join", "创建账号并加入"),
    "make_token": ("Make the token", "创建令牌"),
    "new_token": ("Make a token", "创建令牌"),
    "revoke": ("Revoke", "撤销"),
    "role_of": ("Role of {}", "{}的角色"),
    "role_given": ("Role given", "授予角色"),
    "open_queue": ("Open the queue", "打开审核队列"),
    "approve": ("Approve", "通过"),
    "reject": ("Reject", "驳回"),
    "approve_selected": ("Approve selected", "通过所选版本"),
    "comment_missing": ("Say in the comment why it is rejected", "驳回"),
    "was_rejected": ("{} 0.0.1 is rejected.", "{} 0.0.1已驳回。"),
    "one_approved": ("1 version approved.", "已通过1个版本。"),
    "own_version": ("You imported this version yourself.", "该版本由您本人导入"),
    "rejected": ("Rejected", "已驳回"),
}
_TABS = {
    "overview": ("Overview", "概览"),
    "files": ("Files", "文件"),
    "parameters": ("Parameter configuration", "参数配置"),
    "dependencies": ("Runtime dependency", "运行时依赖"),
    "checks": ("Check report", "检查报告"),
    "config": ("Configuration file", "配置文件"),
    "events": ("Events", "事件"),
}
LANGUAGES = ("en", "zh")


def words_of(language):
    """`words.create_now` and so on; `words.tabs` by their name in the address."""
    place = LANGUAGES.index(language)
    tabs = {name: pair[place] for name, pair in _TABS.items()}
    return SimpleNamespace(tabs=tabs, **{name: pair[place] for name, pair in _WORDS.items()})
