"""YAML files of settings: plain values only, and no more of them than a person writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from gsam.value_count import count_values

__all__ = ["load_yaml"]

_MAX_BYTES = 1 << 20
_MAX_VALUES = 200_000


def load_yaml(path: Path) -> Any:
    """What the file holds.

    Raises OSError for a file that cannot be read, ValueError, with what is wrong in one line, for
    one that is no UTF-8, no plain YAML or larger than settings are.
    """
    with path.open("rb") as stream:
        content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"larger than {_MAX_BYTES} bytes, expected settings")
    try:
        value = yaml.safe_load(content.decode("utf-8"))
        if count_values(value) > _MAX_VALUES:
            raise ValueError(f"holds more than {_MAX_VALUES} values, expected settings")
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f" (line {mark.line + 1})" if mark else ""
        raise ValueError(f"not valid YAML{place}") from error
    except RecursionError:
        raise ValueError("nested too deep, expected settings") from None
    except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
        # The YAML library's own, for dates and numbers that are none.
        raise ValueError(f"not valid YAML ({type(error).__name__})") from error
    return value
