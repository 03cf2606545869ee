"""Copying: spans are verbatim, whole, at most once, and known to beam search."""

from __future__ import annotations

import torch

from kvdb import Fact, FactId
from kvdb_sdk.attend.copying import Copier, Copyable, SpanKey

VOCAB = 20
WRITE, TERM, VALUE = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]
FACTS = tuple(Fact(FactId(i + 1), "h", "r", "t") for i in range(3))


class Script:
    """Plays the model: at each step a gate, copy weights and one token that the model would write."""

    def __init__(self, spans, steps):
        self.copyable = Copyable(FACTS, {SpanKey(i, k): tuple(ids) for (i, k), ids in spans.items()})
        self.steps, self.at = steps, 0
        self.copier = Copier([self.copyable], lambda: self.now)

    @property
    def now(self):
        gate, weights, _ = self.steps[self.at]
        return torch.tensor([weights]), torch.tensor([gate])

    def run(self):
        ids = [9]
        for at, (_, _, token) in enumerate(self.steps):
            self.at = at
            scores = torch.full((1, VOCAB), -20.0)
            scores[0, token] = 0.0
            ids.append(int(self.copier(torch.tensor([ids]), scores).argmax()))
        return ids[1:], self.copier.finished(0, ids[1:])


NONE = [0.4, 0.3, 0.2, 0.1]


def test_a_value_is_copied_whole_and_cited_with_its_weight():
    weights = [0.1, 0.7, 0.1, 0.1]
    ids, copied = Script(
        {(0, 1): [3, 4], (1, 1): [5, 6, 7]},
        [(WRITE, NONE, 8), (VALUE, weights, 8), (WRITE, NONE, 8), (WRITE, NONE, 8), (WRITE, NONE, 8)],
    ).run()
    assert ids == [8, 5, 6, 7, 8]
    assert [(c.start, c.end, c.key) for c in copied] == [(1, 4, SpanKey(1, 1))]
    assert abs(copied[0].weight - 0.7 / 0.9) < 1e-6


def test_term_and_value_come_from_their_own_gates():
    weights = [0.9, 0.0, 0.0, 0.1]
    ids, copied = Script(
        {(0, 0): [3], (0, 1): [4]}, [(TERM, weights, 8), (WRITE, weights, 8), (VALUE, weights, 8)]
    ).run()
    assert ids == [3, 8, 4]
    assert [c.key.kind for c in copied] == [0, 1]


def test_values_that_begin_alike_stay_open_until_they_part():
    weights = [0.6, 0.3, 0.0, 0.1]
    ids, copied = Script(
        {(0, 1): [3, 4, 5], (1, 1): [3, 4, 6, 7]}, [(VALUE, weights, 8), *[(WRITE, weights, 8)] * 3]
    ).run()
    assert ids == [3, 4, 5, 8]
    assert [c.key.fact for c in copied] == [0]


def test_a_value_that_starts_another_ends_where_it_ends():
    weights = [0.3, 0.6, 0.0, 0.1]
    ids, copied = Script({(0, 1): [3, 4], (1, 1): [3]}, [(VALUE, weights, 8), (WRITE, weights, 8)]).run()
    assert ids == [3, 8]
    assert [c.key.fact for c in copied] == [1]


def test_a_value_is_copied_at_most_once():
    weights = [0.8, 0.1, 0.0, 0.1]
    ids, copied = Script({(0, 1): [3]}, [(VALUE, weights, 8), (VALUE, weights, 8)]).run()
    assert ids == [3, 8]
    assert len(copied) == 1


def test_no_token_goes_on_with_the_last_word_of_a_span():
    """`ACR` copied and `ES` written after it would be another value; a step later it is free again."""
    weights = [0.9, 0.0, 0.0, 0.1]
    script = Script({(0, 1): [3]}, [(VALUE, weights, 8), (WRITE, weights, 7), (WRITE, weights, 7)])
    script.copier = Copier([script.copyable], lambda: script.now, glued=torch.tensor([7]))
    ids, copied = script.run()
    assert ids[0] == 3
    assert ids[1] != 7
    assert ids[2] == 7
    assert len(copied) == 1


def test_a_token_that_the_model_wrote_starts_no_span():
    gate = [0.9, 0.0, 0.1]
    ids, copied = Script({(0, 1): [3, 4]}, [(gate, [0.9, 0.0, 0.0, 0.1], 3), (WRITE, NONE, 8)]).run()
    assert ids == [3, 8]
    assert copied == ()


def test_scores_are_log_probabilities():
    script = Script({(0, 1): [3, 4], (1, 1): [5]}, [([0.5, 0.0, 0.5], [0.5, 0.3, 0.0, 0.2], 8)])
    out = script.copier(torch.tensor([[9]]), torch.randn(1, VOCAB))
    assert abs(float(out.exp().sum()) - 1) < 1e-5
    assert float(out.exp()[0, 3]) > 0.5 * 0.5 / 0.8


def test_rows_may_be_reordered_between_steps():
    """Beam search: the state follows the tokens, not the row."""
    copyable = Copyable(FACTS, {SpanKey(0, 1): (3, 4), SpanKey(1, 1): (5, 6)})
    now = [(torch.tensor([[0.9, 0.0, 0.0, 0.1], [0.0, 0.9, 0.0, 0.1]]), torch.tensor([VALUE, VALUE]))]
    copier = Copier([copyable], lambda: now[0])
    scores = torch.zeros(2, VOCAB)
    first = copier(torch.tensor([[9], [9]]), scores).argmax(-1).tolist()
    assert first[1] == 5
    out = copier(torch.tensor([[9, 5], [9, 5]]), scores).argmax(-1).tolist()
    assert out == [6, 6]
    assert [c.key.fact for c in copier.finished(0, [5, 6])] == [1]


def test_below_the_threshold_nothing_is_copied():
    copyable = Copyable(FACTS, {SpanKey(0, 1): (3, 4)})
    now = (torch.tensor([[0.5, 0.0, 0.0, 0.5]]), torch.tensor([VALUE]))
    copier = Copier([copyable], lambda: now, known=lambda weights: weights[:, 0].tolist(), threshold=0.6)
    scores = torch.zeros(1, VOCAB)
    scores[0, 8] = 9.0
    assert copier(torch.tensor([[9]]), scores).argmax(-1).tolist() == [8]
    assert copier.refused(0)
    assert copier.confidence == [0.5]
    assert copier.finished(0, [8]) == ()


def test_without_facts_scores_pass_through():
    copier = Copier([Copyable((), {})], lambda: None)
    scores = torch.randn(1, VOCAB)
    assert torch.equal(copier(torch.tensor([[9]]), scores), scores)
