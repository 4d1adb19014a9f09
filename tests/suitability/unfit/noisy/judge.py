import json
from pathlib import Path

print(f"reward: {json.loads(Path('out/episode.json').read_text())}")
