# SPDX-License-Identifier: Apache-2.0
"""A damaged stream is an error with a name: cut anywhere, changed anywhere, signed anew or not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from codec_arrays import boxes, random_bits, same_bits, smooth, waves
from stream_surgery import changed_sections, encode_with, put_together, take_apart

from medlossless.api import compress, decode_array, decompress, inspect, verify
from medlossless.codecs import CODECS
from medlossless.container import Section
from medlossless.errors import (
    ChecksumMismatch,
    CorruptStream,
    FormatVersion,
    InvalidInput,
    MedlosslessError,
    UnknownCodec,
    WeightsMissing,
)
from medlossless.predict import net_named

IMAGE = smooth((2, 9, 12), "<i2", -90, 900)


def npy_file(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


ARRAYS = {
    "rANS": encode_with("lossless", IMAGE, effort=1, coder="ans"),
    "Huffman": encode_with("lossless", IMAGE, effort=1, coder="huffman"),
    "hits": encode_with("lossless", boxes((20, 24)), effort=5),
    "net": encode_with("lossless", IMAGE, effort=4),
    "stored": encode_with("stored", random_bits((6, 9), "<f4")),
    "constant": encode_with("lossless", np.full((5, 6), 9, np.uint8), effort=1),
    "colours": encode_with("lossless", smooth((9, 8, 3), "u1"), "YXS", effort=1),
    "sparse levels": encode_with("lossless", 100 * (IMAGE // 100), effort=1),
}
FILES = {
    "image": npy_file(IMAGE),
    "stored image": npy_file(random_bits((6, 9), "<f4")),
    "opaque": b"neither image nor empty, " * 3,
    "empty": b"",
}
STREAMS = {name: compress(data, effort=1).data for name, data in FILES.items()}


def restore(name: str, stream: bytes):
    """What a stream holds, by the function that is made for it."""
    return decode_array(stream) if name in ARRAYS else decompress(stream).data


ALL = {**ARRAYS, **STREAMS}


def test_the_streams_are_what_they_are_called():
    assert {inspect(ARRAYS[name]).coder for name in ("rANS", "Huffman")} == {"ans", "huffman"}
    assert {inspect(stream).codec for stream in ALL.values()} == {codec.name for codec in CODECS}
    assert inspect(ARRAYS["hits"]).planes[0]["hits"]
    assert inspect(ARRAYS["constant"]).tiles == 0
    assert inspect(ARRAYS["colours"]).tiles == 3
    assert inspect(STREAMS["image"]).format == "npy"
    for name, data in FILES.items():
        assert restore(name, STREAMS[name]) == data
    assert same_bits(restore("rANS", ARRAYS["rANS"]), IMAGE)


@pytest.mark.parametrize("name", ALL)
def test_every_prefix_is_a_named_error(name):
    stream = ALL[name]
    for size in range(len(stream)):
        for read in (lambda cut: restore(name, cut), inspect, verify):
            with pytest.raises(CorruptStream):
                read(stream[:size])


@pytest.mark.parametrize("name", ALL)
def test_every_changed_byte_is_a_named_error(name):
    stream = ALL[name]
    for at in range(len(stream)):
        for mask in (1 << at % 8, 255):
            changed = bytearray(stream)
            changed[at] ^= mask
            with pytest.raises(MedlosslessError) as caught:
                restore(name, bytes(changed))
            assert not isinstance(caught.value, InvalidInput), at
            with pytest.raises(MedlosslessError):
                verify(bytes(changed))


@pytest.mark.parametrize("name", ALL)
def test_inspect_of_a_changed_stream_fails_by_name_if_at_all(name):
    stream = ALL[name]
    for at in range(len(stream)):
        changed = bytearray(stream)
        changed[at] ^= 16
        try:
            inspect(bytes(changed))
        except MedlosslessError:
            continue


@pytest.mark.parametrize("name", ALL)
def test_appended_and_inserted_bytes_are_refused(name):
    stream = ALL[name]
    for at in (0, 9, len(stream) // 2, len(stream) - 12, len(stream)):
        with pytest.raises(CorruptStream):
            restore(name, stream[:at] + b"\0" + stream[at:])


@pytest.mark.parametrize("name", ARRAYS)
def test_a_signed_array_stream_of_other_numbers_is_refused_or_another_array(name):
    """No checksum protects from a stream that was made to be wrong."""
    kinds = (Section.HEADER, Section.RECIPE, Section.PLANES, Section.STORED)
    present = [kind for kind in kinds if kind in take_apart(ARRAYS[name])]
    n_refused = 0
    for kind, at, stream in changed_sections(ARRAYS[name], *present):
        try:
            found = decode_array(stream)
        except MedlosslessError:
            n_refused += 1
        except Exception as error:
            pytest.fail(f"{kind.name} byte {at}: {error!r}")
        else:
            assert found.size >= 0
    assert n_refused > 20


def test_a_signed_net_of_other_numbers_is_refused_or_decodes_to_something(tuned_effort):
    """The deltas of a tuned net stand in the stream: every net they make must be safe to run."""
    whole = encode_with("lossless", waves((110, 160), 1), effort=tuned_effort)
    assert any("tuned" in name for name in inspect(whole).nets)
    n_refused = 0
    for number, (_, at, stream) in enumerate(changed_sections(whole, Section.PLANES)):
        if at >= 40 and number % 17:
            continue
        try:
            decode_array(stream)
        except MedlosslessError:
            n_refused += 1
        except Exception as error:
            pytest.fail(f"byte {at}: {error!r}")
    assert n_refused > 100


@pytest.mark.parametrize("name", FILES)
def test_a_signed_file_stream_of_other_numbers_never_restores_another_file(name):
    kinds = [kind for kind in take_apart(STREAMS[name]) if kind != Section.PAYLOAD]
    for kind, at, stream in changed_sections(STREAMS[name], *kinds):
        try:
            found = decompress(stream).data
        except MedlosslessError:
            continue
        except Exception as error:
            pytest.fail(f"{kind.name} byte {at}: {error!r}")
        assert found == FILES[name], (kind.name, at)


@pytest.mark.parametrize("name", ["rANS", "Huffman", "hits", "net", "colours"])
def test_a_signed_payload_that_differs_is_found_by_its_tile(name):
    for _, at, stream in changed_sections(ARRAYS[name], Section.PAYLOAD):
        with pytest.raises(ChecksumMismatch, match=r"plane \d, frames .*: CRC-32"):
            decode_array(stream)
        assert at >= 0


@pytest.mark.parametrize("name", ALL)
def test_a_missing_section_is_named(name):
    sections = take_apart(ALL[name])
    for kind in sections:
        rest = {other: content for other, content in sections.items() if other != kind}
        with pytest.raises(CorruptStream, match=f"there is no section '{kind.name.lower()}'"):
            restore(name, put_together(rest))


@pytest.mark.parametrize("number", [len(CODECS), 99, 255])
def test_an_unknown_codec_is_named(number):
    sections = take_apart(ARRAYS["rANS"])
    changed = bytes([number]) + sections[Section.HEADER][1:]
    stream = put_together({**sections, Section.HEADER: changed})
    for read in (decode_array, inspect, verify):
        with pytest.raises(UnknownCodec, match=f"codec {number}, this release knows 0..1"):
            read(stream)


def test_a_net_that_is_not_there_is_named_by_its_digest():
    digest = net_named(inspect(ARRAYS["rANS"]).nets[0]).digest
    other = bytes.fromhex("fedcba9876543210")
    sections = take_apart(ARRAYS["rANS"])
    assert sections[Section.PLANES].count(digest) == 1
    planes = sections[Section.PLANES].replace(digest, other)
    stream = put_together({**sections, Section.PLANES: planes})
    for read in (decode_array, inspect, verify):
        with pytest.raises(WeightsMissing, match="fedcba9876543210"):
            read(stream)


def test_a_newer_version_is_named():
    stream = bytearray(ARRAYS["rANS"])
    stream[8] = 1
    for read in (decode_array, inspect, verify, decompress):
        with pytest.raises(FormatVersion, match="version 1, this release reads 0"):
            read(bytes(stream))


def test_a_file_format_of_a_newer_release_is_named():
    sections = take_apart(STREAMS["opaque"])
    header = sections[Section.HEADER].replace(b"opaque", b"holo3d")
    with pytest.raises(FormatVersion, match="'holo3d'"):
        decompress(put_together({**sections, Section.HEADER: header}))


def test_a_shape_that_the_recipe_does_not_know_is_refused():
    sections = take_apart(ARRAYS["rANS"])
    header = sections[Section.HEADER].replace(bytes([3, 2, 9, 12]), bytes([3, 2, 12, 9]))
    assert header != sections[Section.HEADER]
    with pytest.raises(CorruptStream, match=r"header says \(2, 12, 9\)"):
        decode_array(put_together({**sections, Section.HEADER: header}))
