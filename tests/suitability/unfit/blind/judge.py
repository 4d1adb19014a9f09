import json
from pathlib import Path

answers, targets = (json.loads(Path(f"{name}.json").read_text()) for name in ("answers", "targets"))
print(f"error: {sum(abs(a - t) for a, t in zip(answers, targets, strict=True)):.6f}")
