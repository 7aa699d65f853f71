# SPDX-License-Identifier: Apache-2.0
"""``python -m medlossless`` is the same program as ``medlossless``."""

import sys

from medlossless.cli import main

if __name__ == "__main__":
    sys.exit(main())
