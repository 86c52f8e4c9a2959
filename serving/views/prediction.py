"""Trying a service from its page: a form drawn from the schema, the answer, and the same request as a command."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, wraps
from typing import Any
from uuid import UUID, uuid4

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods

from accounts.requests import ConsoleRequest, allowed
from accounts.requests_files import InMemory
from registry.config import Api, ModelConfig
from registry.findings import message_for
from serving.asking import (
    Asked,
    Field,
    Filled,
    NotAskable,
    Problem,
    SentFile,
    Snippets,
    Way,
    attached_example,
    example_text,
    fields,
    json_request,
    method_of,
    place_to_ask,
    request_of,
    snippets,
    ways,
)
from serving.asking.answers import Box, Reading, extent_of
from serving.asking.pictures import Size, size_of
from serving.backends_socket import Answered, NoAnswer, ask
from serving.calls import spool_folder
from serving.gateway.counting import counts_as_failed, hand_over
from serving.models import Desired, Service, ServiceRevision, ServiceState
from serving.queries_prediction import askable_revisions, ready_instance
from serving.views.base import service_of

logger = logging.getLogger(__name__)
Files = Mapping[str, list[SentFile]]
LARGEST_BODY = 8 * 1024 * 1024
RESTS = frozenset({ServiceState.STOPPING, ServiceState.STOPPED, ServiceState.FAILED})
LONGEST_COMMAND = 64 * 1024
PAGE, ANSWER = "serving/prediction.html", "serving/_prediction_answer.html"


@dataclass(frozen=True)
class Entry:
    """A field of the form: its parameter, the name it has there, what stands in it, what is wrong with it."""

    field: Field
    name: str
    value: str
    error: str = ""


@dataclass(frozen=True)
class Told:
    """What is wrong, with which parameter, and the id of its input where it has one."""

    name: str
    message: str
    place: str = ""


@dataclass(frozen=True)
class Result:
    """What came of asking."""

    revision: ServiceRevision
    answered: Answered | None
    code: str = ""
    size: Size | None = None
    request_id: str = ""

    @property
    def message(self) -> str:
        return message_for(self.code, {"seconds": f"{settings.PROOF_ANSWER_SECONDS:g}"}) if self.code else ""

    @cached_property
    def reading(self) -> Reading:
        return Reading(self.answered.body, self.answered.cut) if self.answered else Reading(b"")

    @property
    def milliseconds(self) -> int:
        return round(self.answered.seconds * 1000) if self.answered else 0

    @cached_property
    def boxes(self) -> tuple[Box, ...]:
        return self.reading.boxes(self.size)

    @property
    def extent(self) -> Size:
        return self.size or extent_of(self.boxes)

    @property
    def letter(self) -> int:
        """The height of letters on a picture of this size."""
        return max(1, max(self.extent) // 32)

    @property
    def drawn(self) -> list[tuple[Box, float]]:
        """Each box with the height its label stands at: above it where there is room."""
        return [(box, max(box.y - 0.3 * self.letter, 1.1 * self.letter)) for box in self.boxes]


@dataclass
class Prediction:
    """The form for one API of one version that the service has deployed, with what was typed."""

    service: Service
    chosen: Mapping[str, str]
    data: QueryDict | None = None
    problems: tuple[Problem, ...] = ()
    result: Result | None = None
    files: Files = field(default_factory=dict)

    @cached_property
    def revisions(self) -> list[ServiceRevision]:
        return askable_revisions(self.service)

    @cached_property
    def revision(self) -> ServiceRevision | None:
        wanted = self.chosen.get("version", "")
        found = (each for each in self.revisions if str(each.version.uuid) == wanted)
        return next(found, self.revisions[0] if self.revisions else None)

    @cached_property
    def apis(self) -> tuple[Api, ...]:
        """What is declared; a model that declares nothing takes a free body."""
        config = self.revision.version.config if self.revision else {}
        return ModelConfig.from_dict(config).apis or (Api(),)

    @cached_property
    def number(self) -> int:
        wanted = self.chosen.get("api", "")
        return next((index for index in range(len(self.apis)) if str(index) == wanted), 0)

    @property
    def api(self) -> Api:
        return self.apis[self.number]

    @cached_property
    def sample(self) -> Filled:
        """What came with the version to ask this API with; an empty one where nothing did."""
        is_for_this = self.revision and self.number == place_to_ask(self.apis)
        found = attached_example(self.api, self.revision.version.sample) if is_for_this and self.revision else None
        return found or Filled()

    @property
    def sample_shown(self) -> bool:
        """Whether the form begins with it."""
        if self.data is not None:
            return False
        return bool(self.sample.text) if self.way is Way.JSON else bool(self.sample.values)

    @property
    def sample_files(self) -> str:
        """The names of its files, which no page can put back into a field."""
        return ", ".join(name for _parameter, name in self.sample.files) if self.data is None else ""

    @property
    def method(self) -> str:
        return method_of(self.api)

    @property
    def ways(self) -> tuple[Way, ...]:
        return ways(self.api)

    @property
    def way(self) -> Way:
        wanted = self.chosen.get("way", "") or self.sample.way
        return next((way for way in self.ways if way == wanted), self.ways[0])

    @cached_property
    def entries(self) -> list[Entry]:
        wrong = {problem.name: message_for(problem.code, problem.params) for problem in self.problems}
        begun = self.sample.values
        return [
            Entry(
                each,
                f"f{index}",
                self._typed(f"f{index}", begun.get(each.name, each.default)),
                wrong.get(each.name, ""),
            )
            for index, each in enumerate(fields(self.api))
        ]

    @property
    def has_files(self) -> bool:
        return self.way is Way.FORM and any(entry.field.is_file for entry in self.entries)

    @property
    def text(self) -> str:
        return self._typed("json", self.sample.text or example_text(self.api))

    @property
    def text_error(self) -> str:
        return next((message_for(problem.code, problem.params) for problem in self.problems if not problem.name), "")

    @property
    def problem_lines(self) -> list[Told]:
        places = {entry.field.name: entry.name for entry in self.entries} if self.way is Way.FORM else {}
        return [
            Told(problem.name, message_for(problem.code, problem.params), places.get(problem.name, ""))
            for problem in self.problems
        ]

    @property
    def at_rest(self) -> bool:
        """Whether nothing can be asked until somebody starts the service."""
        return self.service.desired == Desired.DELETED or self.service.state in RESTS

    @property
    def deploying(self) -> bool:
        return not self.at_rest and self.service.state == ServiceState.DEPLOYING

    @property
    def endpoint(self) -> str:
        return f"{settings.GATEWAY_URL}/infer/{self.service.uuid}"

    @property
    def snippets(self) -> Snippets:
        """What was typed as a command; nothing where it is longer than a shell takes."""
        names = tuple((name, each.name) for name, group in self.files.items() for each in group)
        json_way = self.way is Way.JSON
        filled = Filled(text=self.text, way=Way.JSON) if json_way else Filled(self._values(), names, way=Way.FORM)
        if len(filled.text) + sum(map(len, filled.values.values())) > LONGEST_COMMAND:
            return Snippets("", "")
        return snippets(self.endpoint, self.api, filled)

    def asked(self) -> Asked:
        """The request that was typed. Raises NotAskable."""
        if self.way is Way.JSON:
            return json_request(self.api, self.text)
        return request_of(self.api, self._values(), self.files)

    def _values(self) -> dict[str, str]:
        return {entry.field.name: entry.value for entry in self.entries if entry.value and not entry.field.is_file}

    def _typed(self, name: str, otherwise: str) -> str:
        return otherwise if self.data is None else str(self.data.get(name, otherwise))


def within_bounds(view: Callable[[ConsoleRequest, UUID], HttpResponse]) -> Callable[..., HttpResponse]:
    """Refuse a request that is too large before it is read; the CSRF check reads the form, so it comes after."""
    protected = csrf_protect(view)

    @csrf_exempt
    @wraps(view)
    def bounded(request: ConsoleRequest, code: UUID) -> HttpResponse:
        length = request.META.get("CONTENT_LENGTH") or "0"
        if length.isdecimal() and int(length) > LARGEST_BODY:
            return _too_large(request, code, "ask.too_large")
        request.upload_handlers = [InMemory(request)]
        try:
            return protected(request, code)
        except RequestDataTooBig:
            return _too_large(request, code, "ask.text_too_large")

    return bounded


@within_bounds
@require_http_methods(["GET", "HEAD", "POST"])
def predict(request: ConsoleRequest, code: UUID) -> HttpResponse:
    """The prediction tab as a page of its own; asked with POST, with the answer. Whoever sees a service may ask it."""
    service = service_of(request, code)
    if request.method != "POST":
        return render(request, PAGE, context(service, request))
    prediction = Prediction(service, request.POST, data=request.POST)
    prediction.files = _files(request, prediction)
    try:
        prediction.result = _result(prediction)
    except NotAskable as refused:
        prediction.problems = refused.problems
        prediction.__dict__.pop("entries", None)
    status = 422 if prediction.problems else 200
    # The answer of htmx says beside it what is wrong with each input, or that nothing is any more.
    template = ANSWER if request.htmx else PAGE
    shown = _context(prediction, request) | {"notes": bool(request.htmx)}
    return render(request, template, shown, status=status)


def context(service: Service, request: ConsoleRequest) -> dict[str, Any]:
    """What the prediction tab of a service's page shows."""
    return _context(Prediction(service, request.GET), request)


