"""A small GPT over bytes of Python source: how probable is each next byte after a context?"""

import math
import sys

import torch
from prepare import BUDGET, WINDOW, answer, batches, load, save
from torch import nn
from torch.nn import functional as F

LAYERS = 2
WIDTH = 64
HEADS = 4
LR = 0.004
WARMUP = 0.2  # share of the steps in which the learning rate rises; then it falls to FINAL_LR
FINAL_LR = 0.02  # share of LR that is left at the last step
BATCH = 16
WEIGHT_DECAY = 0.1
DROPOUT = 0.0
BETA2 = 0.999
SEED = 1


class Block(nn.Module):
    """Attention to the bytes before, then a feed-forward layer, each added to what comes in."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.mix = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, x):
        rows, length, _ = x.shape
        heads = self.qkv(self.norm1(x)).view(rows, length, 3, HEADS, WIDTH // HEADS)
        q, k, v = heads.permute(2, 0, 3, 1, 4)
        seen = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.drop(self.mix(seen.transpose(1, 2).reshape(rows, length, WIDTH)))
        return x + self.drop(self.down(F.gelu(self.up(self.norm2(x)))))


class GPT(nn.Module):
    """Bytes (rows, length) to the logits of the byte after each: (rows, length, 256)."""

    def __init__(self):
        super().__init__()
        self.byte, self.place = nn.Embedding(256, WIDTH), nn.Embedding(WINDOW, WIDTH)
        self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
        self.norm, self.out = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 256)
        nn.init.normal_(
            self.byte.weight, std=0.05
        )  # torch's own is 1: far above the layers' output
        nn.init.normal_(self.place.weight, std=0.02)

    def forward(self, tokens):
        x = self.byte(tokens) + self.place(torch.arange(tokens.shape[1]))
        return self.out(self.norm(self.blocks(x)))


def rate(step, steps):
    """The learning rate of a step, as a share of LR."""
    done, rise = step / steps, max(WARMUP, 1 / steps)
    if done < rise:
        return (step + 1) / (rise * steps)
    fall = (done - rise) / max(1 - rise, 1e-9)
    return FINAL_LR + (1 - FINAL_LR) * (1 + math.cos(math.pi * fall)) / 2


def fit(train):
    """A model that has learned from the batches that the budget allows."""
    model = GPT().train()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=LR, betas=(0.9, BETA2), weight_decay=WEIGHT_DECAY
    )
    steps = BUDGET // (BATCH * WINDOW)
    for step, batch in enumerate(batches(train, BATCH, SEED)):
        for group in optimiser.param_groups:
            group["lr"] = LR * min(1.0, rate(step, steps))
        tokens = torch.from_numpy(batch)
        loss = F.cross_entropy(model(tokens[:, :-1]).flatten(0, 1), tokens[:, 1:].flatten())
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
    return model


@torch.no_grad()
def predict(model, contexts):
    """Probabilities of the next byte for each context: shape (N, 256), each row sums to 1."""
    model.eval()
    tokens = torch.from_numpy(contexts.astype("int64"))
    return torch.cat([model(rows)[:, -1].softmax(dim=-1) for rows in tokens.split(256)]).numpy()


def predict_with(weights, contexts):
    """`predict` with the weights that an earlier run has handed in, or with others like them."""
    model = GPT()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return predict(model, contexts)


if __name__ == "__main__":
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    if "probe" in sys.argv:
        answer(predict_with)
        sys.exit()
    train, contexts = load()
    model = fit(train)
    save(predict(model, contexts), model.state_dict())
