# SPDX-License-Identifier: Apache-2.0
"""Reading inputs, and writing outputs so that no half-written file has a final name."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import secrets
import stat
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from os import PathLike
from typing import Any, BinaryIO

from ._bytes import PIECE_BYTES, WHOLE_BYTES, FileBytes
from .errors import InvalidInput

NEW_FILE = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
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


@contextlib.contextmanager
def reading(source: Any) -> Iterator[memoryview | FileBytes]:
    """The bytes of a path, a buffer or a binary file object, as long as the context lasts.

    More than WHOLE_BYTES of a file stay where they are; of a pipe they are put in a temporary file.

    Raises
    ------
    InvalidInput
        It is none of these.
    OSError
        As the system says.
    """
    if is_path(source):
        with open(source, "rb", buffering=0) as file, _reading_file(file) as data:
            yield data
    elif hasattr(source, "read"):
        with _reading_file(source) as data:
            yield data
    elif isinstance(source, bytes | bytearray | memoryview):
        view = memoryview(source)
        yield view.cast("B") if view.c_contiguous and view.nbytes else memoryview(view.tobytes())
    else:
        raise _no_source(source)


@contextlib.contextmanager
def _reading_file(file: Any) -> Iterator[memoryview | FileBytes]:
    size = _size_on_disk(file)
    if size is not None and size > WHOLE_BYTES and file.tell() == 0:
        yield FileBytes(file)
        return
    is_small = size is not None and size <= WHOLE_BYTES
    start = _checked(file.read() if is_small else _read_up_to(file, WHOLE_BYTES + 1))
    if len(start) <= WHOLE_BYTES:
        yield memoryview(start)
        return
    with tempfile.TemporaryFile() as spool:
        while start:
            spool.write(start)
            start = _read_up_to(file, PIECE_BYTES)
        spool.flush()
        yield FileBytes(spool)


def _size_on_disk(file: Any) -> int | None:
    """Bytes of a regular file; None for a pipe, or an object that only looks like a file."""
    try:
        status = os.fstat(file.fileno())
    except (AttributeError, OSError, ValueError):
        return None
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _read_up_to(file: Any, n_bytes: int) -> bytes:
    """So many bytes of a file object, fewer only at its end."""
    parts, n_left = [], n_bytes
    while n_left and (part := _checked(file.read(min(n_left, PIECE_BYTES)))):
        parts.append(part)
        n_left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _checked(found: Any) -> bytes:
    """What a file object has read."""
    if not isinstance(found, bytes | bytearray | memoryview):
        raise _no_source(found)
    return bytes(found)


def _no_source(source: Any) -> InvalidInput:
    kind = type(source).__name__
    return InvalidInput(f"source: {kind}, expected a path, bytes or a binary file object")


def check_target(target: Any, overwrite: bool) -> None:
    """Refuse an existing target early, before any work; a device or a pipe is no such target."""
    if is_path(target) and not overwrite and os.path.lexists(target) and not _is_special(target):
        raise InvalidInput(f"target exists: {name_of(target)}")


class Output:
    """What is written before it is known to be good; see `writing`.

    file : binary file object, seekable
    """

    def __init__(self, file: BinaryIO, commit: Callable[[], bytes | None]) -> None:
        self.file = file
        self.commit = commit

    def data(self) -> memoryview | FileBytes:
        """What has been written."""
        if isinstance(self.file, io.BytesIO):
            return memoryview(self.file.getvalue())
        self.file.flush()
        return FileBytes(self.file)


@contextlib.contextmanager
def writing(target: Any, size: int, *, like: Any, overwrite: bool) -> Iterator[Output]:
    """Write to a path (atomically, mtime and mode of `like`), a file object, or to memory.

    Nothing appears at the target before `commit`, which returns the bytes if there is no target.
    A device or a pipe that exists is written to, not replaced. `size` says how many bytes may come:
    more than WHOLE_BYTES wait for `commit` in a file.

    Raises
    ------
    InvalidInput
        The target exists and `overwrite` is not set.
    OSError
        As the system says; no file is left behind.
    """
    if target is not None and is_path(target) and not _is_special(target):
        check_target(target, overwrite)
        with _scratch(target, PRIVATE if is_path(like) else SHARED) as (file, scratch):
            yield Output(file, partial(_finish, file, scratch, target, like, overwrite))
        return
    in_memory = target is None or size <= WHOLE_BYTES
    with io.BytesIO() if in_memory else tempfile.TemporaryFile() as file:
        yield Output(file, partial(_pass_on, file, target))


def _finish(file: BinaryIO, scratch: str, target: Any, like: Any, overwrite: bool) -> None:
    """Make a scratch file the target."""
    check_target(target, overwrite)
    file.flush()
    if is_path(like):
        _copy_status(like, scratch)
    os.fsync(file.fileno())
    file.close()
    _rename(scratch, target, overwrite)
    _sync_folder(os.path.dirname(scratch))


def _pass_on(file: BinaryIO, target: Any) -> bytes | None:
    """Write a finished file to a device or an object, or return its bytes."""
    if target is None and isinstance(file, io.BytesIO):
        return file.getvalue()
    with open(target, "wb") if is_path(target) else contextlib.nullcontext(target) as place:
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            _write_all(place, piece)
        if hasattr(place, "flush"):
            place.flush()
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
        with os.fdopen(handle, "w+b") as file:
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
