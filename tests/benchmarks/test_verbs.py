# SPDX-License-Identifier: Apache-2.0
"""The verbs end to end on tiny arrays, with codecs that tell the truth and codecs that lie."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks import entropy, roundtrip, run, speed, verdicts
from benchmarks.__main__ import main
from benchmarks.cache import SizeCache
from benchmarks.corpus import Series
from benchmarks.goals import GROUPS, group_of
from benchmarks.measure import Measurement, jxl_best, measure
from benchmarks.results import COLUMNS
from benchmarks.rivals import Rival
from benchmarks.summary import Sizes, geometric_mean, ratio_table
from benchmarks.tables import Table, skipped_lines
from benchmarks.timing import Patience, timed


class Plain(Rival):
    """Stores the bytes."""

    name, version = "plain", "1"

    def encode(self, unit):
        return unit.tobytes()

    def decode(self, stream, unit):
        return np.frombuffer(stream, unit.dtype).reshape(unit.shape)


class Lying(Plain):
    """Loses one bit of the last sample."""

    name = "lying"

    def decode(self, stream, unit):
        copy = super().decode(stream, unit).copy()
        copy.flat[-1] ^= 1
        return copy


class Reshaping(Plain):
    name = "reshaping"

    def decode(self, stream, unit):
        return super().decode(stream, unit).reshape(-1)


class Raising(Plain):
    name = "raising"

    def encode(self, unit):
        raise RuntimeError("out of luck")


def made_series(n_slices=2, modality="MR", name="made", slices_per_file=None):
    array = np.random.default_rng(3).integers(0, 4000, (n_slices, 8, 9)).astype(np.uint16)
    return Series(name, modality, array, 12, slices_per_file or (1,) * n_slices)


@pytest.fixture
def volume(tmp_path):
    path = tmp_path / "MR" / "volume.npy"
    path.parent.mkdir()
    np.save(path, made_series().array)
    return path


def install(monkeypatch, *rivals):
    monkeypatch.setattr(run, "select", lambda *asked: (list(rivals), {}))


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("verb", ["ratio", "speed"])
def test_truthful_codec_passes_and_fills_every_column(verb, volume, tmp_path, monkeypatch, capsys):
    install(monkeypatch, Plain())
    target = tmp_path / "results" / "out.csv"
    assert main([verb, str(volume), "--csv", str(target)]) == 0
    (row,) = rows_of(target)
    assert tuple(row) == COLUMNS
    assert row.pop("remark") == ""
    assert row.pop("noise_bpp") == ""  # slices too small
    assert all(row.values())
    assert (row["bytes"], row["bpp"], row["shape"]) == ("288", "16.0000", "2x8x9")
    assert (row["modality"], row["codec"], row["group"]) == ("MR", "plain", "CT, MR single")
    assert float(row["encode_s"]) >= 0
    assert "NOT OK" not in capsys.readouterr().out


@pytest.mark.parametrize("verb", ["ratio", "speed"])
@pytest.mark.parametrize("liar", [Lying, Reshaping, Raising])
def test_lying_codec_fails_the_run(verb, liar, volume, tmp_path, monkeypatch, capsys):
    install(monkeypatch, Plain(), liar())
    target = tmp_path / "out.csv"
    assert main([verb, str(volume), "--csv", str(target)]) == 1
    assert f"NOT OK: {liar.name}" in capsys.readouterr().out
    rows = {row["codec"]: row for row in rows_of(target)}
    assert rows[liar.name]["remark"].startswith("FAILED")
    assert rows[liar.name]["bytes"] == ""
    assert rows["plain"]["bytes"] == "288"


def test_a_failure_is_not_counted_as_a_size():
    series = made_series()
    sizes = Sizes([measure(Plain(), series), measure(Lying(), series)])
    table = ratio_table(sizes, "plain")
    assert [row[2:] for row in table.rows][-1] == ["1.000", "-"]


def test_refusal_is_recorded_and_does_not_fail(volume, tmp_path, monkeypatch, capsys):
    class Picky(Plain):
        name = "picky"

        def refusal(self, array):
            return "wrong colour"

    install(monkeypatch, Plain(), Picky())
    target = tmp_path / "out.csv"
    assert main(["ratio", str(volume), "--csv", str(target)]) == 0
    assert "picky does not take 1 x wrong colour" in capsys.readouterr().out
    assert rows_of(target)[1]["remark"] == "refused: wrong colour"


def test_cache_keeps_verified_sizes_only(tmp_path):
    path, series = tmp_path / "cache.csv", made_series()
    first = measure(Plain(), series, cache=SizeCache(path))
    assert measure(Lying(), series, cache=SizeCache(path)).failure
    again = SizeCache(path)
    assert again.get(series.array, Plain()) == first.sizes == (144, 144)
    assert again.get(series.array, Lying()) is None
    assert again.get(series.array + 1, Plain()) is None
    assert measure(Plain(), series, cache=again).encode_s is None


def test_unsettled_codec_is_never_cached(tmp_path):
    class Tuned(Plain):
        settled = False

    cache = SizeCache(tmp_path / "cache.csv")
    measure(Tuned(), made_series(), cache=cache)
    assert cache.get(made_series().array, Tuned()) is None


def test_jxl_best_takes_the_smallest_of_each_file():
    series = made_series(4, slices_per_file=(2, 1, 1))
    sizes = {3: (5, 5, 9, 1), 7: (9, 2, 8, 7), 9: (4, 4, 9, 9)}
    measured = [
        Measurement(series, f"jxl-e{effort}", "1", sizes=found) for effort, found in sizes.items()
    ]
    (best,) = jxl_best(measured)
    assert best.sizes == (8, 8, 1)
    assert jxl_best(measured[:2]) == []


def test_groups():
    assert group_of(made_series(8)) == "CT, MR series"
    assert group_of(made_series(7, "CT")) == "CT, MR single"
    assert [group_of(made_series(1, modality)) for modality in ("MG", "US", "PT")] == [
        "X-ray",
        "US, SC, colour",
        "other",
    ]
    colour = Series("c", "CT", np.zeros((1, 2, 2, 3), np.uint8), 8, (1,))
    assert group_of(colour) == "US, SC, colour"


def test_ratios_are_geometric_means_over_common_series():
    one, two = made_series(8, name="one"), made_series(8, name="two")
    sizes = Sizes(
        [
            Measurement(one, "medlossless-e5", "1", sizes=(50,)),
            Measurement(two, "medlossless-e5", "1", sizes=(200,)),
            Measurement(one, "jxl-best", "1", sizes=(100,)),
            Measurement(two, "jxl-best", "1", sizes=(100,)),
        ]
    )
    assert ratio_table(sizes, "jxl-best").rows[-1] == ["all", "2", "1.000", "1.000"]
    assert verdicts.goal_table(sizes, []).rows == [
        ["medlossless-e5", "jxl-best", "1.000 / 0.90 MISSED", *["-"] * len(GROUPS)]
    ]
    assert geometric_mean([2.0, 8.0]) == pytest.approx(4.0)


def test_untuned_nets_stand_beside_their_bars():
    sizes = Sizes(
        [
            Measurement(series, codec, "1", sizes=(size,))
            for series, ours in ((made_series(8, name="long"), 96), (made_series(name="one"), 99))
            for codec, size in (("medlossless-e5-untuned", ours), ("jxl-best", 100))
        ]
    )
    table = verdicts.untuned_table(sizes)
    assert [row[:4] for row in table.rows] == [
        ["MR, all", "2", "medlossless-e5-untuned", "0.975 / 0.97 MISSED"],
        ["MR, 8 or more slices", "1", "medlossless-e5-untuned", "0.960 / 0.97 ok"],
    ]
    assert table.rows[0][4:] == ["-", "-"]
    assert (
        verdicts.untuned_table(Sizes([Measurement(made_series(), "plain", "1", sizes=(9,))]))
        is None
    )


def test_speed_goals_are_judged_by_the_mean_over_series():
    one, two = made_series(name="one"), made_series(name="two")
    timed = [
        Measurement(one, "jpegls", "1", (10,), 1.0, 1.0),
        Measurement(two, "jpegls", "1", (10,), 9.0, 1.0),
        Measurement(one, "medlossless-e1", "1", (10,), 0.5, 2.0),
        Measurement(two, "medlossless-e1", "1", (10,), 2.25, 0.5),
        Measurement(one, "medlossless-e5-avx2", "1", (10,), None, 3.0),
        Measurement(one, "medlossless-e1-t1", "1", (10,), 99.0, 99.0, clock="wall"),
    ]
    table = verdicts.speed_goal_table(timed)
    assert [row[3:] for row in table.rows] == [
        ["2.83", "1.20", "ok", "3.64"],
        ["1.00", "1.20", "MISSED", "0.80"],
        ["0.33", "0.30", "ok", "0.33"],
    ]
    sizes = Sizes([*timed, Measurement(one, "jxl-best", "1", (20,))])
    (row,) = verdicts.goal_table(sizes, timed).rows
    assert row[-2:] == ["2.83 x jpegls / 1.20 ok", "1.00 x jpegls / 1.20 MISSED"]


def test_every_single_series_is_judged():
    one, two = made_series(name="one"), made_series(name="two")
    sizes = Sizes(
        [
            Measurement(one, "medlossless-e5", "1", (90,)),
            Measurement(two, "medlossless-e5", "1", (90,)),
            Measurement(one, "tomoz", "1", (80,)),
            Measurement(two, "tomoz", "1", (900,)),
            Measurement(one, "jpegls", "1", (90,)),
        ]
    )
    assert [row[1:] for row in verdicts.series_goal_table(sizes).rows] == [
        ["tomoz", "2", "MISSED on 1", "1.1250", "one"],
        ["jpegls", "1", "ok", "1.0000", "one"],
    ]
    assert verdicts.series_goal_table(Sizes([])) is None


def test_speeds_are_of_this_run_unless_a_cache_spared_it(volume, tmp_path, monkeypatch, capsys):
    install(monkeypatch, Plain())
    asked = ["ratio", str(volume), "--cache", str(tmp_path / "cache.csv")]
    for source in ("this run", "speed.csv of "):
        assert main(asked) == 0
        assert f"speeds of the last table: {source}" in capsys.readouterr().out


def test_speed_ratio_uses_common_series_only():
    fast, slow = made_series(name="fast"), made_series(name="slow")
    table = speed.speed_table(
        [
            Measurement(fast, "jpegls", "1", (10,), 1.0, 1.0),
            Measurement(slow, "jpegls", "1", (10,), 99.0, 99.0),
            Measurement(fast, "picky", "1", (10,), 2.0, 4.0),
            Measurement(slow, "picky", "1", refusal="too slow"),
        ]
    )
    picky = dict(zip(table.columns, table.rows[1], strict=True))
    assert (picky["enc / jpegls"], picky["dec / jpegls"], picky["series"]) == ("0.50", "0.25", "1")


def test_timing_repeats_until_patience_is_used_up():
    calls = []
    result, seconds = timed(lambda: calls.append(1) or len(calls), Patience(repeats=4))
    assert (result, len(calls)) == (1, 4)
    assert seconds >= 0
    timed(lambda: calls.append(1), Patience(repeats=4, slow_s=0.0))
    assert len(calls) == 5


def test_markdown_table_has_one_cell_a_column():
    text = Table("T", ["a", "b"], [["1", "2"]], ["a note"]).markdown()
    assert "| a | b |\n|---|--:|\n| 1 | 2 |\n\na note\n" in text


def test_skipped_files_are_counted_by_reason():
    skipped = [SimpleNamespace(path=f"/x/{n}", reason="no pixels") for n in "abcde"]
    assert skipped_lines(skipped) == ["not compared: no pixels: a, b, c and 2 more"]


def store(source, target, *, verify, **settings):
    target.write_bytes(b"mls" + source.read_bytes())
    return SimpleNamespace(format="opaque", note="stored", settings=settings)


def restore(source, target):
    target.write_bytes(source.read_bytes()[3:])


def spoil(source, target):
    target.write_bytes(source.read_bytes()[3:] + b"!")


def refuse(source, target):
    raise ValueError("no")


@pytest.mark.parametrize(
    ("back", "n_restored", "code"), [(restore, 2, 0), (spoil, 0, 1), (refuse, 0, 1)]
)
def test_roundtrip_counts_what_came_back(back, n_restored, code, tmp_path, capsys):
    for name in "ab":
        (tmp_path / name).write_bytes(name.encode() * 10)
    trips = [roundtrip.round_trip(tmp_path / name, store, back, effort=1) for name in "ab"]
    assert roundtrip.report(trips) == code
    assert capsys.readouterr().out.endswith(f"restored {n_restored} of 2\n")


@pytest.mark.parametrize(("ans_bytes", "code"), [(1003, 0), (1004, 1)])
def test_entropy_judges_the_overhead(ans_bytes, code, volume, monkeypatch, capsys):
    n_bytes = {"ans": ans_bytes, "huffman": 1039}
    monkeypatch.setattr(entropy, "_code_length", lambda one, effort, coder: (8e3, n_bytes[coder]))
    assert main(["entropy", str(volume)]) == code
    assert ("NOT OK" in capsys.readouterr().out) == bool(code)


def test_unknown_path_and_codec_end_with_a_message(tmp_path, capsys):
    assert main(["ratio", str(tmp_path / "nowhere"), "--codecs", "gzip"]) == 2
    assert main(["ratio", str(tmp_path), "--codecs", "nothing"]) == 2
    assert "unknown codec 'nothing'" in capsys.readouterr().err
