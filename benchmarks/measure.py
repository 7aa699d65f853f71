# SPDX-License-Identifier: Apache-2.0
"""Run one codec over one series: encode, decode, compare, count."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from benchmarks.cache import SizeCache
from benchmarks.corpus import Series
from benchmarks.rivals import Rival
from benchmarks.roster import JXL_EFFORTS
from benchmarks.timing import ONCE, Patience, timed

JXL_BEST = "jxl-best"


@dataclass(frozen=True)
class Measurement:
    """What one codec did with one series.

    Parameters
    ----------
    sizes : tuple of int
        Bytes of each stream, headers included; empty if refused or failed.
    encode_s, decode_s : float or None
        Seconds of `clock`; None where the sizes come from a cache.
    refusal : str
        Why the codec does not take this series; empty if it does.
    failure : str
        A wrong decode or an exception; empty if all went well.
    streams : tuple of bytes
        Of codecs that keep them.
    clock : str
        ``cpu``, or ``wall`` where threads are compared.
    """

    series: Series
    codec: str
    version: str
    sizes: tuple[int, ...] = ()
    encode_s: float | None = None
    decode_s: float | None = None
    refusal: str = ""
    failure: str = ""
    streams: tuple[bytes, ...] = field(default=(), repr=False)
    clock: str = "cpu"

    @property
    def n_bytes(self) -> int:
        return sum(self.sizes)

    @property
    def bpp(self) -> float:
        """Bits per sample."""
        return 8 * self.n_bytes / self.series.array.size


def measure(
    rival: Rival, series: Series, *, patience: Patience = ONCE, cache: SizeCache | None = None
) -> Measurement:
    """Encode and decode every unit of a series and compare bit for bit.

    Parameters
    ----------
    rival : Rival
    series : Series
    patience : Patience
    cache : SizeCache or None
        Sizes found there are taken as they are, without times; new ones are added after
        they have been verified. Only codecs that are ``settled`` are cached.

    Returns
    -------
    Measurement
        Never raises for what the codec does: its exceptions end in ``failure``.
    """
    about = {"series": series, "codec": rival.name, "version": rival.version}
    refusal = rival.refusal(series.array)
    if refusal:
        return Measurement(**about, refusal=refusal)
    known = cache.get(series.array, rival) if cache else None
    if known is not None:
        return Measurement(**about, sizes=known)
    try:
        units = rival.prepare(series.array)
        streams, encode_s = timed(lambda: list(map(rival.encode, units)), patience)
        decoded, decode_s = timed(lambda: list(map(rival.decode, streams, units)), patience)
    except Exception as error:
        return Measurement(**about, failure=f"{type(error).__name__}: {error}")
    sizes = tuple(len(stream) for stream in streams)
    failure = difference(units, decoded)
    if cache and not failure:
        cache.add(series.array, rival, sizes)
    kept = tuple(streams) if rival.keeps_streams else ()
    return Measurement(
        **about, sizes=sizes, encode_s=encode_s, decode_s=decode_s, failure=failure, streams=kept
    )


def difference(units: list[np.ndarray], decoded: list[np.ndarray]) -> str:
    """Empty if every unit came back with shape, dtype and bytes; else where it did not."""
    for number, (unit, copy) in enumerate(zip(units, decoded, strict=True)):
        if copy.shape != unit.shape or copy.dtype != unit.dtype:
            found, expected = (f"{one.shape} {one.dtype}" for one in (copy, unit))
            return f"unit {number}: decoded to {found}, expected {expected}"
        if copy.tobytes() != unit.tobytes():
            return f"unit {number}: decoded samples differ"
    return ""


def jxl_best(measurements: list[Measurement]) -> list[Measurement]:
    """For every series the smallest JPEG XL file by file, where all efforts were measured."""
    wanted = {f"jxl-e{effort}" for effort in JXL_EFFORTS}
    by_series: dict[str, list[Measurement]] = {}
    for one in measurements:
        if one.codec in wanted and one.sizes and not one.failure:
            by_series.setdefault(one.series.name, []).append(one)
    return [
        Measurement(
            found[0].series,
            JXL_BEST,
            f"{found[0].version}, best effort of each file",
            sizes=tuple(map(min, zip(*(_file_sizes(one) for one in found), strict=True))),
        )
        for found in by_series.values()
        if len(found) == len(wanted)
    ]


def _file_sizes(measurement: Measurement) -> list[int]:
    counts = measurement.series.slices_per_file
    ends = np.cumsum(counts)
    return [
        sum(measurement.sizes[end - count : end]) for end, count in zip(ends, counts, strict=True)
    ]
