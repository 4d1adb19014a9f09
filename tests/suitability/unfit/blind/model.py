import json
from pathlib import Path

SLOPE = 1.5
OFFSET = 1.0

Path("out/answers.json").write_text(json.dumps([SLOPE * x + OFFSET for x in range(5)]))
