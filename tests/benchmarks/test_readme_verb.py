# SPDX-License-Identifier: Apache-2.0
"""README.md says what the committed CSV files say."""

import numpy as np
import pytest

from benchmarks import readme
from benchmarks.__main__ import main
from benchmarks.corpus import Series
from benchmarks.measure import Measurement
from benchmarks.plot import points
from benchmarks.results import read_results, write_results


def made(name, modality, n_slices):
    array = np.random.default_rng(2).integers(0, 99, (n_slices, 12, 10)).astype(np.uint8)
    return Series(name, modality, array, 7, (1,) * n_slices)


CT, US = made("ct", "CT", 10), made("us", "US", 1)
SIZES = {
    "medlossless-e5": (300, 240),
    "jxl-best": (600, 120),
    "jpegls": (900, 180),
    "tomoz": (450, None),
}
SECONDS = {"medlossless-e5": (4.0, 0.5), "jpegls": (1.0, 1.0), "tomoz": (2.0, 3.0)}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A repository of two CSV files and an empty README."""
    measurements = []
    for codec, sizes in SIZES.items():
        encode_s, decode_s = SECONDS.get(codec, (None, None))
        for series, size in zip((CT, US), sizes, strict=True):
            if size is None:
                measurements.append(Measurement(series, codec, "1", refusal="one slice"))
                continue
            sizes_of = (size,)
            measurements.append(Measurement(series, codec, "1", sizes_of, encode_s, decode_s))
    measurements.append(Measurement(CT, "medlossless-e5-avx2", "1", (300,), None, 2.0))
    for name in ("ratio", "speed"):
        write_results(tmp_path / f"{name}.csv", measurements, f"python -m benchmarks {name} dev")
    monkeypatch.setattr(readme, "FOLDER", tmp_path)
    monkeypatch.setattr(readme, "README", tmp_path / "README.md")
    (tmp_path / "README.md").write_text(f"before\n{readme.BEGIN}\nold\n{readme.END}\nafter\n")
    return tmp_path


def test_readme_equals_what_the_committed_results_give():
    ratio, speed = (read_results(readme.FOLDER / f"{name}.csv") for name in ("ratio", "speed"))
    text = readme.README.read_text()
    assert text == readme.with_results(text, readme.results_text(ratio, speed))
    assert (readme.FOLDER / readme.PLOT).read_bytes().startswith(b"\x89PNG")
    for results in (ratio, speed):
        assert not [one for one in results.measurements if one.failure]


def test_results_read_back_as_written(folder):
    found = read_results(folder / "ratio.csv")
    assert found.run["command"] == "python -m benchmarks ratio dev"
    assert found.noise_bpp["ct"] == pytest.approx(CT.noise_bpp, abs=1e-4, nan_ok=True)
    by_codec = {(one.codec, one.series.name): one for one in found.measurements}
    ours = by_codec["medlossless-e5", "ct"]
    assert (ours.n_bytes, ours.encode_s, ours.decode_s) == (300, 4.0, 0.5)
    assert ours.bpp == 2.0
    assert (ours.series.shape, ours.series.modality) == ("10x12x10", "CT")
    assert by_codec["tomoz", "us"].refusal == "one slice"


def test_check_fails_until_it_is_written(folder, capsys):
    assert main(["readme", "--check"]) == 1
    assert "NOT OK" in capsys.readouterr().out
    pytest.importorskip("matplotlib")
    assert main(["readme"]) == 0
    assert main(["readme", "--check"]) == 0
    text = (folder / "README.md").read_text()
    assert text.startswith("before\n") and text.endswith("\nafter\n") and "old" not in text
    assert (folder / readme.PLOT).stat().st_size > 1000
    (folder / "README.md").write_text(text.replace("0.500", "0.400"))
    assert main(["readme", "--check"]) == 1


def test_size_table_holds_the_means(folder):
    table = readme.size_table(read_results(folder / "ratio.csv"))
    assert table.columns == ["", "CT, MR series (1)", "US, SC, colour (1)", "all (2)"]
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["**medlossless -e 5**"] == ["0.500 (2.00)", "2.000 (16.00)", "1.000 (3.27)"]
    assert rows["Tomoz, whole volume"] == ["0.750 (3.00)", "-", "0.750\\*"]
    assert rows["JPEG XL, best of e3, e7, e9"][0] == "1.000 (4.00)"


def test_speed_table_holds_the_rates(folder):
    table = readme.speed_table(read_results(folder / "speed.csv"))
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["**medlossless -e 5**"][2:] == ["0.25", "2.00"]
    assert rows["-e 5, AVX2 only"][2:] == ["-", "0.50"]
    assert rows["Tomoz"][2:] == ["0.50", "0.33"]


def test_plot_shows_codecs_that_code_everything(folder):
    found = points(*(read_results(folder / f"{name}.csv") for name in ("ratio", "speed")))
    assert {one.codec for one in found} == {"medlossless-e5", "jpegls"}
    assert {one.codec: one.size for one in found}["jpegls"] == pytest.approx(1.5)


def test_missing_marker_is_an_error():
    with pytest.raises(ValueError, match="once each"):
        readme.with_results(f"{readme.BEGIN} but no end", "")


def test_other_columns_are_an_error(tmp_path):
    (tmp_path / "ratio.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="expected"):
        read_results(tmp_path / "ratio.csv")
