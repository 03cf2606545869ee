"""The OpenAI-compatible client, against a server of the standard library."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import BadStatusLine
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from kvdb.errors import EncoderError, VectorError
from kvdb_sdk.models import endpoint
from kvdb_sdk.models.encoders import load_encoder
from kvdb_sdk.models.endpoint import OpenAIEncoder

KEY = "sk-secret-of-the-test"


@dataclass
class Server:
    """What it answers next (the last answer again and again), and what it was asked."""

    url: str = ""
    answers: list[tuple[int, dict[str, str], Callable[[list[str]], Any]]] = field(default_factory=list)
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)


def vectors(texts: list[str]) -> dict[str, Any]:
    """Vectors that tell their text, in the wrong order."""
    items = [{"index": i, "embedding": [float(len(t)), 1.0]} for i, t in enumerate(texts)]
    return {"data": items[::-1]}


def failure(texts: list[str]) -> dict[str, Any]:
    return {"error": f"not now; you said {KEY}"}


OK = (200, {}, vectors)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.asked.append((self.path, dict(self.headers), body))
            status, headers, answer = state.answers.pop(0) if len(state.answers) > 1 else state.answers[0]
            content = json.dumps(answer(body["input"])).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if not headers.keys() & {"Content-Length", "Transfer-Encoding"}:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as http:
        state.url = f"http://127.0.0.1:{http.server_port}/v1"
        thread = Thread(target=http.serve_forever)
        thread.start()
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        yield state
        http.shutdown()
        thread.join()


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def encoder(server: Server, waits: list[float]) -> OpenAIEncoder:
    return OpenAIEncoder(server.url, "m", batch=3, tries=4, wait=waits.append)


def test_batches_in_order_with_model_and_key(server: Server, encoder: OpenAIEncoder) -> None:
    server.answers = [OK]
    out = encoder(["a" * n for n in range(1, 8)])
    assert out[:, 0].tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert [len(body["input"]) for _, _, body in server.asked] == [3, 3, 1]
    path, headers, body = server.asked[0]
    assert (path, body["model"]) == ("/v1/embeddings", "m")
    assert headers["Authorization"] == f"Bearer {KEY}"


def test_no_key_no_header(server: Server, encoder: OpenAIEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    server.answers = [OK]
    monkeypatch.delenv("OPENAI_API_KEY")
    encoder(["a"])
    assert "Authorization" not in server.asked[0][1]


def test_by_name(server: Server) -> None:
    server.answers = [OK]
    name = f"openai:org/model-1@{server.url}"
    encoder = load_encoder(name)
    assert encoder.name == name
    assert encoder.record.dim == 2
    assert KEY not in repr(encoder)
    assert server.asked[0][2]["model"] == "org/model-1"


def test_a_busy_server_is_asked_again(server: Server, encoder: OpenAIEncoder, waits: list[float]) -> None:
    server.answers = [(429, {"Retry-After": "7"}, failure), (503, {}, failure), OK]
    assert encoder(["a"]).shape == (1, 2)
    assert waits == [7, 2]


def test_a_server_that_stays_down(server: Server, encoder: OpenAIEncoder, waits: list[float]) -> None:
    server.answers = [(500, {}, failure)]
    with pytest.raises(EncoderError, match=r"answered 500.*tried 4 times") as caught:
        encoder(["a"])
    assert waits == [1, 2, 4]
    assert KEY not in str(caught.value)


CUT_SHORT = {"Content-Length": "9999"}
NO_CHUNKS = {"Transfer-Encoding": "chunked"}  # and then something else


@pytest.mark.parametrize("broken", [(200, CUT_SHORT), (200, NO_CHUNKS), (503, NO_CHUNKS), (7, {})])
def test_a_reply_that_breaks_off_is_asked_for_again(
    server: Server, encoder: OpenAIEncoder, waits: list[float], broken: tuple[int, dict[str, str]]
) -> None:
    server.answers = [(*broken, vectors), OK]
    assert encoder(["a"]).shape == (1, 2)
    assert waits == [1]
    server.answers = [(*broken, vectors)]
    with pytest.raises(EncoderError, match="tried 4 times"):
        encoder(["a"])


def test_a_broken_reply_that_has_the_key_is_shown_without(
    encoder: OpenAIEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise BadStatusLine(f"you said {KEY}")

    monkeypatch.setattr(endpoint._OPENER, "open", broken)
    with pytest.raises(EncoderError, match=r"you said \[key\]") as caught:
        encoder(["a"])
    assert KEY not in str(caught.value)


def test_a_refusal_whose_words_do_not_arrive_is_one(server: Server, encoder: OpenAIEncoder) -> None:
    server.answers = [(401, NO_CHUNKS, failure)]
    with pytest.raises(EncoderError, match=r"answered 401 \(is the key in OPENAI_API_KEY right\?\)"):
        encoder(["a"])


def test_no_server(waits: list[float]) -> None:
    with pytest.raises(EncoderError, match=r"gave no answer.*tried 2 times"):
        OpenAIEncoder("http://127.0.0.1:9/v1", "m", tries=2, wait=waits.append)(["a"])


@pytest.mark.parametrize("status", [400, 401, 404])
def test_a_refusal_is_final_and_keeps_the_key_to_itself(
    server: Server, encoder: OpenAIEncoder, waits: list[float], status: int
) -> None:
    server.answers = [(status, {}, failure)]
    with pytest.raises(EncoderError, match=f"answered {status}") as caught:
        encoder(["a"])
    assert waits == []
    assert KEY not in str(caught.value)
    assert KEY not in repr(encoder)


def test_a_redirect_is_not_followed(server: Server, encoder: OpenAIEncoder) -> None:
    server.answers = [(307, {"Location": server.url + "/elsewhere"}, failure), OK]
    with pytest.raises(EncoderError, match="answered 307"):
        encoder(["a"])
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        lambda texts: {"data": []},
        lambda texts: {"oops": 1},
        lambda texts: [],
        lambda texts: {"data": [{"index": 0, "embedding": "abc"}]},
        lambda texts: {"data": [{"index": i, "embedding": [1.0] * (i + 1)} for i in range(len(texts))]},
    ],
)
def test_an_answer_that_is_no_list_of_vectors(
    server: Server, encoder: OpenAIEncoder, answer: Callable[[list[str]], Any]
) -> None:
    server.answers = [(200, {}, answer)]
    with pytest.raises(VectorError, match="openai:m@"):
        encoder(["a", "b"])


@pytest.mark.parametrize("value", [0.0, float("nan")])
def test_vectors_without_direction(server: Server, value: float) -> None:
    server.answers = [
        (200, {}, lambda texts: {"data": [{"index": i, "embedding": [value]} for i in range(len(texts))]})
    ]
    with pytest.raises(VectorError, match="for 'a'"):
        load_encoder(f"openai:m@{server.url}")(["a"])
