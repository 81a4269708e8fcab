"""Jobs from files: JSON, one JSON object per line, or TOML."""

import json
import sys
import tomllib
from datetime import date, datetime
from pathlib import Path
from typing import cast

from stentor.domain.json_types import JsonObject, as_object
from stentor.domain.refusals import Refused


def read_object(file: str) -> JsonObject:
    """One JSON object; `-` reads standard input."""
    name = _called(file)
    try:
        found = as_object(json.loads(_text(file)))
    except (ValueError, RecursionError) as error:
        raise Refused("bad_json", f"{name} is not JSON: {error}") from error
    if found is None:
        raise Refused("bad_json", f"{name} must hold one JSON object")
    return found


def read_jobs(file: str) -> list[JsonObject]:
    """Every job of a file. How it is written follows from its name or, where that says nothing, from its text."""
    name = _called(file)
    try:
        text = _text(file)
    except ValueError as error:
        raise Refused("bad_file", f"{name} is no text: {error}") from error
    suffix = Path(file).suffix.lower()
    if suffix == ".toml":
        return _of_document(_toml(text, name), name)
    if suffix in (".jsonl", ".ndjson"):
        return _of_lines(text, name)
    return _of_any(text, name)


def _called(file: str) -> str:
    return "standard input" if file == "-" else file


def _of_any(text: str, file: str) -> list[JsonObject]:
    try:
        return _of_document(json.loads(text), file)
    except RecursionError as error:
        raise Refused("bad_json", f"{file} is nested too deeply") from error
    except ValueError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines):
            return _of_lines(text, file)
        if (text.strip() and text.lstrip()[0] not in "{[") or "[[jobs]]" in text:
            return _of_document(_toml(text, file), file)
        raise Refused("bad_json", f"{file} is not JSON: {error}") from error


def _of_document(document: object, file: str) -> list[JsonObject]:
    """A list of jobs, an object that holds one under `jobs`, or a single job."""
    holder = as_object(document)
    listed = document if holder is None else holder.get("jobs", [holder])
    jobs = [as_object(job) for job in cast("list[object]", listed)] if isinstance(listed, list) else [None]
    found = [job for job in jobs if job is not None]
    if len(found) != len(jobs):
        raise Refused("bad_jobs", f"{file} must hold jobs: a list of objects, or one under the key jobs")
    beside = [key for key in holder or {} if key != "jobs"] if holder is not None and "jobs" in holder else []
    if beside:
        raise Refused("bad_jobs", f"{file}: unknown key {min(beside)!r} beside jobs")
    return found


def _of_lines(text: str, file: str) -> list[JsonObject]:
    jobs: list[JsonObject] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            job = as_object(json.loads(line))
        except (ValueError, RecursionError) as error:
            raise Refused("bad_json", f"{file}, line {number}: not JSON: {error}") from error
        if job is None:
            raise Refused("bad_json", f"{file}, line {number}: must hold one JSON object")
        jobs.append(job)
    return jobs


def _toml(text: str, file: str) -> object:
    try:
        return _plain(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise Refused("bad_toml", f"{file} is not TOML: {error}") from error


def _plain(value: object) -> object:
    """TOML has dates of its own, which a job writes as text."""
    match value:
        case dict():
            return {str(key): _plain(inner) for key, inner in cast("JsonObject", value).items()}
        case list():
            return [_plain(inner) for inner in cast("list[object]", value)]
        case datetime() | date():
            return value.isoformat()
        case _:
            return value


def _text(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise Refused("bad_request", f"{file} cannot be read: {error.strerror}") from error
    return content.decode("utf-8-sig")
