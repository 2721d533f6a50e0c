"""Archives of the originals' size pass the bound on a pickle's values; heaps of copies do not."""

import pickle

import numpy as np
import pytest

from gsam import pickle_values
from gsam.errors import DataError
from gsam.unpickle import safe_load_bytes


def test_the_bound_is_on_copied_bytes_not_on_an_arrays_size(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As 4 GiB are to ten million.
    monkeypatch.setattr(pickle_values, "_MAX_VALUES", 1000)
    array = np.arange(110_000, dtype=np.float32)
    assert np.array_equal(safe_load_bytes(pickle.dumps(array), "file"), array)
    with pytest.raises(DataError, match="refers to more than 1000 values"):
        safe_load_bytes(pickle.dumps([array, array + 1]), "file")
