"""Blacks out what nobody may see in a text that is laid out already: there it stands as a reader will see it."""

from collections.abc import Sequence

from stentor.domain.redaction import MASK, Redactor, Span
from stentor.domain.styled import Run, shown


def blacked_out(runs: Sequence[Run], redactor: Redactor) -> Sequence[Run]:
    """`runs` without secrets, also without those that were put together of several runs."""
    spans = redactor.spans(shown(runs))
    return [run for run in _masked(runs, spans) if run.text] if spans else runs


def _masked(runs: Sequence[Run], spans: Sequence[Span]) -> list[Run]:
    masked: list[Run] = []
    upcoming = 0
    end = 0
    for run in runs:
        start, end = end, end + len(run.text)
        kept: list[str] = []
        resume = start
        while upcoming < len(spans) and spans[upcoming][0] < end:
            first, last = spans[upcoming]
            if first >= start:
                kept += [run.text[resume - start : first - start], MASK]
            resume = min(last, end)
            if last > end:
                break
            upcoming += 1
        masked.append(run._replace(text="".join([*kept, run.text[resume - start :]])))
    return masked
