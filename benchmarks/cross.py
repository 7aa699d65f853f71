# SPDX-License-Identifier: Apache-2.0
"""``cross``: the C core compiled for other processors too, run and compared with the reference."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.kernels import expected_kernels
from benchmarks.proof_file import full_proof_file

SUMMARY = "compile the C core for other processors, run it and compare with the reference"
REPOSITORY = Path(__file__).resolve().parent.parent
SOURCES = ("csrc/mlp", "csrc/entropy", "csrc/scan", "tests/cross")
FLAGS = ("-O3", "-std=c11", "-Wall", "-Wextra", "-Werror", "-Icsrc")
SANITISERS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")


@dataclass(frozen=True)
class Target:
    """A processor, what compiles for it and what runs the result here.

    kernels : names that must run; None where this processor's own flags say
    """

    compiler: str
    packages: str
    flags: tuple[str, ...] = ()
    emulator: str = ""
    kernels: tuple[str, ...] | None = None

    def missing(self) -> str:
        """What is not installed, and how to install it on Debian; nothing if all is there."""
        tools = [tool for tool in (self.compiler, self.emulator) if tool]
        absent = [tool for tool in tools if shutil.which(tool) is None]
        if not absent:
            return ""
        return f"{' and '.join(absent)} missing: apt-get install {self.packages}"


TARGETS = {
    "native": Target("cc", "gcc libc6-dev"),
    "sanitised": Target("cc", "gcc libc6-dev", SANITISERS),
    "aarch64": Target(
        "aarch64-linux-gnu-gcc",
        "gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user",
        ("-static",),
        "qemu-aarch64",
        ("plain", "neon"),
    ),
    "s390x": Target(
        "s390x-linux-gnu-gcc",
        "gcc-s390x-linux-gnu libc6-dev-s390x-cross qemu-user",
        ("-static",),
        "qemu-s390x",
        ("plain",),
    ),
}


def configure(parser: argparse.ArgumentParser) -> None:
    names = ", ".join(TARGETS)
    parser.add_argument(
        "targets", nargs="*", type=target_name, metavar="TARGET", help=f"of {names}; default: all"
    )


def target_name(text: str) -> str:
    """The text, if it is one."""
    if text not in TARGETS:
        raise argparse.ArgumentTypeError(f"no target {text!r}, there are {', '.join(TARGETS)}")
    return text


def run(args: argparse.Namespace) -> int:
    """Try the targets one after another; 1 if one differs or could not be tried."""
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        proofs = Path(folder, "proofs")
        proofs.write_bytes(full_proof_file())
        for name in args.targets or TARGETS:
            if not check(name, TARGETS[name], proofs):
                failed.append(name)
    print(f"cross: NOT OK: {', '.join(failed)}" if failed else "cross: all equal")
    return int(bool(failed))


def check(name: str, target: Target, proofs: Path) -> bool:
    """Compile and run one target; True if everything was equal."""
    missing = target.missing()
    if missing:
        print(f"{name}: NOT TRIED: {missing}", flush=True)
        return False
    print(f"{name}: {target.compiler} {' '.join(target.flags)} {target.emulator}", flush=True)
    program = compile_for(target, proofs.parent / name)
    return program is not None and run_check(target, program, proofs)


def compile_for(target: Target, program: Path) -> Path | None:
    """The program of a target, or None where it does not compile."""
    sources = [str(path) for folder in SOURCES for path in REPOSITORY.glob(f"{folder}/*.c")]
    command = [target.compiler, *FLAGS, *target.flags, "-o", str(program), *sorted(sources)]
    done = subprocess.run(command, cwd=REPOSITORY, check=False)
    return program if done.returncode == 0 else None


def run_check(target: Target, program: Path, proofs: Path) -> bool:
    kernels = target.kernels or expected_kernels()[0]
    command = [target.emulator] if target.emulator else []
    command += [str(program), str(proofs), *kernels]
    done = subprocess.run(command, check=False)
    if done.returncode not in (0, 1):
        print(f"NOT OK: {Path(command[0]).name} ended with status {done.returncode}", flush=True)
    return done.returncode == 0
