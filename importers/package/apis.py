"""Rules for `apis`: defaults filled in, misprints mapped, and what will not be served as written."""

import re
from collections.abc import Mapping
from typing import Any

from importers.package.config_notes import ConfigNotes
from importers.package.notes import shown
from importers.package.schemas import read_data
from importers.package.source_map import pointer_to
from importers.package.spelling import API_KEYS, PAYLOAD_KEYS, close_match, meant_content_type
from registry.config import FORM_TYPE, JSON_TYPE, Api, Payload
from registry.engines import IMAGE, engine_of
from registry.findings import Severity

_METHODS = ("POST", "GET")
_PROTOCOLS = ("http", "https")
_SIDES = ("request", "response")
_METHOD_WORD = re.compile(r"[A-Z]{1,16}")


class ApiRules:
    """Reads the APIs of one configuration for one engine; `strict` makes defaults errors."""

    def __init__(self, notes: ConfigNotes, engine: str, *, strict: bool) -> None:
        self.notes = notes
        self.engine = engine
        self.defaulted = Severity.ERROR if strict else Severity.INFO

    def read(self, value: Mapping[str, Any]) -> tuple[Api, ...]:
        """The APIs of the configuration; one free POST to `/` when it declares none."""
        entries = value.get("apis")
        if not entries:
            self.notes.say(self.defaulted, "config.apis_missing", "/apis" if "apis" in value else "")
            return (Api(),)
        apis = tuple(self._api(entry, pointer_to("apis", i)) for i, entry in enumerate(entries) if entry is not None)
        if self.engine != IMAGE:
            self._say_what_is_not_served(apis)
        return apis or (Api(),)

    def _say_what_is_not_served(self, apis: tuple[Api, ...]) -> None:
        if len(apis) > 1:
            self.notes.warning("config.apis_several", "/apis", count=len(apis))
        for index, api in enumerate(apis):
            if api.url != "/":
                self.notes.warning("config.api_url", pointer_to("apis", index, "url"), url=api.url)

    def _api(self, entry: Mapping[str, Any], pointer: str) -> Api:
        self._say_defaults(entry, pointer)
        self.notes.unknown_keys(entry, API_KEYS, pointer)
        return Api(
            self._protocol(entry, pointer),
            shown(entry.get("url") or "/"),
            self._method(entry, pointer),
            self._request(entry.get("request", {}), pointer + "/request"),
            self._response(entry.get("response", {}), pointer + "/response"),
        )

    def _say_defaults(self, entry: Mapping[str, Any], pointer: str) -> None:
        missing = [key for key in API_KEYS if key not in entry]
        missing += [
            f"{side}.Content-type" for side in _SIDES if "Content-type" not in entry.get(side, ["Content-type"])
        ]
        if "response" in missing and "response" in entry.get("request", ()):
            missing.remove("response")
            self.notes.warning("config.response_inside_request", pointer + "/request/response")
        if missing:
            self.notes.say(self.defaulted, "config.api_fields_missing", pointer, fields=", ".join(missing))

    def _protocol(self, entry: Mapping[str, Any], pointer: str) -> str:
        written = str(entry.get("protocol") or "https")
        if written.strip().lower() in _PROTOCOLS:
            return written.strip().lower()
        meant = close_match(written, _PROTOCOLS) or "https"
        self.notes.warning("config.protocol_unknown", pointer + "/protocol", found=written, used=meant)
        return meant

    def _method(self, entry: Mapping[str, Any], pointer: str) -> str:
        written = str(entry.get("method") or "POST").strip().upper()
        if written in _METHODS:
            return written
        if self.engine == IMAGE and _METHOD_WORD.fullmatch(written):
            self.notes.warning("config.method_unusual", pointer + "/method", found=written)
            return written
        self.notes.warning("config.method_unknown", pointer + "/method", found=written, used="POST")
        return "POST"

    def _request(self, side: Mapping[str, Any], pointer: str) -> Payload:
        self.notes.unknown_keys(side, (*PAYLOAD_KEYS, "response"), pointer)
        schema = read_data(side.get("data", {}), pointer + "/data", self.notes)
        takes_file = Payload(schema=schema).takes_file
        content_type = self._request_type(side, pointer + "/Content-type", takes_file=takes_file)
        engine = engine_of(self.engine)
        if content_type == FORM_TYPE and engine is not None and engine.json_only:
            self.notes.warning("config.json_only", pointer + "/Content-type", engine=self.engine)
        if content_type == JSON_TYPE and takes_file:
            self.notes.info("config.json_with_file", pointer)
        return Payload(content_type, schema)

    def _request_type(self, side: Mapping[str, Any], pointer: str, *, takes_file: bool) -> str:
        written = side.get("Content-type") or JSON_TYPE
        plain = str(written).partition(";")[0].strip().lower()
        if plain in {JSON_TYPE, FORM_TYPE}:
            return plain
        meant = meant_content_type(plain, takes_file=takes_file)
        self.notes.warning("config.content_type", pointer, found=written, meant=meant)
        return meant

    def _response(self, side: Mapping[str, Any], pointer: str) -> Payload:
        """An answer's type is free text that nothing acts on; only what is surely a slip is said."""
        self.notes.unknown_keys(side, PAYLOAD_KEYS, pointer)
        schema = read_data(side.get("data", {}), pointer + "/data", self.notes)
        written = side.get("Content-type") or JSON_TYPE
        plain = str(written).partition(";")[0].strip().lower()
        if plain.startswith("multipart/"):
            self.notes.warning("config.response_multipart", pointer + "/Content-type", found=written)
            return Payload(JSON_TYPE, schema)
        if plain != JSON_TYPE and close_match(plain, (JSON_TYPE,)):
            self.notes.warning("config.content_type", pointer + "/Content-type", found=written, meant=JSON_TYPE)
            return Payload(JSON_TYPE, schema)
        return Payload(shown(plain, 100), schema)
