"""Write the twin of MPI-INF-3DHP.

    python -m gsam.twin.threedhp OUT [--layout official|npz] [--seconds S] [--test-seconds S]
        [--seed N]

OUT must not exist. The layouts hold the same numbers; npz has the eight cameras that P-STMO's
archives have, official all fourteen.
"""

import argparse
import sys
from pathlib import Path

from gsam.configs import build
from gsam.errors import ConfigError, GsamError
from gsam.storage import atomic_directory
from gsam.twin.threedhp import LAYOUTS, TwinThreedhpConfig, generate


def main() -> None:
    """Run the command of the module's docstring; exit codes as of `gsam.errors`."""
    usual = TwinThreedhpConfig()
    parser = argparse.ArgumentParser(
        prog="python -m gsam.twin.threedhp",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("out", type=Path)
    parser.add_argument("--layout", choices=LAYOUTS, default="official")
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--test-seconds", type=float, default=usual.test_seconds)
    parser.add_argument("--seed", type=int, default=usual.seed)
    given = parser.parse_args()
    try:
        if given.out.exists():
            raise ConfigError(f"{given.out} exists already; expected a new folder's name")
        values = {key: getattr(given, key) for key in ("seconds", "test_seconds", "seed")}
        config = build(TwinThreedhpConfig, values, "command line")
        with atomic_directory(given.out) as folder:
            frames = generate(folder, config, given.layout)
    except GsamError as error:
        print(error, file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    print(f"{given.out}: twin of MPI-INF-3DHP, {given.layout}, {frames:,} annotated frames")


if __name__ == "__main__":
    main()
