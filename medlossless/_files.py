# SPDX-License-Identifier: Apache-2.0
"""Reading whole inputs and writing outputs so that no half-written file has a final name."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import stat
from collections.abc import Iterator
from os import PathLike
from typing import Any, BinaryIO

from .errors import InvalidInput

NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
PRIVATE, SHARED = 0o600, 0o666  # of new files; the system takes the umask away


def is_path(place: Any) -> bool:
    """Whether a source or target names a file."""
    return isinstance(place, str | PathLike)


def name_of(place: Any) -> str:
    """What messages call a source or target."""
    return os.fsdecode(place) if is_path(place) else str(getattr(place, "name", "-"))


def base_name(place: Any) -> str:
    """The last part of a path, empty for anything else; what is no text becomes ``?``."""
    if not is_path(place):
        return ""
    return os.path.basename(os.fsdecode(place)).encode("utf-8", "replace").decode("utf-8")


def read(source: Any) -> bytes | memoryview:
    """All bytes of a path, a buffer or a binary file object.

    Raises
    ------
    InvalidInput
        It is none of these.
    OSError
        As the system says.
    """
    if is_path(source):
        with open(source, "rb") as file:
            return file.read()
    data = source.read() if hasattr(source, "read") else source
    if isinstance(data, bytes):
        return data
    if isinstance(data, bytearray | memoryview):
        view = memoryview(data)
        return view.cast("B") if view.c_contiguous and view.nbytes else view.tobytes()
    kind = type(source).__name__
    raise InvalidInput(f"source: {kind}, expected a path, bytes or a binary file object")


def check_target(target: Any, overwrite: bool) -> None:
    """Refuse an existing target early, before any work; a device or a pipe is no such target."""
    if is_path(target) and not overwrite and os.path.lexists(target) and not _is_special(target):
        raise InvalidInput(f"target exists: {name_of(target)}")


def write(target: Any, data: bytes, *, like: Any, overwrite: bool) -> bytes | None:
    """Write to a path (atomically, mtime and mode of `like`), a file object, or return the data.

    A device or a pipe that exists is written to, not replaced.

    Raises
    ------
    InvalidInput
        The target exists and `overwrite` is not set.
    OSError
        As the system says; no file is left behind.
    """
    if target is None:
        return data
    if not is_path(target):
        _write_all(target, data)
        return None
    check_target(target, overwrite)
    if _is_special(target):
        with open(target, "wb") as file:
            _write_all(file, data)
        return None
    with _scratch(target, PRIVATE if is_path(like) else SHARED) as (file, scratch):
        _write_all(file, data)
        if is_path(like):
            _copy_status(like, scratch)
        os.fsync(file.fileno())
        file.close()
        _rename(scratch, target, overwrite)
    _sync_folder(os.path.dirname(scratch))
    return None


def _write_all(file: Any, data: bytes) -> None:
    """Write every byte, or raise: an unbuffered file takes as many as it likes, and says so.

    Raises
    ------
    OSError
        The file takes no more.
    """
    view = memoryview(data)
    while len(view):
        count = file.write(view)
        if count is None and not isinstance(file, io.RawIOBase):
            break  # an object that writes everything and does not count
        if not count:
            raise OSError(errno.EIO, f"only {len(data) - len(view)} of {len(data)} bytes written")
        view = view[count:]
    if hasattr(file, "flush"):
        file.flush()


def _is_special(target: Any) -> bool:
    """Whether a path leads to something that exists and is neither file nor folder."""
    try:
        mode = os.stat(target).st_mode
    except OSError:
        return False
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


@contextlib.contextmanager
def _scratch(target: Any, mode: int) -> Iterator[tuple[BinaryIO, str]]:
    """A new file beside the target, which is gone afterwards unless it was renamed."""
    folder = os.path.dirname(os.fsdecode(target)) or os.curdir
    scratch = os.path.join(folder, f".medlossless-{secrets.token_hex(8)}")
    handle = os.open(scratch, NEW_FILE, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, scratch
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(scratch)


def _rename(scratch: str, target: Any, overwrite: bool) -> None:
    """Give the finished file its name; without `overwrite` never over an existing one."""
    if overwrite:
        os.replace(scratch, target)
        return
    try:
        os.link(scratch, target)
    except FileExistsError as error:
        raise InvalidInput(f"target exists: {name_of(target)}") from error
    except OSError:  # a file system without hard links
        check_target(target, overwrite)
        os.replace(scratch, target)


def _copy_status(like: Any, scratch: str) -> None:
    """Give the new file the mode and the times of the source file."""
    status = os.stat(like)
    os.chmod(scratch, status.st_mode & 0o777)
    os.utime(scratch, ns=(status.st_atime_ns, status.st_mtime_ns))


def _sync_folder(folder: str) -> None:
    """Make the new name durable where the system can sync folders."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):  # the file is complete and has its name
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
