"""A fitted router as a file: JSON with arrays in base64, nothing that is executed."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from metaloop.models.router.embed import load_embedder, pack, unpack
from metaloop.models.router.fit import Fitted
from metaloop.models.router.policy import Evidence, Policy

FORMAT = "metaloop-router-1"
_ARRAYS = ("centroids", "scores", "costs", "counts", "mean_scores", "mean_costs")


def save(fitted: Fitted, path: Path) -> None:
    """Write a router's file; it decides as `fitted` does, to the last bit."""
    policy = fitted.policy
    data = {
        "format": FORMAT,
        "models": list(policy.models),
        "evidence": asdict(policy.evidence),
        "samples": list(policy.samples),
        "policy": {name: pack(getattr(policy, name)) for name in _ARRAYS},
        "embedder": fitted.embedder.to_dict(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), encoding="utf-8")


def load(path: Path | str) -> Fitted:
    """Read a router's file; raises ValueError saying how to mend it."""
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; {_MEND}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not a router's file: {error}; {_MEND}") from None
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise ValueError(f"{path}: not a router's file of format {FORMAT}; {_MEND}")
    try:
        return _read(data)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: damaged ({type(error).__name__}: {error}); {_MEND}") from None


_MEND = "`metaloop route fit TABLE -o FILE` writes one"


def _read(data: dict[str, Any]) -> Fitted:
    arrays = {name: unpack(data["policy"][name]) for name in _ARRAYS}
    models, (clusters, _) = data["models"], arrays["centroids"].shape
    by_cluster = (arrays[name].shape == (clusters, len(models)) for name in _ARRAYS[1:4])
    by_model = (arrays[name].shape == (len(models),) for name in _ARRAYS[4:])
    if not models or not all(by_cluster) or not all(by_model):
        raise ValueError("its arrays do not fit together")
    policy = Policy(
        models=tuple(str(model) for model in models),
        evidence=Evidence(**data["evidence"]),
        samples=tuple(str(sample) for sample in data["samples"]),
        **arrays,
    )
    return Fitted(load_embedder(data["embedder"]), policy)
