"""Write the model calls of a run into a cassette, for tests to replay.

    metaloop run tasks/ngram-lm --seed 1 \\
        --inner local:qwen2.5-coder-0.5b --outer local:qwen2.5-coder-1.5b
    python tests/cassettes/record.py RUN tests/cassettes/ngram-lm.jsonl

To be done again when a prompt changes: the replay then says that it left the recorded path.
"""

import sys
from pathlib import Path

from metaloop.models.cassette import Cassette
from metaloop.project import Project


def main(run: str, path: str) -> None:
    """Record the calls of `run`, of the project around the current directory."""
    Path(path).unlink(missing_ok=True)
    cassette = Cassette(Path(path))
    with Project.around(Path.cwd()).journal() as journal:
        for call in journal.calls(run):
            cassette.put(call)
    print(f"{len(cassette)} calls in {path}")


if __name__ == "__main__":
    main(*sys.argv[1:])
