# SPDX-License-Identifier: Apache-2.0
"""Measurements against other codecs; run with ``python -m benchmarks VERB PATH...``."""
