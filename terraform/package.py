#!/usr/bin/env python3
"""Zips the package of the functions: the same bytes for the same files, whenever it is made.

    package.py FOLDER ZIP

FOLDER holds `bootstrap`, which must run on Amazon Linux 2023, and `plugins`. Prints the sizes. Exit code: 1 if it would not run, or is
larger than a function may be.
"""

import re
import subprocess
import sys
import zipfile
from pathlib import Path

# The C library of Amazon Linux 2023.
GLIBC = (2, 34)
# What a function may have: unpacked, and as it is sent.
UNPACKED_BYTES_MAX = 250 * 1024 * 1024
ZIP_BYTES_MAX = 50 * 1024 * 1024


def glibc_of(program):
    """The newest version of the C library that a program asks for."""
    said = subprocess.run(["readelf", "--version-info", "--wide", program], capture_output=True, text=True, check=True)
    versions = re.findall(r"GLIBC_(\d+)\.(\d+)", said.stdout)
    return max((int(major), int(minor)) for major, minor in versions)


def main():
    folder, target = map(Path, sys.argv[1:])
    version = glibc_of(folder / "bootstrap")
    if version > GLIBC:
        sys.exit(f"{folder}/bootstrap needs glibc {version[0]}.{version[1]}, and Amazon Linux 2023 has {GLIBC[0]}.{GLIBC[1]}: "
                 "build on Debian 12, Ubuntu 22.04 or Amazon Linux 2023")
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    unpacked = sum(path.stat().st_size for path in paths)
    if unpacked > UNPACKED_BYTES_MAX:
        sys.exit(f"{folder} has {unpacked:,} bytes, and a function may have {UNPACKED_BYTES_MAX:,}: leave plugins out")
    with zipfile.ZipFile(target, "w") as package:
        for path in paths:
            info = zipfile.ZipInfo(str(path.relative_to(folder)), (1980, 1, 1, 0, 0, 0))
            info.external_attr = (0o100755 if path.name == "bootstrap" else 0o100644) << 16
            package.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED, 9)
    if target.stat().st_size > ZIP_BYTES_MAX:
        sys.exit(f"{target} has {target.stat().st_size:,} bytes, and {ZIP_BYTES_MAX:,} can be sent: leave plugins out")
    print(f"{target}: {target.stat().st_size:,} bytes, unpacked {unpacked:,}; needs glibc {version[0]}.{version[1]}")


main()
