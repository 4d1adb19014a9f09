"""Users' torch models; skipped where torch is not installed."""

import numpy as np
import pytest

from metaloop.probe import TorchNetwork, compare

torch = pytest.importorskip("torch")


class Paired(torch.nn.Module):
    """Even in its first input: by taking its size, or by units in mirrored pairs."""

    def __init__(self, symmetric):
        super().__init__()
        torch.manual_seed(0)
        self.symmetric = symmetric
        self.hidden, self.act = torch.nn.Linear(2, 16), torch.nn.Tanh()
        self.dropout, self.out = torch.nn.Dropout(0.5), torch.nn.Linear(16, 1)
        with torch.no_grad():
            self.hidden.weight[8:] = self.hidden.weight[:8] * torch.tensor([-1.0, 1.0])
            self.hidden.bias[8:] = self.hidden.bias[:8]
            self.out.weight[:, 8:] = self.out.weight[:, :8]

    def forward(self, x):
        if self.symmetric:
            x = x.abs() * torch.tensor([1.0, 0.0]) + x * torch.tensor([0.0, 1.0])
        return self.out(self.dropout(self.act(self.hidden(x))))


def networks():
    x = torch.rand(80, 2, generator=torch.Generator().manual_seed(1)) * 2 - 1
    features = {"|side|": x[:, 0].abs().numpy()}
    return [
        TorchNetwork(name, Paired(flag), x, x * torch.tensor([-1.0, 1.0]), features)
        for name, flag in (("by construction", True), ("by coincidence", False))
    ]


def test_planted_modules_are_told_apart():
    sound, entangled = compare(*networks(), seeds=24).networks
    assert (sound.verdict, entangled.verdict) == ("sound", "fractured")
    assert sound.respecting == 1 and entangled.respecting < 0.5
    assert sound.weights == 16 * 2 + 16 + 16 + 1


def test_a_run_leaves_the_module_as_it_was():
    network = networks()[1]
    module, before = network.module.train(), network.weights.copy()
    own = network.run(before)
    assert own.output.shape == (160, 1)
    assert [u.shape for u in own.units] == [(160, 16)] * 3  # hidden, tanh, dropout
    assert not np.allclose(network.run(before * 2).output, own.output)
    flat = torch.nn.utils.parameters_to_vector(module.parameters()).detach().numpy()
    assert flat == pytest.approx(before) and module.training
    assert not module.hidden._forward_hooks


def test_images_must_match_the_inputs():
    with pytest.raises(ValueError, match="differ"):
        TorchNetwork("a", Paired(True), torch.ones(3, 2), torch.ones(4, 2), {})
