"""What somebody changes of what they want of a conversation."""

from dataclasses import dataclass

from stentor.domain.jobs import one_line
from stentor.domain.records import Preferences

# As jobs say it.
THINKING = ("off", "minimal", "low", "medium", "high", "xhigh")
_LONGEST_MODEL = 200


def model_name(text: str) -> str:
    """The name of a model as a conversation may keep it. Raises `ValueError`."""
    if not text.strip() or text != one_line(text) or len(text) > _LONGEST_MODEL:
        raise ValueError("names a model, without blanks around it; clear it to leave it to the agent")
    return text


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is None stays as it was. What is to be cleared is left to the agent again."""

    model: str | None = None
    thinking: str | None = None
    fast_mode: bool | None = None
    pinned: bool | None = None
    clear: frozenset[str] = frozenset()

    def applied(self, before: Preferences) -> Preferences:
        return Preferences(
            None if "model" in self.clear else self.model or before.model,
            None if "thinking" in self.clear else self.thinking or before.thinking,
            None if "fast_mode" in self.clear else _said(self.fast_mode, before.fast_mode),
            before.pinned if self.pinned is None else self.pinned,
        )


def _said(wish: bool | None, before: bool | None) -> bool | None:  # noqa: FBT001 - a value, not a switch
    return before if wish is None else wish
