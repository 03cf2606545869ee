"""The measures against definitions written out: every subsequence, every bag, every bin."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvdb_sdk.evaluation.metrics import Bin, calibration, contains, rates, rouge_l, token_f1, words

SHORT = st.lists(st.sampled_from("abc"), max_size=7)


def subsequences(items):
    return {tuple(items[i] for i in kept) for n in range(len(items) + 1) for kept in combinations(range(len(items)), n)}


def f_measure(common, left, right):
    if not common:
        return 0.0
    precision, recall = common / left, common / right
    return 2 * precision * recall / (precision + recall)


@given(SHORT, SHORT)
def test_rouge_l_is_the_longest_of_all_common_subsequences(left, right):
    longest = max(map(len, subsequences(left) & subsequences(right)))
    assert rouge_l(" ".join(left), " ".join(right)) == pytest.approx(f_measure(longest, len(left), len(right)))


@given(SHORT, SHORT)
def test_token_f1_crosses_out_one_word_for_one(left, right):
    rest, common = list(right), 0
    for word in left:
        if word in rest:
            rest.remove(word)
            common += 1
    found = token_f1(" ".join(left), " ".join(right))
    assert found == pytest.approx(f_measure(common, len(left), len(right)))
    assert rouge_l(" ".join(left), " ".join(right)) <= found + 1e-12


def test_words_have_no_case_and_no_punctuation():
    assert words("The IATA code (of Z\u00fcrich) is ZRH, not 4.2!") == [
        "the", "iata", "code", "of", "z\u00fcrich", "is", "zrh", "not", "4", "2",
    ]  # fmt: skip
    assert token_f1("It is: paris!", "It is Paris.") == rouge_l("It is: paris!", "It is Paris.") == 1.0
    assert token_f1("", "Paris") == rouge_l("Paris", "") == 0.0


@pytest.mark.parametrize(
    ("text", "value", "there"),
    [
        ("It is Paris.", "paris", True),
        ("It is Parisian", "Paris", False),
        ("12345", "1234", False),
        ("a ++ b", "++", True),
    ],
)
def test_a_value_stands_at_word_boundaries(text, value, there):
    assert contains(text, value) is there


def test_rates():
    found = rates(2, 4, 8)
    assert (found.precision, found.recall) == (0.5, 0.25)
    assert found.f1 == pytest.approx(2 * 0.5 * 0.25 / 0.75)
    nothing = rates(0, 0, 0)
    assert (nothing.precision, nothing.recall, nothing.f1) == (0, 0, 0)


def test_calibration_bins_and_error():
    found = calibration([0.05, 0.95, 0.97, 1.0], [False, True, True, False])
    assert [(bin.count, bin.right) for bin in found.bins] == [(1, 0.0), (3, pytest.approx(2 / 3))]
    assert found.bins[1].confidence == pytest.approx((0.95 + 0.97 + 1) / 3)
    wanted = (0.05 + 3 * abs((0.95 + 0.97 + 1) / 3 - 2 / 3)) / 4
    assert found.error == pytest.approx(wanted)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30))
def test_calibration_counts_everything_once(told):
    found = calibration([confidence for confidence, _ in told], [right for _, right in told])
    assert sum(bin.count for bin in found.bins) == len(told)
    assert sum(bin.count * bin.right for bin in found.bins) == pytest.approx(sum(right for _, right in told))
    assert 0 <= found.error <= 1


def test_whoever_is_always_sure_and_right_has_no_error():
    assert calibration([1.0, 1.0], [True, True]).error == 0
    assert calibration([1.0, 1.0], [False, False]).error == 1
    assert calibration([], []).bins == ()
    assert calibration([0.25], [True], bins=4).bins == (Bin(1, 0.25, 1.0),)
