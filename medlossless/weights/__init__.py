# SPDX-License-Identifier: Apache-2.0
"""Shipped integer nets (.mlw); SOURCES.md says where they came from."""
