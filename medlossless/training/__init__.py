# SPDX-License-Identifier: Apache-2.0
"""Training of the shipped nets with torch: data -> model -> quantise -> export.

Nothing else imports this package; run it with ``python -m medlossless.training --help``.
"""
