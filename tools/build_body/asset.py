"""How the asset's arrays are stored."""

from pathlib import Path

import numpy as np


def write(out: Path, arrays: dict[str, np.ndarray]) -> None:
    """Compressed, smallest sufficient types; blend shapes in half precision (error < 0.1 mm)."""
    types = {"f": np.uint16, "shapedirs": np.float16, "posedirs": np.float16,
             "kintree_table": np.uint32, "extra_vertices": np.uint16}  # fmt: skip
    cast = {key: value.astype(types.get(key, np.float32)) for key, value in arrays.items()}
    np.savez_compressed(out, allow_pickle=False, **cast)
