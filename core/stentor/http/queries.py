"""What is said behind the question mark of a path: each name once, spelt as JSON spells it."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from stentor.adapters.sqlite.outbox_log import UNCONFIRMED
from stentor.adapters.sqlite.reader import Reader
from stentor.app.operations import known_job
from stentor.app.parameters import Parameters, not_valid, unknown
from stentor.domain.instants import from_iso
from stentor.domain.states import DeliveryState

STATES = (*(state.value for state in DeliveryState), UNCONFIRMED)
_NUMBERS = ("limit", "offset")
_PAGE, _LARGEST_PAGE = 50, 200
_NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class Page:
    limit: int
    offset: int


def query_of(request: Request, *known: str, also: Mapping[str, str] = _NOTHING) -> Parameters:
    """The query of a request that knows these names, and other spellings of some."""
    said: dict[str, object] = {}
    for written, text in request.query_params.multi_items():
        name = also.get(written, written)
        if name not in known:
            raise not_valid(written, unknown(written, known))
        if name in said:
            raise not_valid(written, "is given twice")
        said[name] = _read(name, text)
    return Parameters(said, *known)


def page_of(query: Parameters) -> Page:
    limit = query.number("limit", least=1, most=_LARGEST_PAGE)
    return Page(_PAGE if limit is None else limit, query.number("offset") or 0)


def job_of(query: Parameters, reader: Reader) -> str | None:
    """The id of the job that is asked for, by its id or name; one that never was is not found."""
    name = query.text("jobId")
    return None if name is None else known_job(reader, name)


def since_of(query: Parameters) -> int | None:
    text = query.text("since")
    try:
        return None if text is None else from_iso(text)
    except ValueError as error:
        raise not_valid("since", str(error)) from error


def _read(name: str, text: str) -> object:
    """Numbers are texts in a query. What is none is left to be refused as what it is."""
    plain = name in _NUMBERS and text.isascii() and text.isdigit() and len(text) < 16
    return int(text) if plain else text
