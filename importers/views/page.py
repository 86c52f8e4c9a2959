"""The import page: everything that was typed, and what checking it found."""

import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from accounts.models import Workspace
from accounts.queries import Person
from importers.forms import SOURCE_FORMS, BasicForm, SpecForm, generated_name, source_form
from importers.forms_image import ONLINE, ImageSourceForm
from importers.forms_sample import SampleForm
from importers.forms_source import EditorForm, mark_of
from importers.package.report import CONFIG, PackageReport
from importers.request import ImportRequest, pinned
from importers.services import preview_source
from importers.views.naming import Naming, naming_of
from importers.views.new_version import model_named
from importers.views.type_boxes import TypeBox, boxes_of
from registry.engines import ENGINES
from registry.findings import Finding, Severity
from registry.forms import BaseDocumentsFormSet, DocumentsFormSet
from registry.models import SourceKind
from registry.services import VersionDetails
from registry.versions import FIRST
from registry.views.base import as_uuid

# The longest name of a form that is kept.
SUBMISSION = 64


def new_submission() -> str:
    """Names one form on one page, so that sending it twice is told from asking for the same again."""
    return secrets.token_urlsafe(12)


@dataclass(frozen=True)
class Problem:
    """One line of the summary above the form; `target` is the id of what must be changed."""

    target: str
    label: str
    message: str


