"""The facts of a store, as the attention asks for them: question -> select -> page -> project.

A generation keeps the snapshot that it began with. The selection is made while the prompt is read: by the encoder
and by the terms that the question names before the first layer, by the model's own vector of the question a few layers
up, and is used by all later layers and tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kvdb import SearchLimits, Snapshot, Store
from kvdb.errors import LimitError
from kvdb.types import F32, U64

from ..attend.adapter import Adapter, AdapterConfig
from ..attend.joint_softmax import FactBatch
from ..attend.projection import Projection
from ..models.encoders import Encoder
from ..models.prompts import Question, chat_markers, find_question, glued_ids
from ..question.aliases import by_any_name, with_aliases
from ..question.reading import Subject
from ..question.relatedness import Relatedness, related_probability, relatedness
from ..question.relation_encoder import relation_match
from ..question.relation_match import Match, Read
from ..question.rows import row_in_words
from ..question.word_match import word_match
from ..refusal.calibration_note import Calibration
from ..refusal.confidence import Evidence, known_probability
from .finding import Found, asks_about_a_name, find, meant_of
from .judging import judged
from .pager import Pager
from .relations import StoreRelations
from .routing import Route, check_route, select_by_attention, select_by_vector, union, widened, without
from .rows import most_read
from .store_reader import StoreReader

_NOTHING: U64 = np.empty(0, np.uint64)


class StoreFacts(StoreReader):
    """The fact source (see kvdb_sdk/attend/attention.py) that reads a store."""

    def __init__(
        self,
        store: Store,
        adapter: Adapter,
        tokenizer: Any,
        *,
        encoder: Encoder | None,
        pager: Pager,
        route: str = "hybrid",
        limits: SearchLimits | None = None,
        threshold: float | None = None,
        fingerprint: str = "",
        calibrations: Sequence[Calibration] = (),
        read: Read | None = None,
    ) -> None:
        """`calibrations`: those of this store for this adapter, whose `fingerprint` it is; one a route.
        `read`: how the language model reads relations.
        """
        self.store, self.encoder, self.pager = store, encoder, pager
        self.route = self.checked_route(route)
        self.limits = limits or SearchLimits()
        self.threshold: float = adapter.config.refuse_below if threshold is None else threshold
        self.fingerprint = fingerprint
        self.calibrations = {each.route: each for each in calibrations}
        self.selected: list[U64] = []  # rows of each question, in the order of the fact columns
        self.questions: list[Question] = []
        self.adapter = adapter
        self._projection = Projection.of(adapter)
        self.matcher = None if encoder is None else relation_match(adapter, encoder, read)
        self._tokenizer = tokenizer
        self._markers = chat_markers(tokenizer)
        self.glued = glued_ids(tokenizer)
        self._snapshot: Snapshot | None = None
        self._vectors: Tensor | None = None  # [B, E] the questions; None where the select layers' queries choose alone
        self._asking: Tensor | None = None  # [B, T] tokens that select
        self._readers: Tensor | None = None  # [B, T] tokens that read facts
        self._found: list[Found] = []  # for each question, by its vector and the terms that it names
        self.relations = StoreRelations()
        self._batch: FactBatch | None = None
        self._read: dict[int, FactBatch] = {}  # what each KB layer read with the prompt, and reads with every token
        self._similarity: Tensor | None = None  # [B, n] of the questions and the selected keys

    def checked_route(self, route: str) -> Route:
        """The route by its name. Raises LimitError for none, and for one that needs an encoder where there is none."""
        found = check_route(route)
        if self.encoder is None and found != "attention":
            raise LimitError(f"route {route!r} encodes the question: give an encoder, or use route 'attention'")
        return found

    @contextmanager
    def generation(self) -> Iterator[Snapshot]:
        """Hold one snapshot for all forward passes inside."""
        if self._snapshot is not None:
            yield self._snapshot
            return
        with self.store.snapshot() as self._snapshot:
            try:
                yield self._snapshot
            finally:
                self._snapshot = None

    def begin(self, input_ids: Tensor | None, attention_mask: Tensor | None) -> None:
        """A new prompt [B, T]: find the questions, and select by the encoder."""
        self.selected, self.questions, self._found = [], [], []
        self._batch = self._vectors = self._asking = self._readers = self._similarity = None
        self._read = {}
        with self.generation() as snapshot:
            if not snapshot.rows or input_ids is None:
                return
            self._find_questions(input_ids, attention_mask)
            self.selected = [_NOTHING] * len(self.questions)
            if self.route != "attention" and self.encoder is not None:
                vectors = self.encoder([question.text or "?" for question in self.questions])  # [B, E]
                self._find(snapshot, vectors, self._match(snapshot) if self.route == "hybrid" else None)
            if self.route == "encoder":
                self._project(snapshot)

    def asked(self, hidden: Tensor) -> None:
        """The model has a vector of each question now: hidden states [B, T, hidden]. Selects by it."""
        own, asking = self.adapter.question, self._asking
        if own is None or asking is None or self._batch is not None or hidden.shape[1] != asking.shape[1]:
            return  # of this prompt's forward passes only the first reads the question
        vectors = own(hidden, asking).float().cpu().numpy()  # [B, E]
        with self.generation() as snapshot:
            if self.route == "attention":
                self._find(snapshot, vectors, self._match(snapshot))
            else:
                wide = widened(self.limits, self.hidden)
                self._add(select_by_vector(snapshot, vector, self.pager, wide) for vector in vectors)
            self._project(snapshot)

    def _add(self, found: Iterable[U64]) -> None:
        """Rows that the model itself has found for each question, after those that were."""
        own = (without(rows, self.hidden)[: self.limits.leaf_top_k] for rows in found)
        before = [found.rows for found in self._found] or [_NOTHING] * len(self.questions)
        self.selected = [union(first, second) for first, second in zip(before, own, strict=True)]

    def _find(self, snapshot: Snapshot, vectors: F32, matcher: Match | None) -> None:
        """What each question's vector [B, E] finds and, but for the encoder route, the terms that it names."""
        self._found = find(
            snapshot, [question.text for question in self.questions], vectors, matcher, self.pager, self.limits,
            hidden=self.hidden,
        )  # fmt: skip
        self._vectors = torch.from_numpy(vectors).to(self.pager.device)  # [B, E]
        self.selected = [found.rows for found in self._found]

    def _match(self, snapshot: Snapshot) -> Match:
        """How well questions mean relations, by any of their names: by the encoder, on the attention route by words."""
        matcher: Match = word_match if self.matcher is None or self.route == "attention" else self.matcher
        return by_any_name(matcher, self.relations.names(snapshot))

    def most_read(self, prompt: int, weights: Sequence[float]) -> tuple[int, float]:
        """The place of the row that a prompt reads most, given its copy weights [n + 1], and how much; see rows.py."""
        if not len(self.selected[prompt]):
            return 0, 0.0
        with self.generation() as snapshot:
            return most_read(snapshot, self.selected[prompt], weights)

    def evidence(self, prompt: int, weights: Sequence[float]) -> Evidence:
        """What speaks for the fact that a prompt reads most, given its copy weights [n + 1]."""
        rows = self.selected[prompt]
        if not len(rows):
            return Evidence(null=1.0, weight=0.0)
        best, weight = self.most_read(prompt, weights)
        with self.generation() as snapshot:
            if self._similarity is None:
                return Evidence(weights[-1], weight)
            fact, row = row_in_words(snapshot, int(rows[best]))
            question = self.questions[prompt].text
            match = self._found[prompt].match
            if self.route == "encoder":  # it does not look for terms; whether it knows is judged by them all the same
                match = meant_of(snapshot, self._match(snapshot), question, row.term, self.hidden)
            return judged(
                snapshot, self.relations, self._match(snapshot),
                Evidence(weights[-1], weight, float(self._similarity[prompt, best])), question,
                fact=fact, term=row.term, noun=row.noun, value=row.value, match=match.get(int(rows[best])),
                hidden=self.hidden,
            )  # fmt: skip

    def surely(self, question: str, subject: Subject, noun: str) -> float:
        """The probability that a question asks for a noun of the subject, among these and all that the store might have
        been asked about it.
        """
        told = {each: value for each, _, value in reversed(subject.facts)}
        fact = next(fact for each, fact, _ in subject.facts if each == noun)
        with self.generation() as snapshot:
            evidence = judged(
                snapshot, self.relations, self._match(snapshot), Evidence(null=0.0, weight=0.0), question,
                fact=fact, term=subject.term, noun=noun, value=told[noun], match=1.0, hidden=self.hidden, more=told,
            )  # fmt: skip
        return known_probability(self.known_by, evidence)

    @property
    def judged_by(self) -> AdapterConfig:
        """The adapter's config, with the coefficients of the store's own calibration where it has one."""
        config, calibration = self.adapter.config, self.calibrations.get(self.route)
        return config if calibration is None else calibration.applied_to(config)

    @property
    def known_by(self) -> Sequence[float]:
        """The coefficients that refusal goes by on the route."""
        return self.judged_by.known_by_attention if self.route == "attention" else self.judged_by.known

    def related(self, prompt: int) -> float:
        """The probability that a question of the last prompts is for this store; 1 where it asks about a name of it."""
        found = self.relatedness(prompt)
        with self.generation() as snapshot:
            if found is None or asks_about_a_name(snapshot, self.questions[prompt].text):
                return 1.0
        return related_probability(self.judged_by.related, found)

    def relatedness(self, prompt: int) -> Relatedness | None:
        """What a question of the last prompts has to do with this store. None on the attention route."""
        if self._similarity is None or self.matcher is None or self.route == "attention":
            return None
        with self.generation() as snapshot:
            nouns = list(with_aliases(self.relations.nouns(snapshot), self.relations.aliases(snapshot)))
        match = list(self._found[prompt].match.values()) if self._found else []
        return relatedness(
            self.questions[prompt].text, float(self._similarity[prompt].max()), match, nouns, self.matcher
        )

    def _find_questions(self, input_ids: Tensor, attention_mask: Tensor | None) -> None:
        batch, length = input_ids.shape
        real = torch.ones_like(input_ids, dtype=torch.bool)
        if attention_mask is not None and attention_mask.dim() == 2:
            real = attention_mask[:, -length:].bool().to(input_ids.device)
        asking = torch.zeros(batch, length, dtype=torch.bool)
        readers = torch.zeros(batch, length, dtype=torch.bool)
        for b in range(batch):
            places = real[b].nonzero()[:, 0].cpu()
            question = find_question(self._tokenizer, self._markers, input_ids[b][real[b]].tolist())
            self.questions.append(question)
            asking[b, places[question.start : question.end]] = True
            readers[b, places[question.start :]] = True
        self._asking, self._readers = asking.to(self.pager.device), readers.to(self.pager.device)

    def facts(self, layer: int, q: Tensor) -> FactBatch | None:
        """The facts for KB layer `layer` with queries q [B, T, H, d]; selects where it is a select layer."""
        if not self.selected:
            return None
        tokens = q.shape[1]
        prefill = self._asking is not None and tokens == self._asking.shape[1]
        config = self.adapter.config
        selects = self.adapter.question is None and config.kb_layers[layer] in config.select_layers
        if prefill and selects and self.route != "encoder":
            with self.generation() as snapshot:
                self._select(snapshot, layer, q)
        if self._batch is None:
            return None
        batch = self._batch if prefill else self._read.get(layer, self._batch)
        self._read[layer] = batch
        return replace(batch, readers=self._readers if prefill else None)

    def _select(self, snapshot: Snapshot, layer: int, q: Tensor) -> None:
        assert self._asking is not None
        wide = widened(self.limits, self.hidden)
        self._add(
            select_by_attention(snapshot, each[asking], layer, self._projection, self.pager, wide)
            for each, asking in zip(q, self._asking, strict=True)
        )
        self._project(snapshot)

    def _project(self, snapshot: Snapshot) -> None:
        """Read the selected rows' vectors and project them for every KB layer."""
        most = max(len(rows) for rows in self.selected)
        shape = (len(self.selected), most, self.adapter.config.encoder_dim)
        keys, values = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        valid, bonus = np.zeros(shape[:2], np.bool_), np.zeros(shape[:2], np.float32)
        for b, rows in enumerate(self.selected):
            keys[b, : len(rows)] = snapshot.key_vectors(rows)
            values[b, : len(rows)] = snapshot.value_vectors(rows)
            valid[b, : len(rows)] = True
            if self._found:
                bonus[b, : len(rows)] = [self._found[b].bonus(row, self.adapter.config) for row in rows.tolist()]
        device = self.pager.device
        e = torch.from_numpy(keys).to(device)  # [B, n, E]
        prior = None
        if self._vectors is not None:
            self._similarity = torch.einsum("be,bne->bn", self._vectors, e)  # [B, n]
            prior = self._similarity + torch.from_numpy(bonus).to(device)  # [B, n]
        self._batch = FactBatch.project(
            self._projection, e, torch.from_numpy(values).to(device), torch.from_numpy(valid).to(device), prior=prior
        )
