"""What a request must be before it is looked at: its headers, and a body that can be parsed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.datastructures import Headers

from reconciler.emulator.brightriver.options import Options
from reconciler.emulator.refusal import Refusal

JSON, FORM = "application/json", "application/x-www-form-urlencoded"
UNPARSED = {"code": "invalid_json", "message": "The request body could not be parsed."}


def check_headers(headers: Headers, options: Options) -> None:
    """Refusal unless the headers are those that the reference asks for."""
    for name in ("X-Client-Token", "X-Session-Token"):
        if not headers.get(name):
            text = "A required header was not supplied."
            raise Refusal(400, text, "missing-header", {"code": "missing_header", "message": text, "headerName": name})
    if not _same(headers["X-Client-Token"], options.client_token):
        raise Refusal(403, "The client has no permission to access the resource")
    if not _same(headers["X-Session-Token"], options.session_token):
        raise Refusal(401, "The request requires user authentication")
    if JSON not in _accepted(headers.get("Accept", "")):
        raise Refusal(406, "Only application/json can be answered, which Accept must name", "accept")
    if content_type(headers) not in (JSON, FORM):
        raise Refusal(415, f"Content-Type must be {FORM} or {JSON}", "content-type")
    if "Content-Length" not in headers:
        raise Refusal(411, "The request did not specify the length of its content", "content-length")


def parsed(content: bytes, headers: Headers) -> Mapping[str, Any]:
    """The fields of a body; each of a form's is a list. Refusal if it isn't an object or a form."""
    try:
        if content_type(headers) == FORM:
            return parse_qs(content.decode(), keep_blank_values=True, strict_parsing=bool(content), errors="strict")
        body = orjson.loads(content)
    except (ValueError, RecursionError):
        raise Refusal(400, "the body can't be parsed", "body", UNPARSED) from None
    if not isinstance(body, dict):
        raise Refusal(400, "the body isn't an object", "body", UNPARSED)
    return body


def files_of(body: Mapping[str, Any], options: Options) -> list[str]:
    """The ids of the files in a body; Refusal if they aren't a list of texts."""
    files = body.get(options.files_field)
    if not isinstance(files, list) or not files or not all(isinstance(file, str) and file for file in files):
        raise Refusal(400, f"{options.files_field} must be a list of file ids", "body", UNPARSED)
    return files


def content_type(headers: Headers) -> str:
    """The media type of the body, without its parameters."""
    return headers.get("Content-Type", "").partition(";")[0].strip().lower()


def _accepted(header: str) -> set[str]:
    """The media types that are named, without those that are ruled out by q=0."""
    found = set()
    for entry in header.lower().split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        if not any(part.startswith("q=") and not part[2:].strip("0.") for part in parameters):
            found.add(kind)
    return found


def _same(given: str, wanted: str) -> bool:
    return secrets.compare_digest(given.encode(), wanted.encode())
