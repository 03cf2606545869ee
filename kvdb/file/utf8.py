"""A text as the bytes that it is looked up by."""

from __future__ import annotations

from kvdb.errors import FieldError


def utf8(text: str) -> bytes:
    """Its UTF-8. Raises FieldError where it has none: a lone half of a surrogate pair, as broken input leaves it."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise FieldError(f"what is asked for is not valid Unicode: {error}; write it in UTF-8") from None
