"""Where queries live: text to unit vectors, in one of three ways."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from metaloop.models.base import ModelUnavailable
from metaloop.models.keys import find_key, own_headers
from metaloop.models.reference import Reference

Array = np.ndarray[Any, Any]

DIMENSIONS = 128
WORDS = 8192
BATCH = 256
"""Queries per request to an endpoint."""


class Embedder(Protocol):
    """Turns queries into vectors of length 1; what it knows nothing of becomes 0."""

    def embed(self, queries: Sequence[str]) -> Array:
        """Queries by dimensions."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """For the router's file; `load_embedder` reads it."""
        ...


def load_embedder(data: dict[str, Any]) -> Embedder:
    """The embedder that `to_dict` described; raises ValueError for another kind, KeyError and
    TypeError for what is no description."""
    match data["kind"]:
        case "tfidf":
            return TfidfEmbedder.from_dict(data)
        case "endpoint":
            return EndpointEmbedder(data["model"])
        case "minilm":
            from metaloop.models.router.minilm import MiniLMEmbedder

            return MiniLMEmbedder()
    raise ValueError(f"embedding {data['kind']!r} is none of tfidf, minilm, endpoint")


class TfidfEmbedder:
    """Words weighted by how rare they are (TF-IDF), projected onto the main directions (SVD)."""

    def __init__(self, words: Sequence[str], idf: Array, components: Array) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer = TfidfVectorizer(
            sublinear_tf=True,
            token_pattern=_WORD,
            vocabulary={word: i for i, word in enumerate(words)},
            dtype=idf.dtype.type,
        )
        self._vectorizer.idf_ = idf
        self._words, self._idf = list(words), idf
        # As they are in the file, so that a router decides alike before and after it was saved.
        self._stored = components.astype("float16")
        self._components = self._stored.astype("float32")

    @classmethod
    def fit(cls, queries: Sequence[str]) -> TfidfEmbedder:
        """Learn words and directions from queries that are not blank."""
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import TfidfVectorizer
        from threadpoolctl import threadpool_limits

        vectorizer = TfidfVectorizer(
            sublinear_tf=True, token_pattern=_WORD, max_features=WORDS, dtype=np.float32
        )
        matrix = vectorizer.fit_transform(queries)
        if matrix.shape[1] == 1:  # one word leaves nothing to project
            components = np.ones((1, 1))
        else:
            with threadpool_limits(limits=1):
                svd = TruncatedSVD(min(DIMENSIONS, *matrix.shape), random_state=0)
                components = svd.fit(matrix).components_
        words = [str(word) for word in vectorizer.get_feature_names_out()]
        return cls(words, vectorizer.idf_.astype(np.float32), components)

    def embed(self, queries: Sequence[str]) -> Array:
        """Queries by dimensions."""
        return unit(self._vectorizer.transform(queries) @ self._components.T)

    def to_dict(self) -> dict[str, Any]:
        """For the router's file."""
        return {
            "kind": "tfidf",
            "words": self._words,
            "idf": pack(self._idf),
            "components": pack(self._stored),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> TfidfEmbedder:
        """As `to_dict` wrote it."""
        return cls(data["words"], unpack(data["idf"]), unpack(data["components"]))


_WORD = r"(?u)\w+|[^\w\s]"
"""Signs count as words: they tell code and arithmetic from prose."""


class EndpointEmbedder:
    """An OpenAI-compatible embedding endpoint: `openai:NAME@URL`, key as of a model."""

    def __init__(self, model: str) -> None:
        """Raises ValueError when `model` is no such name."""
        self._reference = Reference.parse(model)
        if self._reference.provider != "openai":
            raise ValueError(f"embedding {model!r}: write openai:NAME or openai:NAME@URL")

    def embed(self, queries: Sequence[str]) -> Array:
        """Queries by dimensions; raises ModelUnavailable when the endpoint does not answer."""
        import openai

        url, found = self._reference.url, list[list[float]]()
        key = find_key("openai", url) or "none"
        headers = own_headers(url, key) if url else None
        try:
            with openai.OpenAI(base_url=url, api_key=key, default_headers=headers) as client:
                for start in range(0, len(queries), BATCH):
                    batch = list(queries[start : start + BATCH])
                    answer = client.embeddings.create(model=self._reference.name, input=batch)
                    ordered = sorted(answer.data, key=lambda item: item.index)
                    found += [item.embedding for item in ordered]
        except openai.OpenAIError as error:
            raise ModelUnavailable(f"{self._reference}: no embedding: {error}") from error
        if len(found) != len(queries):
            raise ModelUnavailable(f"{self._reference}: {len(found)} embeddings for {len(queries)}")
        return unit(np.array(found))

    def to_dict(self) -> dict[str, Any]:
        """For the router's file."""
        return {"kind": "endpoint", "model": str(self._reference)}


def unit(vectors: Array) -> Array:
    """Each row scaled to length 1, or left at 0."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths, lengths, 1.0))


def pack(array: Array) -> dict[str, Any]:
    """An array as JSON can hold it: little-endian bytes in base64."""
    dtype = array.dtype.newbyteorder("<")
    text = base64.b64encode(array.astype(dtype).tobytes()).decode()
    return {"dtype": dtype.str, "shape": list(array.shape), "data": text}


def unpack(data: dict[str, Any]) -> Array:
    """The array that `pack` wrote; raises ValueError, KeyError or TypeError for anything else."""
    if data["dtype"] not in ("<f2", "<f4", "<f8"):
        raise ValueError(f"an array of {data['dtype']!r}")
    flat = np.frombuffer(base64.b64decode(data["data"], validate=True), data["dtype"])
    return flat.reshape(data["shape"]).copy()
