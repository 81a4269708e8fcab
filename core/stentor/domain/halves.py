"""Halves of characters: what is left where somebody counts in units of 16 bits and cuts between two of them."""


def sound(text: str) -> str:
    """Text that can be sent: halves of characters that stand together are one, and others are none."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
