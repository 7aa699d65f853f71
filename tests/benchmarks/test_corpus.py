# SPDX-License-Identifier: Apache-2.0
"""Files -> series: grouping, order, raw words, and the list of what is left out."""

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit, generate_uid

from benchmarks.corpus import find_files, read_corpus

AXIAL = (1, 0, 0, 0, 1, 0)
CORONAL = (1, 0, 0, 0, 0, -1)


def write_slice(path, words, *, series="1.2.3", depth=None, instance=None, **extra):
    """A minimal DICOM file; extra keywords are set as they are."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = extra.pop("syntax", ExplicitVRLittleEndian)
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.Modality = "CT"
    dataset.SeriesInstanceUID = series
    dataset.Rows, dataset.Columns = words.shape[-2:]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored = words.dtype.itemsize * 8, 12
    dataset.HighBit, dataset.PixelRepresentation = 11, int(words.dtype.kind == "i")
    orientation = extra.pop("orientation", AXIAL)
    if depth is not None:
        dataset.ImageOrientationPatient = list(orientation)
        normal = np.cross(orientation[:3], orientation[3:])
        dataset.ImagePositionPatient = [float(number) for number in depth * normal]
    if instance is not None:
        dataset.InstanceNumber = instance
    dataset.PixelData = words.astype(words.dtype.newbyteorder("<")).tobytes()
    dataset["PixelData"].VR = "OW"
    for keyword, value in extra.items():
        setattr(dataset, keyword, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)


def constant(value, shape=(4, 6), dtype=np.uint16):
    return np.full(shape, value, dtype)


def first_samples(series):
    return series.array[:, 0, 0].tolist()


def test_slices_are_sorted_by_position_not_by_name_or_number(tmp_path):
    for name, depth in (("a", 30.0), ("b", 10.0), ("c", 20.0)):
        write_slice(tmp_path / name, constant(int(depth)), depth=depth, instance=100 - int(depth))
    (series,), skipped = read_corpus([str(tmp_path)])
    assert first_samples(series) == [10, 20, 30]
    assert series.slices_per_file == (1, 1, 1)
    assert not skipped


def test_order_falls_back_to_instance_number_then_to_name(tmp_path):
    for name, instance in (("a", 3), ("b", 1), ("c", 2)):
        write_slice(tmp_path / "numbered" / name, constant(instance), instance=instance)
        write_slice(tmp_path / "named" / name, constant(ord(name)))
    series, _ = read_corpus([str(tmp_path)])
    found = {one.name: first_samples(one) for one in series}
    assert found == {"numbered": [1, 2, 3], "named": [97, 98, 99]}


def test_equal_positions_are_sorted_by_instance_number(tmp_path):
    for name, depth, instance in (("a", 5.0, 4), ("b", 0.0, 3), ("c", 5.0, 1), ("d", 0.0, 2)):
        write_slice(tmp_path / name, constant(instance), depth=depth, instance=instance)
    (series,), _ = read_corpus([str(tmp_path)])
    assert first_samples(series) == [2, 3, 1, 4]


def test_series_uid_shape_and_orientation_split_a_folder(tmp_path):
    folder = tmp_path / "study"
    for number in range(2):
        write_slice(folder / f"a{number}", constant(1), depth=number)
        write_slice(folder / f"b{number}", constant(2), depth=number, series="9.9")
        write_slice(folder / f"c{number}", constant(3, (5, 6)), depth=number)
        write_slice(folder / f"d{number}", constant(4), depth=number, orientation=CORONAL)
    series, _ = read_corpus([str(tmp_path)])
    assert sorted(one.array[0, 0, 0] for one in series) == [1, 2, 3, 4]
    assert all(len(one.array) == 2 for one in series)
    assert len({one.name for one in series}) == 4


def test_projection_files_are_never_joined(tmp_path):
    for number in range(3):
        write_slice(tmp_path / "CR" / f"{number}", constant(number), instance=number)
    series, _ = read_corpus([str(tmp_path)])
    assert [len(one.array) for one in series] == [1, 1, 1]
    assert {one.modality for one in series} == {"CR"}


def test_bits_above_bits_stored_survive(tmp_path):
    words = np.array([[0xF001, 0x0FFF], [0x8000, 7]], np.uint16)
    write_slice(tmp_path / "dirty.dcm", words)
    (series,), _ = read_corpus([str(tmp_path)])
    assert np.array_equal(series.array[0], words)
    assert series.bits == 12


def test_signed_words_keep_their_sign(tmp_path):
    words = np.array([[-2000, 5], [-1, 32767]], np.int16)
    write_slice(tmp_path / "signed.dcm", words)
    (series,), _ = read_corpus([str(tmp_path)])
    assert series.array.dtype == np.int16
    assert np.array_equal(series.array[0], words)


def test_what_is_left_out_is_listed_with_its_reason(tmp_path):
    (tmp_path / "notes.txt").write_text("not an image")
    write_slice(tmp_path / "empty.dcm", constant(0), PixelData=b"")
    write_slice(tmp_path / "good.dcm", constant(1))
    np.save(tmp_path / "words.npy", np.array(["a"]))
    series, skipped = read_corpus([str(tmp_path)])
    assert [one.name for one in series] == ["good.dcm"]
    reasons = {one.path.rsplit("/", 1)[-1]: one.reason for one in skipped}
    assert reasons.keys() == {"notes.txt", "empty.dcm", "words.npy"}
    assert all(reasons.values())


def test_lossy_pixels_are_left_out(tmp_path):
    frame = encapsulate([b"\xff\xd8\xff\xd9"])
    write_slice(tmp_path / "lossy.dcm", constant(0), syntax=JPEGBaseline8Bit, PixelData=frame)
    series, (skipped,) = read_corpus([str(tmp_path)])
    assert not series
    assert "lossy" in skipped.reason


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize(
    ("syntax", "encoder"),
    [("80", "jpegls_encode"), ("90", "jpeg2k_encode"), ("70", "ljpeg_encode")],
)
def test_lossless_frames_are_decoded(tmp_path, syntax, encoder, signed):
    imagecodecs = pytest.importorskip("imagecodecs")
    words = np.random.default_rng(5).integers(-900, 900, (16, 24)).astype(np.int16)
    words = words if signed else (words + 900).astype(np.uint16)
    options = {"reversible": True} if syntax == "90" else {}
    frame = getattr(imagecodecs, encoder)(words.view(np.uint16), **options)
    path = tmp_path / "frames.dcm"
    write_slice(
        path,
        words,
        syntax=UID(f"1.2.840.10008.1.2.4.{syntax}"),
        PixelData=encapsulate([frame]),
        BitsStored=16,
        HighBit=15,
    )
    (series,), _ = read_corpus([str(path)])
    assert series.array.dtype == words.dtype
    assert np.array_equal(series.array[0], words)


def test_npy_nifti_and_png_are_read(tmp_path):
    imagecodecs = pytest.importorskip("imagecodecs")
    nibabel = pytest.importorskip("nibabel")
    volume = np.arange(2 * 3 * 5, dtype=np.int16).reshape(2, 3, 5)
    np.save(tmp_path / "a.npy", volume.astype(">i2"))
    nibabel.save(nibabel.Nifti1Image(volume.T, np.eye(4)), tmp_path / "b.nii.gz")
    colour = np.arange(4 * 5 * 3, dtype=np.uint8).reshape(4, 5, 3)
    (tmp_path / "MG").mkdir()
    (tmp_path / "MG" / "c.png").write_bytes(imagecodecs.png_encode(colour))
    series, skipped = read_corpus([str(tmp_path)])
    found = {one.name: one for one in series}
    assert np.array_equal(found["a.npy"].array, volume)
    assert np.array_equal(found["b.nii.gz"].array, volume)
    assert np.array_equal(found["MG/c.png"].array, colour[None])
    assert [found[name].modality for name in ("a.npy", "MG/c.png")] == ["OT", "MG"]
    assert not skipped


def test_pydicom_names_its_test_files():
    names = {path.name for _, path in find_files(["pydicom"])}
    assert "CT_small.dcm" in names


def test_a_missing_path_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        find_files([str(tmp_path / "nowhere")])
