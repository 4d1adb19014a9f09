"""Cross-entropy of what the network said of the validation points."""

import numpy as np

said = np.load("out/said.npy", allow_pickle=False)
if said.shape != (1000,) or not np.isfinite(said).all():
    raise SystemExit("out/said.npy must hold 1000 probabilities")
label = np.arange(1000) % 2
right = np.clip(np.where(label == 1, said, 1 - said), 1e-3, 1)
print(f"val_loss: {-np.log(right).mean():.6f}")
