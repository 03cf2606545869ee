"""A vector is placed in the leaf whose centroid is nearest in the space that the tree was clustered in."""

from __future__ import annotations

import numpy as np
import pytest

import kvdb
from kvdb.change.insert import insert_given
from kvdb.change.nearest import SINGLE, nearest_few
from kvdb.file.format import NodeRecord
from kvdb.file.space_record import SPACE_NODE, pack_space, unpack_space
from kvdb.file.toned import TonedTree
from kvdb.load import load_vectors
from kvdb.tree import space

DIM = 24


def rows_of(n, seed):
    """Unit rows in 60 bunches along a few strong directions: float16 [n, DIM]."""
    rng = np.random.default_rng(seed)
    bunches = np.random.default_rng(0).normal(size=(60, DIM))
    rows = (bunches[rng.integers(0, 60, n)] + 0.4 * rng.normal(size=(n, DIM))) * np.where(np.arange(DIM) < 3, 5.0, 1.0)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    triples = [(f"head {n}", "relation", f"tail {n}") for n in range(9000)]
    rows = rows_of(len(triples), 0)
    with kvdb.open(tmp_path_factory.mktemp("placing") / "facts.kvdb", create=True) as store:
        load_vectors(store, triples, rows, rows)
        yield store


def leaves_of(snapshot, node):
    """Every leaf below a node with its centroid, by walking the whole tree."""
    record = snapshot.node_record(node)
    if record.level == 1:
        return list(zip(record.children.tolist(), record.centroids, strict=True))
    return [pair for child in record.children.tolist() for pair in leaves_of(snapshot, child)]


@pytest.mark.parametrize("many", [1, SINGLE, 200])
def test_nearest_leaf_is_that_of_the_space(built, many):
    queries = rows_of(many, many)
    with built.snapshot() as snapshot:
        kept = snapshot.space()
        assert kept is not None
        ids, centroids = zip(*leaves_of(snapshot, snapshot.state.root), strict=True)
        found = nearest_few(snapshot, queries, 1)[:, 0]

    def toned(rows):
        moved = (np.asarray(rows, np.float64) - kept.mean) @ kept.axes.astype(np.float64)
        return moved / np.linalg.norm(moved, axis=1, keepdims=True)

    distances = np.linalg.norm(toned(queries)[:, None] - toned(centroids)[None], axis=2)  # [n, L]
    of_found = distances[np.arange(many), [ids.index(leaf) for leaf in found.tolist()]]
    assert (of_found <= distances.min(axis=1) + 1e-3).all()


def test_space_is_kept_as_it_was_fitted():
    fitted = space.fit(np.random.default_rng(1).normal(size=(300, DIM)).astype(np.float16), 16, 4)
    back = unpack_space(NodeRecord.unpack(SPACE_NODE, pack_space(fitted, 7)))
    assert np.array_equal(back.mean, fitted.mean) and np.array_equal(back.axes, fitted.axes)


def test_tree_without_a_space_compares_vectors_as_they_are(built, tmp_path):
    with kvdb.open(tmp_path / "small.kvdb", create=True) as store, store.snapshot() as snapshot:
        vectors = np.ones((3, DIM), np.float16)
        assert snapshot.space() is None and np.array_equal(
            TonedTree(snapshot).vectors(vectors), vectors.astype(np.float32)
        )


def test_nodes_that_are_kept_are_those_of_the_snapshot(built):
    def same_as_in_file(snapshot):
        pages, same = [snapshot.root()], []
        while pages:
            page = pages.pop()
            record = snapshot.node_record(page.id)
            same.append(np.array_equal(page.centroids, record.centroids) and np.array_equal(page.counts, record.counts))
            if not page.leaves:
                pages += [snapshot.node(child) for child in page.children.tolist()]
        return all(same)

    with built.snapshot() as before:
        assert same_as_in_file(before)
        rows = rows_of(400, 9)
        insert_given(built, [kvdb.Triple(f"later {n}", "relation", "tail") for n in range(400)], rows, rows)
        with built.snapshot() as after:
            for snapshot in (before, after, before):
                assert same_as_in_file(snapshot)
            assert before.root().generation < after.root().generation


def test_what_is_kept_lives_longer_than_its_snapshot(built):
    """A view on the file would show whatever a later transaction puts in its place."""
    with built.snapshot() as snapshot:
        tree = TonedTree(snapshot)
        kept = [tree.space.mean, tree.space.axes, snapshot.root().centroids, snapshot.root().children]
        tree.space = None  # as a tree of version 1 has none
        snapshot.toned_cache.nodes.clear()
        node = tree.node(snapshot.state.root)
        snapshot.toned_cache.nodes.clear()
    for array in [*kept, node.centroids, node.children, node.squares]:
        while isinstance(array.base, np.ndarray):
            array = array.base
        assert array.base is None


def test_boundaries_are_those_of_placing(built):
    queries = rows_of(500, 3)
    with built.snapshot() as snapshot:
        ids, centroids = zip(*leaves_of(snapshot, snapshot.state.root), strict=True)
        tree = TonedTree(snapshot)
        weights, offsets = tree.boundaries(np.stack(centroids))
        among = queries.astype(np.float32) @ weights + offsets  # [n, L]
        toned = tree.vectors(queries) @ tree.vectors(np.stack(centroids)).T  # cosines in the tree's space
        assert len(ids) > 20
    chosen = toned[np.arange(500), among.argmax(axis=1)]
    assert (chosen >= toned.max(axis=1) - 1e-4).all()


def test_boundaries_without_a_space_are_halfway(built):
    class Plain(TonedTree):
        def _find_space(self):
            return None

    means = np.random.default_rng(5).normal(size=(7, DIM)).astype(np.float32)
    queries = np.random.default_rng(6).normal(size=(200, DIM)).astype(np.float32)
    with built.snapshot() as snapshot:
        weights, offsets = Plain(snapshot).boundaries(means)
    distances = np.linalg.norm(queries[:, None] - means[None], axis=2)
    np.testing.assert_array_equal((queries @ weights + offsets).argmax(axis=1), distances.argmin(axis=1))
