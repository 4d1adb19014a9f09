"""CPPNs: what they compute, and files that are not as they should be."""

import re
import zipfile

import numpy as np
import pytest

from metaloop.probe.cppn import Architecture, load_cppns, load_pair

ARCH = "11;cache:2,gaussian:1"
SIZE = 4 * 3 + 10 * 9 + 9


def write(path, **fields):
    np.savez(path, **fields)
    return path


def test_matrices_lie_in_alphabetical_order():
    """Dense_0, Dense_1, Dense_10, Dense_11, Dense_2, ..."""
    architecture = Architecture.parse(ARCH)
    assert architecture.size == SIZE
    starts = [int(matrix[0, 0]) for matrix in architecture.matrices(np.arange(float(SIZE)))]
    assert starts == [0, 12, 39, 48, 57, 66, 75, 84, 93, 102, 21, 30]


def test_a_network_made_by_hand(tmp_path):
    """One layer: y and a Gaussian of x; brightness is |y| + half of the Gaussian, clipped."""
    first = np.zeros((4, 2))
    first[0, 0] = first[1, 1] = 1
    last = np.array([[0, 0, 1], [0, 0, 0.5]])
    flat = np.concatenate([first.ravel(), last.ravel()])
    (network,) = load_cppns(write(tmp_path / "a.npz", arch="1;identity:1,gaussian:1", w=flat))
    y, x = network.points[:, 0], network.points[:, 1]
    expected = np.abs(y + np.exp(-(x**2)) - 0.5).clip(0, 1)
    output, units = network.run(network.weights)
    assert output[:, 0] == pytest.approx(expected)
    assert units[0][:, 1] == pytest.approx(2 * np.exp(-(x**2)) - 1)
    assert y[network.partner] == pytest.approx(-y) and x[network.partner] == pytest.approx(x)
    picture = network.picture(network.weights, network.size)
    assert picture == pytest.approx(np.repeat(output, 3, axis=1).reshape(picture.shape))


def test_a_pair_in_two_files(tmp_path):
    for name in "ab":
        write(tmp_path / f"{name}.npz", arch=ARCH, w=np.ones(SIZE))
    names = [n.name for n in load_pair([tmp_path / "a.npz", tmp_path / "b.npz"])]
    assert names == ["a w", "b w"]
    with pytest.raises(ValueError, match=r"found 1: `w` of .*a\.npz"):
        load_pair([tmp_path / "a.npz"])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"w": np.ones(SIZE)}, "no field `arch`"),
        ({"arch": ARCH}, f"no weights; add a vector of {SIZE} numbers"),
        ({"arch": "twelve", "w": np.ones(3)}, "field `arch`: 'twelve' is not like '12;cache"),
        ({"arch": "1;step:3", "w": np.ones(3)}, "field `arch`: no activation 'step'; there are"),
        ({"arch": "0;sin:3", "w": np.ones(3)}, "layers must be 1 to 200"),
        ({"arch": "1;sin:-3", "w": np.ones(3)}, "each count at least 1"),
        ({"arch": "9;sin:99999999", "w": np.ones(3)}, "99999999 units a layer; at most 1000"),
        ({"arch": ARCH, "w": np.ones(5)}, f"field `w` is float64 (5,); `arch` asks for {SIZE}"),
        ({"arch": ARCH, "w": np.full(SIZE, "1")}, "field `w` is <U1"),
        ({"arch": ARCH, "w": np.full(SIZE, np.inf)}, "`w` has numbers that are not finite"),
    ],
)
def test_bad_fields_are_named(tmp_path, fields, message):
    path = write(tmp_path / "bad.npz", **fields)
    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        load_cppns(path)
    assert str(raised.value).startswith(str(path))


class Bomb:
    """Leaves a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_nothing_is_unpickled(tmp_path):
    mark = tmp_path / "unpickled"
    objects = np.array([Bomb(mark)], dtype=object)
    for fields in ({"arch": ARCH, "w": objects}, {"arch": objects, "w": np.ones(SIZE)}):
        path = write(tmp_path / "evil.npz", **fields)
        with pytest.raises(ValueError, match=r"evil\.npz: field `(w|arch)`: .*allow_pickle"):
            load_cppns(path)
    assert not mark.exists()


def test_files_that_are_none(tmp_path):
    with pytest.raises(ValueError, match="No such file"):
        load_cppns(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match=r"not an \.npz file"):
        load_cppns(tmp_path / "text.npz")
    with zipfile.ZipFile(tmp_path / "big.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("w.npy", bytes(300 * 2**20))
    with pytest.raises(ValueError, match="bytes unpacked; at most"):
        load_cppns(tmp_path / "big.npz")
    whole = write(tmp_path / "cut.npz", arch=ARCH, w=np.ones(SIZE)).read_bytes()
    (tmp_path / "cut.npz").write_bytes(whole.replace(b"\x93NUMPY", b"\x93NOPEY"))
    with pytest.raises(ValueError, match=r"cut\.npz: field"):
        load_cppns(tmp_path / "cut.npz")
