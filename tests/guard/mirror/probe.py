import json
from pathlib import Path

import numpy as np

scored = np.load("out/probs.npy")
outputs = [np.split(np.load(path), 2) for path in sorted(Path("out/probe").glob("*.npy"))]
damage = [float(np.abs(as_is - scored).mean()) for as_is, _ in outputs]
violation = [float(np.abs(as_is - image).mean()) for as_is, image in outputs]
print(json.dumps({"damage": damage, "violation": violation}))
