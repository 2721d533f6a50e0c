"""Trees of values as the bytes of each format."""

from __future__ import annotations

import io
import json
import pickle
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["as_cdf", "as_csv", "as_hdf5", "as_json", "as_mat", "as_npz", "as_pickle", "as_yaml"]


def as_npz(arrays: dict[str, Any]) -> bytes:
    """What is no array of numbers becomes a pickled object, as in the community's files."""
    out = io.BytesIO()
    np.savez(out, **{key: _member(value) for key, value in arrays.items()})
    return out.getvalue()


def _member(value: Any) -> np.ndarray:
    if isinstance(value, np.ndarray):
        return value
    held = np.empty((), object)
    held[()] = value
    return held


def as_pickle(value: Any) -> bytes:
    return pickle.dumps(value, protocol=2)


def as_json(value: Any) -> bytes:
    return json.dumps(value, default=_plain).encode("utf-8", "surrogatepass")


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else str(value)


def as_yaml(value: Any) -> bytes:
    import yaml

    return yaml.safe_dump(json.loads(as_json(value))).encode("utf-8", "surrogatepass")


def as_csv(rows: list[list[Any]]) -> bytes:
    return "\n".join(",".join(str(cell) for cell in row) for row in rows).encode()


def as_mat(content: dict[str, Any]) -> bytes:
    from scipy.io import savemat

    out = io.BytesIO()
    savemat(out, content, long_field_names=True)
    return out.getvalue()


def as_hdf5(content: dict[str, Any]) -> bytes:
    import h5py

    out = io.BytesIO()
    with h5py.File(out, "w") as file:
        _fill(file, file, content)
    return out.getvalue()


def _fill(file: Any, group: Any, content: dict[str, Any]) -> None:
    """Dictionaries are groups, lists cells: references to arrays, as MATLAB writes them."""
    import h5py

    for key, value in content.items():
        if isinstance(value, dict):
            _fill(file, group.create_group(key), value)
        elif isinstance(value, list):
            references = []
            for number, item in enumerate(value):
                name = f"#refs#/{group.name.strip('/')}_{key}_{number}"
                file[name] = item
                references.append(file[name].ref)
            group.create_dataset(key, data=np.array(references, h5py.ref_dtype)[:, None])
        else:
            group[key] = value


def as_cdf(content: dict[str, Any]) -> bytes:
    from gsam.twin.cdf_file import save_cdf

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.cdf"
        save_cdf(path, np.asarray(content["Pose"]))
        return path.read_bytes()


def as_zip(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()