class ImportPage:
    """The form's parts bound to what was typed (`data`), or empty with their `initial` values."""

    def __init__(
        self,
        user: Person,
        workspace: Workspace,
        *,
        data: QueryDict | None = None,
        initial: Mapping[str, Any] | None = None,
        files: MultiValueDict[str, Any] | None = None,
    ) -> None:
        self.user = user
        self.workspace = workspace
        self.data = data.copy() if data is not None else None
        asked = str((data if data is not None else initial or {}).get("model", ""))
        self.model = model_named(user, workspace, as_uuid(asked))
        if self.data is not None and self.model:
            self.data["name"] = self.model.name  # a new version is one of this model, whatever was sent
        given = dict(initial or {})
        kind = str(given.get("source", "") if data is None else data.get("source", ""))
        self.source = source_form(kind)(self.data, initial=given)
        given = self._proposed() | given
        self.source.offer(workspace)
        self.basic = BasicForm(self.data, initial=given)
        self.kind = str(self.source.kind)
        self.spec = SpecForm(self.data, initial=given)
        self.sample = SampleForm(self.data, files, initial=given)
        self.documents: BaseDocumentsFormSet = DocumentsFormSet(
            self.data, prefix="documents", initial=given.get("documents")
        )
        if self.model:
            self.basic.fields["name"].widget.attrs["readonly"] = True
        self.report: PackageReport | None = None
        self.fill: tuple[str, str] | None = None
        self.submission = (str(self.data.get("submission", "")) if self.data else "")[:SUBMISSION] or new_submission()
        self.submitted = False
        self.too_large = False
        self.saved = False
        self.gone = ""

    def _proposed(self) -> dict[str, str]:
        """Name and version to begin with: those that follow from the source, else a new name."""
        name = self.source.proposed_name
        known = naming_of(self.user, self.workspace, name=name, number="")
        number = str(known.proposed or "") if known else str(FIRST)
        return {"name": name or generated_name(), "version": number}

    @property
    def forms(self) -> list[forms.Form]:
        return [self.basic, self.source, self.spec, self.sample, *self.documents.forms]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """The sources to choose from, in the order of the control."""
        return [(kind, str(SourceKind(kind).label)) for kind in SOURCE_FORMS]

    @property
    def address(self) -> dict[str, str]:
        """What the page's own address says: which source, and the model that gets a new version."""
        return {"source": self.kind} | ({"model": str(self.model.uuid)} if self.model else {})

    def check(self) -> None:
        """Look at the chosen source as the import would, and do what a button of the editor asks for."""
        pressed = self.data if self.data is not None else {}
        if self.data is not None and "use_version" in pressed:
            self.data["version"] = str(self.data.get("use_version"))
        if self.data is not None and "reset" in pressed:
            self.data["config_text"] = ""
        if self.data is not None and "example" in pressed:
            self._begin_with_example(self.data)
        self._look()
        if "repair" in pressed and self.report and self.report.repair is not None:
            self.write_config(self.report.repair, "repaired")
            self._look()
        self._show_found_config()
        if self.config_broken:
            self.source.fields["config_text"].widget.attrs["aria-invalid"] = "true"

    def _begin_with_example(self, data: QueryDict) -> None:
        """Nothing that was written is ever replaced by it."""
        if isinstance(self.source, ImageSourceForm) and self.source.config_text_used is None:
            self.write_config(self.source.example, "edited")
            data["config_from"] = ONLINE

    def _look(self) -> None:
        """What is asked for need not be valid otherwise."""
        if not self.source.source:
            return
        self.report = preview_source(
            workspace=self.workspace,
            source_kind=self.kind,
            source=self.source.source,
            engine=self.source.chosen_engine,
            config_text=self.source.config_text_used,
            deployment_types=self.deployment_types,
        )

    @property
    def engines(self) -> str:
        return ", ".join(ENGINES)

    @property
    def config_file(self) -> str:
        """The file whose lines are those of the editor."""
        return CONFIG

    @property
    def inference_code_url(self) -> str:
        report = self.report
        if report is None or not report.inference_code:
            return ""
        return self.source.url_of(report.source_path(report.inference_code))

    @property
    def has_documents(self) -> bool:
        return any(form["name"].value() or form["url"].value() for form in self.documents.forms)

    @property
    def deployment_types(self) -> tuple[str, ...]:
        """What is ticked and possible."""
        return tuple(box.value for box in self.type_boxes if box.asked and not box.refused)

    @cached_property
    def type_boxes(self) -> list[TypeBox]:
        """The boxes to tick; `held_types` were ticked before something ruled them out for a while."""
        held = self.data.getlist("held_types") if self.data is not None else []
        return boxes_of({*(self.basic["deployment_types"].value() or []), *held}, self.source.refused_types)

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What was typed for other sources, kept while another one is shown."""
        others = {name for form in SOURCE_FORMS.values() for name in form.base_fields} - set(self.source.fields)
        typed = self.data if self.data is not None else QueryDict()
        return [(name, str(typed[name])) for name in sorted(others) if typed.get(name)]

    def write_config(self, text: str, origin: str, *, place: str = "") -> None:
        """Put a text into the editor and switch it on; `place` is the path it was taken from."""
        if self.data is None or not isinstance(self.source, EditorForm):
            return
        self.fill = (text, mark_of(origin, text, place or self.source.loaded_from))
        self.data["config_edit"] = "on"
        self.data["config_text"], self.data["config_mark"] = self.fill

    def refuse_config(self, message: str) -> None:
        """Say at its field why another configuration could not be taken."""
        if self.source.errors is not None:
            self.source.add_error("config_path", message)

    def _show_found_config(self) -> None:
        """An editor that is on and was not written in shows the package's own configuration."""
        if self.data is None or not self.report or not self.source.has_editor:
            return
        wanted = self.source["config_edit"].value() and self.source.config_origin == "found"
        if wanted and self.report.config_found is not None:
            self.write_config(self.report.config_found, "found")

    @cached_property
    def naming(self) -> Naming | None:
        name, number = self.basic["name"].value(), self.basic["version"].value()
        return naming_of(self.user, self.workspace, name=str(name or "").strip(), number=str(number or "").strip())

    def is_valid(self) -> bool:
        """Whether the import can be submitted; errors then stand at their fields."""
        self.submitted = self.source.submitted = True
        self._refuse_types()
        whole = all([*(form.is_valid() for form in self.forms), self.documents.is_valid()])
        if self.engine_asked and "engine" in self.source.fields and "engine" not in self.source.errors:
            self.source.add_error("engine", _("Choose the AI engine: nothing in the package says which one it is."))
            return False
        return whole and self.report is not None and self.report.importable

    def _refuse_types(self) -> None:
        for kind, reason in self.source.refused_types.items():
            if kind in (self.basic["deployment_types"].value() or []):
                self.basic.add_error("deployment_types", reason)

    @property
    def engine_asked(self) -> bool:
        """The package could be read, and nothing in it says what runs it."""
        return any(finding.code == "config.model_type_missing" for finding in self.errors)

    def request(self) -> ImportRequest:
        """What was asked for; only after `is_valid`."""
        basic = self.basic.cleaned_data
        details = VersionDetails(
            description=basic["description"],
            labels=basic["labels"],
            documents=self.documents.documents,
            deployment_types=tuple(basic["deployment_types"]),
            spec=self.spec.values,
        )
        wanted = ImportRequest(
            name=basic["name"],
            number=basic["version"],
            details=details,
            source_kind=self.kind,
            source=self.source.source,
            engine=self.source.chosen_engine,
            config_text=self.source.config_text_used,
            config_origin=self.source.config_origin,
            submission=self.submission,
            consent=self.source.consent,
            proof_wanted=self.sample.cleaned_data["prove"],
            sample=self.sample.sample,
        )
        return pinned(wanted, self.report.pins) if self.report else wanted

    def findings_of(self, severity: Severity) -> list[Finding]:
        return [finding for finding in self.report.findings if finding.severity is severity] if self.report else []

    @property
    def errors(self) -> list[Finding]:
        return self.findings_of(Severity.ERROR)

    @property
    def warnings(self) -> list[Finding]:
        return self.findings_of(Severity.WARNING)

    @property
    def notes(self) -> list[Finding]:
        return self.findings_of(Severity.INFO)

    @property
    def config_findings(self) -> list[Finding]:
        """What is said of the text in the editor, the worst first."""
        if not self.source.has_editor:
            return []
        said = [*self.errors, *self.warnings, *self.notes]
        return [finding for finding in said if finding.where.file == CONFIG]

    @property
    def config_errors(self) -> list[Finding]:
        return [finding for finding in self.config_findings if finding.severity is Severity.ERROR]

    @property
    def config_broken(self) -> bool:
        return bool(self.config_errors)

    @property
    def notes_open(self) -> bool:
        """That another folder than the chosen one is taken must be seen."""
        return any(finding.code in {"layout.parent_taken", "layout.model_taken"} for finding in self.notes)

    @cached_property
    def problems(self) -> list[Problem]:
        """What stands in the way of a submitted form, in the order of the page; the first field takes the focus."""
        problems = list(self._field_problems()) if self.submitted else []
        if self.submitted and self.errors:
            message = _("The check found errors: see what it says.")
            problems.append(Problem("check", str(SourceKind(self.kind).label), message))
        return problems

    def _field_problems(self) -> Iterator[Problem]:
        for form in self.forms:
            for name in form.errors:
                field = form[name]
                target = field.id_for_label or f"{field.auto_id}_0"
                yield from (Problem(target, str(field.label), str(message)) for message in field.errors)
