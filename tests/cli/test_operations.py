"""`compact`, `backup`, `restore`, `repair`, `migrate`, `info --health`, `ingest --sync`."""

from __future__ import annotations

import gzip
from pathlib import Path

import kvdb

from .conftest import ENCODER, FACTS, many

FIXTURE = Path(__file__).parents[1] / "engine" / "stores" / "format-1.gz"


def stored(path: Path) -> list[tuple[str, str, str]]:
    with kvdb.open(path, read_only=True) as store:
        return sorted(tuple(fact.triple) for fact in store.match())


def test_compact(run, run_json, db: Path) -> None:
    run("delete", db, "--head", "France")
    assert b"euro" in db.read_bytes()
    done = run_json("compact", db)
    assert done == {"compacted": True, "note": "", "file_bytes": db.stat().st_size}
    assert b"euro" not in db.read_bytes()
    with kvdb.open(db):
        assert "open" in run("compact", db, code=1).stderr


def test_backup_and_restore(run, run_json, db: Path, tmp_path: Path) -> None:
    before = stored(db)
    assert run_json("backup", db, tmp_path / "copy")["checked"]["triples"] == 4
    assert "exists already" in run("backup", db, tmp_path / "copy", code=1).stderr
    run("delete", db, "--head", "France")
    assert "exists already" in run("restore", tmp_path / "copy", db, code=1).stderr
    assert "4 facts, verified" in run("restore", tmp_path / "copy", db, "--overwrite").stdout
    assert stored(db) == before
    assert "no backup" in run("restore", tmp_path / "nothing", tmp_path / "new", code=1).stderr


def test_repair(run, run_json, db: Path) -> None:
    before = stored(db)
    whole = {"facts": 4, "lost": 0, "losses": [], "damaged": "", "encoded": 0}
    assert run_json("repair", db) | {"damaged": ""} == whole
    assert stored(db) == before
    content = db.read_bytes()
    db.write_bytes(content.replace(b"Tokyo", b"Kyoto"))
    run("verify", db, code=1)
    result = run("repair", db, code=1)
    assert "3 facts are whole" in result.stdout and "fact 3" in result.stdout
    assert stored(db) == [fact for fact in before if fact[2] != "Tokyo"]
    run("verify", db)


def damage(db: Path, vectors: list[bytes]) -> None:
    content = db.read_bytes()
    for vector in vectors:
        assert vector in content
        content = content.replace(vector, vector[:-1] + bytes([vector[-1] ^ 1]))
    db.write_bytes(content)


def test_repair_with_the_encoder(run, run_json, db: Path) -> None:
    before = stored(db)
    with kvdb.open(db, read_only=True) as store, store.snapshot() as snapshot:
        last = snapshot.leaf(kvdb.LeafId(1)).vectors[3]  # the first one's key sentence is also a probe of the encoder
        damage(db, [bytes(last), bytes(snapshot.vector(1))])
    content = db.read_bytes()
    assert "made with" in run("repair", db, "--encoder", "hash_encoder:other", code=1).stderr
    assert db.read_bytes() == content
    assert "4 facts are whole (5 texts were encoded anew), 0 pieces" in run("repair", db, "--encoder", ENCODER).stdout
    assert stored(db) == before
    run("verify", db)


def test_repair_records_the_encoder_again(run, run_json, db: Path) -> None:
    with kvdb.open(db, read_only=True) as store:
        name = store.encoder.name
        damage(db, [bytes(store.encoder.probes[1])])
    assert "encoder record" in run("verify", db, code=1).stdout
    report = run_json("repair", db, "--encoder", ENCODER, code=1)
    assert (report["facts"], report["lost"], report["encoded"]) == (4, 1, 0)
    run("verify", db)
    with kvdb.open(db) as store:
        assert store.encoder.name == name


def test_migrate(run, run_json, tmp_path: Path) -> None:
    old = tmp_path / "old.kvdb"
    old.write_bytes(gzip.decompress(FIXTURE.read_bytes()))
    assert "run `kvdb migrate" in run("info", old, code=1).stderr
    assert run_json("migrate", old) == {"from": 1, "to": kvdb.file.format.FORMAT_VERSION}
    assert "already" in run("migrate", old).stdout
    run("verify", old)


def test_health(run, run_json, db: Path) -> None:
    assert "queued" not in run_json("info", db)
    health = run_json("info", db, "--health")
    assert health["leaves"] == 1 and health["leaf_rows"] == [4, 4, 4] and health["recall"] is None
    assert "stale_readers" in run("info", db, "--health").stdout


def test_a_store_is_made_equal_to_its_source(run, run_json, db: Path, facts: Path, tmp_path: Path) -> None:
    facts.write_text(FACTS.replace("Tokyo", "Kyoto") + "Spain\tcapital\tMadrid\n")
    done = run_json("ingest", db, facts, "--sync", "--encoder", ENCODER)
    assert [done[k] for k in ("inserted", "deleted", "duplicates")] == [2, 1, 3]
    assert stored(db) == sorted(tuple(line.split("\t")) for line in facts.read_text().splitlines())
    facts.write_text(FACTS + "no tabs here\n")  # nothing is deleted for a line that was not understood
    assert "line 5" in run("ingest", db, facts, "--sync", "--encoder", ENCODER, code=1).stderr
    assert len(stored(db)) == 5
    facts.write_text(FACTS.replace("Tokyo", "Kyoto"))
    sources = (many(tmp_path / "many.tsv", 3), facts)
    assert "3 facts inserted, 1 deleted" in run("ingest", db, *sources, "--sync", "--encoder", ENCODER).stdout
    assert len(stored(db)) == 7
