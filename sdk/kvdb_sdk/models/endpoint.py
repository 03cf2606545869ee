"""Vectors from an OpenAI-compatible embeddings endpoint.

The key is read from an environment variable at each request and is never stored, logged or shown; no redirect
is followed, as it could carry the key to another host.
"""

from __future__ import annotations

import json
import os
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import IO, Any

import numpy as np

from kvdb.errors import EncoderError, UnknownEncoderError, VectorError
from kvdb.types import F32

PREFIX = "openai:"
_LONGEST_WAIT = 60.0
_BROKEN = (OSError, ValueError, HTTPException)  # no connection, a timeout, a reply cut short or that is none


@dataclass(frozen=True, slots=True)
class OpenAIEncoder:
    """Call it with texts; get float32 [n, d] as the endpoint gives them.

    `url` is the endpoint's base (https://host/v1). Requests that the server turns away for a while (429, 5xx)
    or that time out are tried again, `tries` times in all, after waits that double from one second or as long
    as the server asks. Raises EncoderError where the server refuses or stays silent, VectorError where its
    answer is no list of vectors.
    """

    url: str
    model: str
    key_variable: str = "OPENAI_API_KEY"
    batch: int = 256
    timeout: float = 60.0
    tries: int = 6
    wait: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        if not re.fullmatch(r"https?://[^/@\s]+(/[^@\s]*)?", self.url):
            raise UnknownEncoderError(
                f"{self.url.split('@')[-1]!r} is no address of an embeddings endpoint: give "
                "http(s)://host/path, "
                f"and the key, if it needs one, in the environment variable {self.key_variable}"
            )

    @property
    def name(self) -> str:
        """What a store records: the model and the address."""
        return f"{PREFIX}{self.model}@{self.url}"

    def __call__(self, texts: Sequence[str]) -> F32:
        parts = [self._vectors(list(texts[i : i + self.batch])) for i in range(0, len(texts), self.batch)]
        try:
            return np.concatenate(parts)  # [n, d]
        except ValueError as error:
            raise VectorError(f"{self.name} answered with vectors of several dimensions or with none") from error

    def _vectors(self, texts: list[str]) -> F32:
        body = self._post({"model": self.model, "input": texts, "encoding_format": "float"})
        try:
            data = sorted(body["data"], key=lambda item: item["index"])
            vectors = np.array([item["embedding"] for item in data], np.float32)  # [n, d]
        except (TypeError, KeyError, ValueError) as error:
            raise VectorError(f"{self.name} answered with something that is no list of vectors") from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise VectorError(f"{self.name} answered {len(vectors)} vectors for {len(texts)} texts")
        return vectors

    def _post(self, content: dict[str, Any]) -> Any:
        for attempt in range(1, self.tries + 1):
            try:
                with _OPENER.open(self._request(content), timeout=self.timeout) as reply:
                    return json.load(reply)
            except urllib.error.HTTPError as error:
                problem, pause = self._refusal(error), _retry_after(error, attempt)
                if error.code != 429 and error.code < 500:
                    raise EncoderError(problem) from None
            except _BROKEN as error:
                problem, pause = f"{self.name} gave no answer: {self._keyless(str(error))}", _doubling(attempt)
            if attempt < self.tries:
                self.wait(pause)
        raise EncoderError(f"{problem}; tried {self.tries} times. Run the command again when the endpoint is well")

    def _request(self, content: dict[str, Any]) -> urllib.request.Request:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(self.key_variable):
            headers["Authorization"] = f"Bearer {key}"
        address = self.url.rstrip("/") + "/embeddings"
        return urllib.request.Request(address, json.dumps(content).encode(), headers, method="POST")

    def _refusal(self, error: urllib.error.HTTPError) -> str:
        try:
            text = error.read(500).decode("utf-8", "replace")
        except _BROKEN as broken:  # the refusal stands without its words
            text = f"(no words came: {broken})"
        hint = f" (is the key in {self.key_variable} right?)" if error.code in (401, 403) else ""
        return f"{self.name} answered {error.code}{hint}: {' '.join(self._keyless(text).split())[:200]}"

    def _keyless(self, text: str) -> str:
        """What a server said, which may be the key that it was sent."""
        key = os.environ.get(self.key_variable)
        return text.replace(key, "[key]") if key else text


def parse_endpoint(name: str) -> OpenAIEncoder:
    """`openai:model@https://host/v1`; without the address, OpenAI's own."""
    model, at, address = name.removeprefix(PREFIX).partition("@http")
    if not model:
        raise UnknownEncoderError(f"{name!r} names no model: write openai:model@https://host/v1")
    return OpenAIEncoder("http" + address if at else "https://api.openai.com/v1", model)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)


def _doubling(attempt: int) -> float:
    return float(min(_LONGEST_WAIT, 2 ** (attempt - 1)))


def _retry_after(error: urllib.error.HTTPError, attempt: int) -> float:
    asked = error.headers.get("Retry-After", "") if error.headers else ""
    return min(_LONGEST_WAIT, float(asked)) if asked.strip().isdigit() else _doubling(attempt)
