# SPDX-License-Identifier: Apache-2.0
"""The exceptions of medlossless.

::

    MedlosslessError
    |-- CorruptStream            the bytes are bad
    |   |-- Truncated            the stream ends before its own tables say it does
    |   |-- ChecksumMismatch     a section or the restored file differs from its checksum
    |   `-- NotAStream           the magic is missing: this is not a medlossless stream
    |-- Unsupported              the bytes are fine, this installation cannot read them
    |   |-- FormatVersion        written by a newer format version
    |   |-- UnknownCodec         a codec number or name that is not registered
    |   |-- WeightsMissing       the stream names a net that is not installed
    |   `-- MissingExtra         an optional dependency is not installed
    |-- InvalidInput             the call is bad (also a ValueError)
    |   `-- LimitExceeded        larger than a stated limit
    |-- InvalidWeights           a net whose arithmetic cannot be proved safe
    `-- VerificationFailed       the decoded result differs from the original

Texts say what, where, found and expected:
``section 3 'payload': 812 bytes left, table says 1040``.
"""


class MedlosslessError(Exception):
    """Base of everything this package raises on purpose."""


class CorruptStream(MedlosslessError):
    """The bytes of a stream contradict the format or themselves."""


class Truncated(CorruptStream):
    """A stream ends before its own tables say it does."""


class ChecksumMismatch(CorruptStream):
    """A section, a tile or a restored file differs from its recorded checksum."""


class NotAStream(CorruptStream):
    """The first bytes are not the magic of a medlossless stream."""


class Unsupported(MedlosslessError):
    """A valid stream that this installation cannot read."""


class FormatVersion(Unsupported):
    """The stream was written by a format version this release does not know."""


class UnknownCodec(Unsupported):
    """The codec number or name is not registered."""


class WeightsMissing(Unsupported):
    """The stream names a net by a digest that is not installed."""


class MissingExtra(Unsupported):
    """An optional dependency is needed for what was asked."""


class InvalidInput(MedlosslessError, ValueError):
    """The caller passed something that cannot be coded."""


class LimitExceeded(InvalidInput):
    """An input or a declared size is larger than a stated limit."""


class InvalidWeights(MedlosslessError):
    """A net file is malformed or its accumulators cannot be proved to fit."""


class VerificationFailed(MedlosslessError):
    """Decoding what was just encoded did not give back the original."""
