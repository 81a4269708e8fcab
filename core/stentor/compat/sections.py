"""One object of a job under repair, and the small repairs that are the same in every object."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import cast

_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Section:
    """A job, or an object inside it. Repairs change `fields` and leave a sentence in `notes`, which all share."""

    path: str
    fields: dict[str, object]
    notes: list[str]

    def where(self, *keys: str) -> str:
        """How a note names these fields: `payload.channel/to`."""
        return f"{self.path}.{'/'.join(keys)}" if self.path else "/".join(keys)

    def note(self, sentence: str) -> None:
        self.notes.append(sentence)

    def child(self, key: str) -> "Section | None":
        """The object under `key`, copied and with trimmed keys; None when there is no object."""
        value = as_mapping(self.fields.get(key))
        if value is None:
            return None
        child = Section(self.where(key), dict(value), self.notes)
        child.trim_keys()
        self.fields[key] = child.fields
        return child

    def new_child(self, key: str) -> "Section | None":
        """Like `child`, but an absent object begins empty. None when something else stands there."""
        if self.fields.get(key) is None:
            self.fields[key] = {}
        return self.child(key)

    def trim_keys(self) -> None:
        for key in [key for key in self.fields if key != key.strip()]:
            trimmed = key.strip()
            value = self.fields.pop(key)
            if trimmed in self.fields:
                self.note(f"{self.where(trimmed)} stood there twice; the key {key!r} dropped")
            else:
                self.fields[trimmed] = value
                self.note(f"key {self.where(key)!r} trimmed")

    def replace(self, key: str, value: object, how: str = "") -> None:
        """Set a field that says the same in another spelling. With `how` the note leaves the value out."""
        before = self.fields[key]
        if type(before) is not type(value) or before != value:
            self.fields[key] = value
            self.note(f"{self.where(key)} {how or f'{_as_json(before)} read as {_as_json(value)}'}")

    def rename(self, old: str, new: str) -> None:
        """Carry a value over to the key of today, unless that key is taken."""
        if old not in self.fields:
            return
        value = self.fields.pop(old)
        if self.fields.get(new) is None:
            self.fields[new] = value
            self.note(f"{self.where(old)} renamed to {new}")
        else:
            self.note(f"{self.where(old)} dropped: {self.where(new)} is given too and wins")

    def read_flags(self, *keys: str) -> None:
        for key in keys:
            flag = _FLAGS.get(folded(self.fields.get(key)))
            if flag is not None:
                self.replace(key, flag)

    def read_word(self, key: str, known: Mapping[str, str]) -> None:
        """Bring one word of an enumeration into its canonical spelling; an unknown word stays as it is."""
        word = known.get(folded(self.fields.get(key)))
        if word is not None:
            self.replace(key, word)

    def trim(self, *keys: str) -> None:
        """Drop the blanks around text. Text that is blank altogether stays, to be refused by its own name."""
        for key in keys:
            value = self.fields.get(key)
            if isinstance(value, str) and value.strip():
                self.replace(key, value.strip(), "trimmed")


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=repr)


def as_mapping(value: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", value) if isinstance(value, Mapping) else None


def as_list(value: object) -> list[object] | None:
    return cast("list[object]", value) if isinstance(value, list) else None


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def folded(value: object) -> str:
    """Text as an enumeration is compared: trimmed and in lower case; empty for anything else."""
    return value.strip().lower() if isinstance(value, str) else ""


def spellings(words: Iterable[str], **aliases: str) -> dict[str, str]:
    """Each word under its folded spelling, with older words beside them."""
    return {word.lower(): word for word in words} | aliases
