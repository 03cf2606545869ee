"""Where facts come from: a file, standard input or an open binary stream, decompressed on the fly.

`.gz` and `.zst` are recognised by their first bytes, not by name. Memory does not grow with the source,
however large it is or however far it unpacks. Every failure to read is a SourceError.
"""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, cast

import zstandard

from kvdb.errors import SourceError

_BLOCK = 256 * 1024
_ZSTD_FEED = 256  # one call unpacks at most 32,768 times what it is fed: 8 MiB for a bomb
_HEAD = 64 * 1024
_GZIP, _ZSTD, _BOM = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\xef\xbb\xbf"
_WIDE = (b"\xff\xfe", b"\xfe\xff")


class Source:
    """A source of facts, and how much of it has been read.

    `name` is for messages. `bytes_read` counts raw (compressed) bytes, over all passes; `total_bytes` is what
    it will reach, or None where that is unknown. A path is opened only when read, so that a Source costs
    nothing; a missing file is reported at once (SourceError).
    """

    def __init__(self, source: str | Path | BinaryIO) -> None:
        self.bytes_read = 0
        self.passes = 1
        self.path: Path | None = None
        self._given: BinaryIO | None = None
        self._size: int | None = None
        if isinstance(source, (str, Path)) and str(source) != "-":
            self.path = Path(source)
            self.name = str(source)
            self._size = _file_size(self.path)
        elif isinstance(source, (str, Path)):
            self.name = "standard input"
            self._given = sys.stdin.buffer
        else:
            self.name = str(getattr(source, "name", "stream"))
            self._given = source

    @property
    def total_bytes(self) -> int | None:
        return None if self._size is None else self._size * self.passes

    @property
    def rereadable(self) -> bool:
        """Whether the source can be opened more than once."""
        return self._size is not None

    def open(self) -> Stream:
        """The decompressed bytes from the start. A stream that was given can be opened once."""
        if self.path is not None:
            try:
                raw: BinaryIO = self.path.open("rb", buffering=0)
            except OSError as error:
                raise SourceError(f"cannot read {self.name}: {error.strerror or error}") from error
            return Stream(self, raw, owned=True)
        if self._given is None:
            raise SourceError(f"{self.name} was read already; open it anew")
        raw, self._given = self._given, None
        return Stream(self, raw, owned=False)


def _file_size(path: Path) -> int | None:
    try:
        status = path.stat()
    except FileNotFoundError as error:
        raise SourceError(f"{path} does not exist; check the path") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise SourceError(f"cannot read {path}: {error}") from error
    if path.is_dir():
        raise SourceError(f"{path} is a folder; name the files in it")
    if not path.is_file():
        return None  # a pipe or device: no size
    if status.st_size == 0:
        raise SourceError(f"{path} is empty: no facts in it")
    return status.st_size


class Stream:
    """Decompressed bytes with `read(n)`; `head` is what they begin with, without a byte-order mark."""

    def __init__(self, source: Source, raw: BinaryIO, *, owned: bool) -> None:
        self.name = source.name
        self._raw = raw if owned else None
        self._reader = io.BufferedReader(_Counted(source, raw), _BLOCK)
        self._unpacked: io.BufferedIOBase | io.RawIOBase = self._reader
        self.compressed = False
        try:
            self._unpack()
            self.head = self._fill(_HEAD).removeprefix(_BOM)
        except SourceError:
            self.close()
            raise
        if self.head.startswith(_WIDE):
            self.close()
            raise SourceError(f"{self.name} is UTF-16 text; convert it to UTF-8 (iconv -f UTF-16 -t UTF-8)")
        self._pending = self.head

    def _unpack(self) -> None:
        magic = self._guarded(self._reader, peek=True)[:4]
        if magic[:2] == _GZIP:
            self._unpacked, self.compressed = gzip.GzipFile(fileobj=self._reader), True
        elif magic == _ZSTD:
            self._unpacked, self.compressed = _Zstd(self._reader), True

    def _fill(self, size: int) -> bytes:
        parts = []
        while size > 0 and (part := self._guarded(self._unpacked, size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def _guarded(self, stream: io.BufferedIOBase | io.RawIOBase, size: int = _BLOCK, *, peek: bool = False) -> bytes:
        try:
            data = self._reader.peek(4) if peek else stream.read(size)
        except EOFError as error:
            raise SourceError(
                f"{self.name} is truncated: its compressed data ends too early; fetch it again"
            ) from error
        except (zlib.error, zstandard.ZstdError, gzip.BadGzipFile) as error:
            raise SourceError(f"{self.name} cannot be unpacked ({error}); fetch it again") from error
        except (OSError, ValueError) as error:
            raise SourceError(f"cannot read {self.name}: {error}") from error
        return data or b""

    def read(self, size: int = _BLOCK) -> bytes:
        """At most `size` bytes, b"" at the end. Raises SourceError where the source breaks off."""
        if self._pending:
            part, self._pending = self._pending[:size], self._pending[size:]
            return part
        return self._guarded(self._unpacked, size)

    def close(self) -> None:
        if self._raw is not None:
            self._raw.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Counted(io.RawIOBase):
    """The raw bytes of a source, counted."""

    def __init__(self, source: Source, raw: BinaryIO) -> None:
        self._source, self._raw, self._left = source, raw, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data: object = self._left or self._raw.read(len(buffer)) or b""
        if not isinstance(data, bytes):
            raise OSError("the stream gives no bytes; open it in binary mode")
        size = min(len(data), len(buffer))
        buffer[:size], self._left = data[:size], data[size:]  # some streams give more than was asked for
        self._source.bytes_read += size
        return size


class _Zstd(io.RawIOBase):
    """Zstandard frames, unpacked a little at a time; a frame that breaks off raises EOFError."""

    def __init__(self, packed: io.BufferedIOBase) -> None:
        self._packed = packed
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._fed, self._left, self._ready = False, b"", memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while not self._ready:
            part = self._left or self._packed.read(_ZSTD_FEED)
            self._left = b""
            if not part:
                if self._fed:
                    raise EOFError
                return 0
            self._ready = memoryview(self._frame.decompress(part))
            self._fed = True
            if self._frame.eof:
                self._left = self._frame.unused_data
                self._frame, self._fed = zstandard.ZstdDecompressor().decompressobj(), False
        size = min(len(buffer), len(self._ready))
        buffer[:size] = self._ready[:size]
        self._ready = self._ready[size:]
        return size


def file_like(stream: Stream) -> BinaryIO:
    """The stream for a library that wants a file object to read from."""
    return cast(BinaryIO, stream)