def _context(prediction: Prediction, request: ConsoleRequest) -> dict[str, Any]:
    service = prediction.service
    return {"service": service, "prediction": prediction, "allowed": allowed(request, service.workspace)}


def _too_large(request: ConsoleRequest, code: UUID, problem: str) -> HttpResponse:
    prediction = Prediction(service_of(request, code), request.GET)
    prediction.problems = (Problem("", problem),)
    while request.read(1024 * 1024):
        pass  # a browser that is still sending does not read the answer
    template = ANSWER if request.htmx else PAGE
    return render(request, template, _context(prediction, request), status=422)


def _files(request: ConsoleRequest, prediction: Prediction) -> dict[str, list[SentFile]]:
    sent: dict[str, list[SentFile]] = {}
    for entry in prediction.entries:
        for file in request.FILES.getlist(entry.name) if entry.field.is_file else ():
            found = SentFile(file.name or "file", file.content_type or "", file.read())
            sent.setdefault(entry.field.name, []).append(found)
    return sent


def _result(prediction: Prediction) -> Result | None:
    """Ask a ready instance over its socket; what keeps it from being asked is told as a code."""
    asked, revision = prediction.asked(), prediction.revision
    if revision is None:
        return None
    size = next((size_of(each.data) for group in prediction.files.values() for each in group), None)
    instance = ready_instance(revision)
    if instance is None:
        return Result(revision, None, "ask.none_ready")
    request_id = uuid4().hex
    try:
        seconds, most = settings.PROOF_ANSWER_SECONDS, settings.PROOF_ANSWER_BYTES
        answered = ask(instance.socket, asked, seconds=seconds, most=most, request_id=request_id)
    except NoAnswer as error:
        _count(prediction.service, revision, error.seconds, failed=True)
        return Result(revision, None, "ask.slow" if error.why == "slow" else "ask.hung_up", request_id=request_id)
    _count(prediction.service, revision, answered.seconds, failed=counts_as_failed(answered.status))
    return Result(revision, answered, size=size, request_id=request_id)


def _count(service: Service, revision: ServiceRevision, seconds: float, *, failed: bool) -> None:
    """As the gateway does it; an answer is worth more than its count."""
    try:
        hand_over(spool_folder(), str(service.uuid), str(revision.version.uuid), seconds, failed=failed)
    except OSError:
        logger.exception("a prediction was not counted", extra={"service": str(service.uuid)})
