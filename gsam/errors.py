"""The errors a user may see; each knows the exit code that its stage ends with."""

_LONGEST = 3000


class GsamError(Exception):
    """Base of every expected failure; its one line says what, where and what was expected."""

    exit_code = 1

    def __str__(self) -> str:
        # Names and values out of damaged files hold line ends, control characters and megabytes.
        line = "".join(c if c.isprintable() else " " for c in " ".join(super().__str__().split()))
        if len(line) <= _LONGEST:
            return line
        return f"{line[: _LONGEST // 2]} ... {line[-_LONGEST // 2 :]}"


class DataError(GsamError):
    """Input that cannot be used: truncated, mis-shaped, mislabelled, hostile, empty, not finite."""


class ConfigError(GsamError):
    """A parameter that is unknown, of the wrong type, or impossible in combination with others."""

    exit_code = 2


class LicensedDataMissing(GsamError):
    """Licensed files are absent; the message says who grants them and where they go."""

    exit_code = 3
