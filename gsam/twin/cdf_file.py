"""CDF files of a twin, as MATLAB writes them: one variable in one record."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["save_cdf"]

_DOUBLE = 45


def save_cdf(path: Path, values: NDArray[np.float64]) -> None:
    """Write `Pose`, (1, *shape) doubles; the same values are the same bytes."""
    from cdflib.cdfwrite import CDF

    file = CDF(path, cdf_spec={"Compressed": 0})
    try:
        spec = {
            "Variable": "Pose",
            "Data_Type": _DOUBLE,
            "Num_Elements": 1,
            "Rec_Vary": True,
            "Dim_Sizes": list(values.shape),
            "Compress": 0,
        }
        file.write_var(spec, var_data=values[None])
    finally:
        file.close()
