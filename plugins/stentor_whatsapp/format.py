"""WhatsApp's own markup, which knows no escapes, and the people whom a text names.

Inline code has single backticks: every app that WhatsApp still lets in shows them, and three are for blocks.
A sign that is markup stays as it is where a text means it literally. Nothing invisible is put beside it, because that
would be copied out of the chat together with names such as snake_case.
"""

import re

from stentor.contract.dialects import Dialect

DIALECT = Dialect(
    format="whatsapp",
    bold=("*", "*"),
    italic=("_", "_"),
    strike=("~", "~"),
    code=("`", "`"),
    block=("```\n", "\n```"),
    headings=(("*", "*"),),
    quote_line="> ",
    mentions=(r"@[0-9]", r"@(?:all|everyone)\b"),
)
# In code nobody is called.
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_CALL = re.compile(r"(?<![\w@.+\-/])@(?P<digits>[1-9][0-9]{6,14})\b")


def called(text: str) -> tuple[str, ...]:
    """The JIDs of those whom the text names as `@6281234567890`, each once: who is not told of it is not called."""
    numbers = (found["digits"] for found in _CALL.finditer(_CODE.sub(" ", text)))
    return tuple(dict.fromkeys(f"{number}@s.whatsapp.net" for number in numbers))
