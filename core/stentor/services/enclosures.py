"""The files of a part, as the store keeps them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from stentor.contract.payloads import Attachment, Draft

_Kept = dict[str, str | int]


def kept(draft: Draft) -> str | None:
    """What is written down of a draft's files: one as it is, several as a list."""
    if draft.attachment is None:
        return None
    files = [_entry(file) for file in (draft.attachment, *draft.album)]
    return json.dumps(files if draft.album else files[0], ensure_ascii=False)


def files_of(text: str | None) -> tuple[Attachment, ...]:
    """The files that were written down."""
    if text is None:
        return ()
    found = cast("_Kept | Sequence[_Kept]", json.loads(text))
    return tuple(_file(entry) for entry in ([found] if isinstance(found, dict) else found))


def _entry(file: Attachment) -> _Kept:
    return {"name": file.name, "path": str(file.path), "mediaType": file.media_type, "size": file.size}


def _file(entry: _Kept) -> Attachment:
    return Attachment(
        str(entry["name"]), Path(str(entry["path"])), str(entry["mediaType"]), int(entry["size"])
    )
