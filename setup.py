# SPDX-License-Identifier: Apache-2.0
"""The compiled parts of medlossless; everything else stands in pyproject.toml.

Set MEDLOSSLESS_BOUNDS=1 while building to turn the bounds checks of the Cython layer back on.
"""

import os
import sys
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

FLAGS = ["/O2", "/std:c11"] if sys.platform == "win32" else ["-O3", "-std=c11", "-Wall", "-Wextra"]
ENTROPY = sorted(glob("csrc/entropy/*.c"))
SCAN = sorted(glob("csrc/scan/*.c"))
MLP = sorted(glob("csrc/mlp/*.c"))
TUNE = sorted(glob("csrc/tune/*.c"))
# The trainer gives the same floats everywhere: no contraction to fused multiply-adds, no excess
# precision (which strict C11 asks for on s390x).
MORE_FLAGS = {
    "medlossless.predict._tune": ["/experimental:c11atomics"]
    if sys.platform == "win32"
    else ["-std=gnu11", "-ffp-contract=off", "-fno-math-errno"]
}
SOURCES = {
    "medlossless.entropy._coder": ["medlossless/entropy/_coder.pyx", *ENTROPY],
    "medlossless.predict._kernel": ["medlossless/predict/_kernel.pyx", *MLP],
    "medlossless.predict._tune": ["medlossless/predict/_tune.pyx", *TUNE, "csrc/mlp/frame.c"],
    "medlossless.codecs._fold": ["medlossless/codecs/_fold.pyx", *MLP, *ENTROPY],
    "medlossless.codecs._frames": ["medlossless/codecs/_frames.pyx", "csrc/mlp/frame.c"],
    "medlossless.codecs._tables": ["medlossless/codecs/_tables.pyx", *ENTROPY],
    "medlossless.codecs._scan": ["medlossless/codecs/_scan.pyx", *MLP, *ENTROPY, *SCAN],
}

setup(
    ext_modules=cythonize(
        [
            Extension(
                name,
                sources,
                include_dirs=["csrc"],
                depends=sorted(glob("csrc/**/*.h", recursive=True)),
                extra_compile_args=FLAGS + MORE_FLAGS.get(name, []),
            )
            for name, sources in SOURCES.items()
        ],
        build_dir="build/cython",
        force=True,  # a change of MEDLOSSLESS_BOUNDS changes no time stamp
        compiler_directives={
            "language_level": 3,
            "boundscheck": os.environ.get("MEDLOSSLESS_BOUNDS") == "1",
            "freethreading_compatible": True,
        },
    )
)
