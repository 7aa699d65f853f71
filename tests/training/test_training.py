# SPDX-License-Identifier: Apache-2.0
"""Training from scratch on a small set: the loss falls, and exported is what was trained."""

import numpy as np
import pytest

from medlossless.entropy import freq_from_counts
from medlossless.predict import net as nets
from medlossless.predict import reference, tune, tune_reference

torch = pytest.importorskip("torch")
pillow = pytest.importorskip("PIL.Image")
pytestmark = pytest.mark.neural

from medlossless.training import __main__ as command  # noqa: E402
from medlossless.training import data, model, quantise  # noqa: E402
from medlossless.training.fit import Plan, fit  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two made modalities with 8-bit and 16-bit images of correlated noise."""
    root = tmp_path_factory.mktemp("train")
    rng = np.random.default_rng(5)
    for modality, depth, top in (("CT", np.uint16, 4000), ("US", np.uint8, 255)):
        (root / modality).mkdir()
        for number in range(2):
            white = rng.normal(0, top / 80, (122, 132))
            image = white[:-2, 2:] + white[1:-1, 1:-1] + np.linspace(0, top / 2, 130)
            image = np.clip(image + top / 4, 0, top).astype(depth)
            pillow.fromarray(image).save(root / modality / f"{number}.png")
    return root


@pytest.fixture(scope="module")
def samples(folder):
    series = data.read_folder(folder)
    assert [s.modality for s in series] == ["CT", "CT", "US", "US"]
    return data.draw(series, "narrow2d", 6000, np.random.default_rng(1))


def test_training_from_scratch_improves_the_loss(samples, tmp_path, capsys):
    torch.manual_seed(1)
    net = model.FloatNet(samples.inputs.shape[1], (8, 8))
    first = loss_of(net, samples)
    plan = Plan(300, 256, peak_rate=0.01, warmup=20)
    checkpoint = tmp_path / "net.pt"
    _, finished = fit(net, samples, plan, checkpoint, seconds=0.0)
    assert not finished
    _, finished = fit(net, samples, plan, checkpoint)
    assert finished
    assert loss_of(net, samples) < first - 0.3


def loss_of(net, samples):
    difference = torch.from_numpy((samples.values - samples.baseline).astype(np.float32))
    exponent, mantissa = (
        torch.from_numpy(getattr(samples, name).astype(np.float32))
        for name in ("exponent", "mantissa")
    )
    with torch.no_grad():
        outputs = net(torch.from_numpy(samples.inputs).float() / model.INPUT_UNIT)
        return float(model.code_length(outputs, difference, exponent, mantissa).mean())


def test_the_numpy_twin_has_the_same_code_length(samples):
    rng = np.random.default_rng(2)
    outputs = rng.normal(0, 1, (len(samples.values), 2)).astype(np.float32)
    batch = tune.Batch(
        samples.inputs.astype(np.float32),
        (samples.values - samples.baseline).astype(np.float32),
        *tune.origin(samples.exponent, samples.mantissa),
        np.ones(len(samples.values), np.float32),
    )
    ours = tune_reference.code_length(outputs, batch)[0]
    columns = (batch.difference, samples.exponent, samples.mantissa)
    theirs = model.code_length(torch.from_numpy(outputs), *map(torch.from_numpy, columns)).numpy()
    likely = theirs < 25  # beyond, the two bound the loss differently
    assert likely.mean() > 0.8
    np.testing.assert_allclose(ours[likely], theirs[likely], rtol=2e-3, atol=2e-3)


def test_integers_answer_as_the_float_net(samples):
    torch.manual_seed(3)
    net = model.FloatNet(samples.inputs.shape[1], (16, 8))
    net.exact = True
    with torch.no_grad():
        for parameter in net.parameters():
            parameter *= 2
        floats = net(torch.from_numpy(samples.inputs).float() / model.INPUT_UNIT).numpy()
    layers = quantise.integer_layers(net)
    freqs = freq_from_counts(quantise.smooth_tables())
    whole = nets.Net("narrow2d", *layers, freqs)
    found = reference.forward(whole, np.ascontiguousarray(samples.inputs.T))[-1].T
    error = found / quantise.OUTPUT_UNITS - floats
    assert np.abs(error).max() < 0.15
    assert np.abs(error).mean() < 0.02


def test_the_command_trains_and_exports(folder, tmp_path, capsys):
    target = tmp_path / "small.mlw"
    words = ["lossless", "narrow2d", "--data", str(folder), "--out", str(target)]
    words += ["--steps", "60", "--samples", "3000", "--checkpoint", str(tmp_path / "c.pt")]
    assert command.main([*words, "--seconds", "0"]) == 2
    assert command.main(words) == 0
    net, proof = nets.from_bytes(target.read_bytes())
    proof.check(net)
    assert net.neighbourhood == "narrow2d"
    assert net.digest.hex() in capsys.readouterr().out


def test_a_file_that_cannot_be_read_is_named(folder, tmp_path, capsys):
    (tmp_path / "MR").mkdir()
    (tmp_path / "MR" / "broken.dcm").write_bytes(b"not a file of samples")
    assert data.read_folder(tmp_path) == []
    assert "broken.dcm: not used" in capsys.readouterr().err
