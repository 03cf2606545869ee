"""The one tree of errors. Each says what happened, to what, and what to do.

KvdbError
├── StoreError
│   ├── StoreNotFoundError   (FileNotFoundError)  no file at the path
│   ├── NotAStoreError       (ValueError)         a file, but not a kvdb store
│   ├── FormatVersionError                        written by a newer kvdb
│   ├── CorruptStoreError                         a checksum, count or structure does not hold
│   ├── StoreFullError       (OSError)            the disk or the map is full; nothing acknowledged was lost
│   ├── StoreLockedError     (TimeoutError)       another writer or a compaction holds the store
│   ├── StoreClosedError                          used after close
│   ├── ReadOnlyStoreError   (PermissionError)    a write on a store opened read-only, or no access to a file
│   └── ForkedStoreError                          used in a child process that inherited it
├── InputError               (ValueError)
│   ├── FieldError                                an empty, over-long or NUL-bearing field
│   ├── MalformedLineError                        a line of a source that is no triple (strict mode)
│   ├── SourceError          (OSError)            a source that is missing, empty or unreadable
│   ├── VectorError                               NaN, zero or wrongly shaped vectors
│   └── LimitError                                a k, threshold or budget out of range
├── FactNotFoundError        (KeyError)           no fact with this id
├── EncoderError
│   ├── UnknownEncoderError                       a name that resolves to nothing
│   └── EncoderMismatchError                      vectors of another encoder than the store's
└── ModelError
    ├── UnknownModelError                         a name that resolves to nothing
    ├── UnsupportedModelError                     a model that knowledge attention cannot attach to
    ├── AdapterError                              missing or malformed adapter files
    ├── AdapterMismatchError                      an adapter for another model or encoder
    └── BudgetError                               a page budget too small for one page
"""

from __future__ import annotations


class KvdbError(Exception):
    """Base of every error that kvdb raises on purpose."""


class StoreError(KvdbError):
    """Something about a store file."""


class StoreNotFoundError(StoreError, FileNotFoundError):
    """No file at the path."""


class NotAStoreError(StoreError, ValueError):
    """The file exists but is not a kvdb store."""


class FormatVersionError(StoreError):
    """The store was written by a newer version of kvdb."""


class CorruptStoreError(StoreError):
    """A checksum, a count or the structure of the store does not hold."""


class StoreFullError(StoreError, OSError):
    """The disk or the map is full; what was acknowledged is safe."""


class StoreLockedError(StoreError, TimeoutError):
    """Another process holds the store longer than the timeout."""


class StoreClosedError(StoreError):
    """A store or snapshot was used after it was closed."""


class ReadOnlyStoreError(StoreError, PermissionError):
    """A write on a store that was opened read-only, or the system allows no access to a file."""


class ForkedStoreError(StoreError):
    """A store inherited through fork was used in the child."""


class InputError(KvdbError, ValueError):
    """Something that the caller gave is out of range or malformed."""


class FieldError(InputError):
    """A head, relation or tail that is empty, too long or holds a NUL."""


class MalformedLineError(InputError):
    """A line of a source is not a triple, and strict mode is on."""


class SourceError(InputError, OSError):
    """A source is missing, empty or unreadable."""


class VectorError(InputError):
    """Vectors that hold NaN or zero rows, or have the wrong shape."""


class LimitError(InputError):
    """A k, threshold or budget out of range."""


class FactNotFoundError(KvdbError, KeyError):
    """No fact has this id."""

    def __str__(self) -> str:  # KeyError would print the repr of the message
        return str(self.args[0]) if self.args else ""


class EncoderError(KvdbError):
    """Something about a sentence encoder."""


class UnknownEncoderError(EncoderError):
    """The encoder's name resolves to nothing."""


class EncoderMismatchError(EncoderError):
    """The vectors come from another encoder than the store's."""


class ModelError(KvdbError):
    """Something about a language model or its adapter."""


class UnknownModelError(ModelError):
    """The model's name resolves to nothing."""


class UnsupportedModelError(ModelError):
    """Knowledge attention cannot attach to this model."""


class AdapterError(ModelError):
    """Adapter files are missing or malformed."""


class AdapterMismatchError(AdapterError):
    """The adapter belongs to another model or encoder."""


class BudgetError(ModelError):
    """The pager's budget cannot hold a single page."""
