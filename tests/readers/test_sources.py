"""Sources: compression, streams, counters, and everything that can be wrong with a file as a whole."""

from __future__ import annotations

import gzip
import io
import sys
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from kvdb.errors import MalformedLineError, SourceError
from kvdb.readers import FORMATS, Rejected, Source, read
from kvdb.types import Triple

LINES = "".join(f"head {i}\trelation\ttail {i}\n" for i in range(2000)).encode()
LONG_LINE = b"head\trelation\t" + b"tail " * 200 + b"\n"
FIRST = Triple("head 0", "relation", "tail 0")


def _zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor(write_content_size=False).compress(data)


PACKED = {
    "a.tsv": LINES,
    "a.tsv.gz": gzip.compress(LINES),
    "a.tsv.zst": _zstd(LINES),
    "two.tsv.gz": gzip.compress(LINES[:100]) + gzip.compress(LINES[100:]),
    "two.tsv.zst": _zstd(LINES[:100]) + _zstd(LINES[100:]),
    "misnamed.tsv": gzip.compress(LINES),
}


@pytest.mark.parametrize("name", PACKED)
def test_packed_files_and_their_counters(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PACKED[name])
    source = Source(path)
    assert (source.bytes_read, source.total_bytes) == (0, len(PACKED[name]))
    items = list(read(source))
    assert len(items) == 2000
    assert items[0] == FIRST
    assert source.bytes_read == source.total_bytes


@pytest.mark.parametrize("name", ["a.tsv.gz", "a.tsv.zst"])
def test_a_truncated_file_gives_what_it_holds_and_then_an_error(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(PACKED[name][: len(PACKED[name]) * 3 // 4])
    with pytest.raises(SourceError, match="truncated"):
        list(read(path))


@pytest.mark.parametrize("name", ["a.tsv.gz", "a.tsv.zst"])
def test_a_corrupt_file_is_an_error(tmp_path: Path, name: str) -> None:
    data = bytearray(PACKED[name])
    middle = len(data) // 2
    data[middle : middle + 64] = bytes(64)
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(SourceError, match=r"unpack|truncated"):
        list(read(path))


@pytest.mark.parametrize("pack", [gzip.compress, _zstd])
def test_a_bomb_is_read_in_little_memory(pack) -> None:
    bomb = pack(b"a\tb\tc\n" + bytes(96 << 20) + b"\nd\te\tf\n")
    tracemalloc.start()
    try:
        items = list(read(io.BytesIO(bomb), format="tsv"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert [type(item) for item in items] == [Triple, Rejected, Triple]
    assert items[1].line == 2
    assert peak < 64 << 20


def test_memory_does_not_grow_with_the_file() -> None:
    class Endless(io.RawIOBase):
        left = 500

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            self.left -= 1
            return LONG_LINE * 40 if self.left > 0 else b""

    tracemalloc.start()
    try:
        count = sum(1 for _ in read(Endless(), format="tsv"))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 499 * 40
    assert peak < 6 << 20 < len(LONG_LINE) * count


def test_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(gzip.compress(b"<http://x/a> <http://x/b> <http://x/c_d> .\n")))
    monkeypatch.setattr(sys, "stdin", stdin)
    source = Source("-")
    assert source.total_bytes is None
    assert list(read(source)) == [Triple("a", "b", "c d")]
    assert not stdin.buffer.closed


def test_a_stream_is_read_once() -> None:
    source = Source(io.BytesIO(b"a\tb\tc\n"))
    assert list(read(source)) == [Triple("a", "b", "c")]
    with pytest.raises(SourceError, match="read already"):
        list(read(source))


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", gzip.compress(b"")])
def test_nothing_in_it_is_an_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(data)
    with pytest.raises(SourceError, match="is empty"):
        list(read(path))


@pytest.mark.parametrize("name", ["none.tsv", "a\0b.tsv", "x" * 5000])
def test_a_missing_file_is_an_error_at_once(tmp_path: Path, name: str) -> None:
    with pytest.raises(SourceError):
        read(tmp_path / name)


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="folder"):
        read(tmp_path)


def test_wide_text_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes("a\tb\tc\n".encode("utf-16"))
    with pytest.raises(SourceError, match="UTF-16"):
        list(read(path))


def test_a_text_stream_is_an_error() -> None:
    with pytest.raises(SourceError, match="binary mode"):
        list(read(io.StringIO("a\tb\tc\n")))


def test_unknown_formats_name_the_known_ones(tmp_path: Path) -> None:
    path = tmp_path / "a.dat"
    path.write_bytes(b"hello")
    with pytest.raises(SourceError, match="turtle"):
        list(read(path))
    with pytest.raises(SourceError, match="turtle"):
        read(path, format="excel")
    assert all(callable(read) and name in str(FORMATS) for name in ("tsv", "parquet"))


def test_strict_stops_at_the_first_bad_line(tmp_path: Path) -> None:
    path = tmp_path / "a.tsv"
    path.write_bytes(b"a\tb\tc\nbad\nd\te\tf\n")
    items = read(path, strict=True)
    assert next(items) == Triple("a", "b", "c")
    with pytest.raises(MalformedLineError, match=r"a\.tsv, line 2: 1 column"):
        next(items)
