"""Write the model calls of runs into a cassette, for tests to replay.

    metaloop run tasks/ngram-lm --seed 1 \\
        --inner local:qwen2.5-coder-0.5b --outer local:qwen2.5-coder-1.5b
    python tests/cassettes/record.py tests/cassettes/ngram-lm.jsonl RUN

    python tests/study/small.py DIR     # a toy task and the design of a 2 x 2 study of it
    cd DIR && metaloop study small.toml
    python tests/cassettes/record.py tests/cassettes/small-study.jsonl    # the calls of all runs

To be done again when a prompt changes: the replay then says that it left the recorded path.
"""

import sys
from pathlib import Path

from metaloop.models.cassette import Cassette
from metaloop.project import Project


def main(path: str, *runs: str) -> None:
    """Record the calls of `runs`, or of all runs, of the project around the current directory."""
    Path(path).unlink(missing_ok=True)
    cassette = Cassette(Path(path))
    with Project.around(Path.cwd()).journal() as journal:
        for run in runs or [record.id for record in journal.runs()]:
            for call in journal.calls(run):
                cassette.put(call)
    print(f"{len(cassette)} calls in {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
