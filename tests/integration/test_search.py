"""Search: by words and by meaning, fused in one SQL function that psql can call too."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import psycopg
import pytest

from daemon.llm.scripted import ScriptedEmbedder
from daemon.search.hybrid import find
from db import save as db_save
from db.errors import NotFound, StoreError
from db.search import search
from db.session import Database
from tests.support.builders import Connection, a_chunk, a_node, a_repository, all_rows, scalar
from tests.support.workers import an_app, work_off

CORPUS = {
    "shop.orders.OrderService.placeOrder": ("def placeOrder(basket): pay(basket)", "Takes an order and charges it."),
    "shop.users.UserRepository.find_by_email": ("def find_by_email(mail): ...", "Finds a customer by e-mail address."),
    "shop.mail.send_receipt": ("def send_receipt(order): smtp.send(order)", "Sends the receipt to the customer."),
    "shop.http.HTTPClient": ("class HTTPClient: ...", "Talks to other services over the network."),
}


@pytest.fixture
async def corpus(db: Database, psql: Connection) -> dict[str, int]:
    repo = a_repository(psql, "shop")
    chunks = {}
    for fqn, (source, plain) in CORPUS.items():
        node = a_node(psql, repo, fqn=fqn, name=fqn.rsplit(".", 1)[-1], source_code=source)
        chunks[fqn] = a_chunk(psql, node, content_raw=f"### 1. Summary\n{plain}", content=plain, lang_detected="en")
    await work_off(an_app(db))
    return chunks


def names(hits: Sequence[object]) -> list[str]:
    return [getattr(hit, "fqn") for hit in hits]  # noqa: B009 - Hit and Row alike


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("placeOrder", "shop.orders.OrderService.placeOrder"),
        ("place order", "shop.orders.OrderService.placeOrder"),
        ("order service", "shop.orders.OrderService.placeOrder"),
        ("findByEmail", "shop.users.UserRepository.find_by_email"),
        ("user repository", "shop.users.UserRepository.find_by_email"),
        ("who charges an order?", "shop.orders.OrderService.placeOrder"),
        ("sending receipts", "shop.mail.send_receipt"),
        ("http client", "shop.http.HTTPClient"),
        ("smtp", "shop.mail.send_receipt"),
    ],
)
async def test_words_find_identifiers_prose_and_code(
    db: Database, corpus: dict[str, int], query: str, expected: str
) -> None:
    hits = await search(db, query)
    assert names(hits)[0] == expected
    assert hits[0].found_by == ("words",)


async def test_meaning_and_words_together(db: Database, corpus: dict[str, int]) -> None:
    found = await find(db, ScriptedEmbedder(dims=16), "Sends the receipt to the customer.", limit=4)
    assert (found.by_meaning, found.note) == (True, "")
    assert found.hits[0].fqn == "shop.mail.send_receipt"
    assert found.hits[0].found_by == ("meaning", "words")
    assert found.hits[0].score == pytest.approx(2 / 61)


async def test_vectors_of_another_model_are_refused(db: Database, corpus: dict[str, int]) -> None:
    found = await find(db, ScriptedEmbedder(name="other", dims=16), "receipt", limit=4)
    assert found.by_meaning is False
    assert "scripted" in found.note
    assert found.hits
    with pytest.raises(StoreError, match="dimensions"):
        await search(db, "receipt", vector=[1.0, 0.0])


@pytest.mark.parametrize(
    "query", ["", "   ", "the of and", "?!", "'; DROP TABLE chunk; --", "a & | ! b", "\x00x", "%_\\"]
)
async def test_any_question_gets_an_answer(db: Database, corpus: dict[str, int], query: str) -> None:
    assert isinstance(await search(db, query), list)


async def test_filters(db: Database, psql: Connection, corpus: dict[str, int]) -> None:
    other = a_repository(psql, "fork")
    a_chunk(psql, a_node(psql, other, fqn="fork.placeOrder", name="placeOrder", lang="go", kind="METHOD"))
    await work_off(an_app(db))
    assert names(await search(db, "placeOrder", repo="fork")) == ["fork.placeOrder"]
    assert names(await search(db, "placeOrder", lang="go")) == ["fork.placeOrder"]
    assert names(await search(db, "placeOrder", kind="method")) == ["fork.placeOrder"]
    assert len(await search(db, "order", limit=1)) == 1
    with pytest.raises(NotFound, match="'nowhere'"):
        await search(db, "x", repo="nowhere")


async def test_audiences_have_vectors_of_their_own(db: Database, corpus: dict[str, int]) -> None:
    (vector,) = await ScriptedEmbedder(dims=16).embed(["def send_receipt(order): smtp.send(order)"])
    assert "shop.mail.send_receipt" in names(await search(db, "zzz", vector=vector, audience="developer"))
    with pytest.raises(StoreError, match="developer or manager"):
        await search(db, "x", audience="everybody")


async def test_a_person_in_psql(psql: Connection, corpus: dict[str, int]) -> None:
    rows = all_rows(psql, "SELECT fqn, content, score FROM doctown_search('where are receipts sent', k => 2)")
    assert rows[0]["fqn"] == "shop.mail.send_receipt"
    assert rows[0]["content"] == "Sends the receipt to the customer."
    docs = all_rows(psql, "SELECT * FROM docs WHERE repo = 'shop' AND NOT stale ORDER BY fqn")
    assert [row["fqn"] for row in docs] == sorted(CORPUS)
    assert (docs[0]["language"], docs[0]["why"]) == ("en", None)
    psql.execute("UPDATE chunk SET content = NULL")
    assert scalar(psql, "SELECT DISTINCT why FROM docs WHERE stale") == "talker: requeued"
    with pytest.raises(psycopg.errors.NoDataFound, match="no repository is called nowhere"):
        psql.execute("SELECT * FROM doctown_search('x', repo => 'nowhere')")


async def test_russian_words_are_stemmed_as_russian(db: Database, psql: Connection) -> None:
    node = a_node(psql, a_repository(psql, language="ru"))
    a_chunk(psql, node, content_raw="Отправляет квитанции покупателям.", content="Квитанции.", lang_detected="ru")
    await work_off(an_app(db))
    assert len(await search(db, "квитанция покупателю")) == 1


async def test_a_selective_filter_still_finds_by_meaning(db: Database, psql: Connection) -> None:
    """One small repository among many vectors: the index scan goes on until it has enough."""
    large, small = a_repository(psql, "large"), a_repository(psql, "small")
    model = await db_save.register_embedding_model(db, "tiny", 4)
    for repo, count in ((large, 3000), (small, 5)):
        psql.execute(
            "WITH n AS (INSERT INTO node (repo_id, kind, lang, fqn, name) SELECT %s, 'FUNCTION', 'go', 'f' || i, 'f' "
            "FROM generate_series(1, %s) i RETURNING id), c AS (INSERT INTO chunk (node_id) SELECT id FROM n "
            "RETURNING id, repo_id) INSERT INTO embedding (chunk_id, field, model_id, repo_id, text_hash, vector) "
            "SELECT id, 'source', %s, repo_id, 'h', CASE WHEN %s > 100 THEN '[1,0,0,0]' ELSE '[0,1,0,0]' END::vector "
            "FROM c",
            (repo, count, model, count),
        )
    await asyncio.to_thread(psql.execute, "ANALYZE embedding")
    hits = await search(db, "", vector=[1.0, 0.0, 0.0, 0.0], repo="small")
    assert len(hits) == 5
