"""A test sequence's `annot_data.mat`: MATLAB 7.3, which is HDF5 after a header of 512 bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsam.skeletons import MPI_INF_3DHP_17, MPI_INF_3DHP_28, convert
from gsam.twin.threedhp.recordings import Recording

_TEXT = b"MATLAB 7.3 MAT-file, synthetic twin of MPI-INF-3DHP"
_HEADER_BYTES, _TEXT_BYTES = 512, 124
# Version 2.0 in the byte order that the two letters give.
_VERSION = b"\x00\x02IM"


def write_test_file(path: Path, recording: Recording) -> None:
    """Write the annotations of a recording of one camera, of its 17 joints, axes as HDF5 has them.

    The same recording gives the same bytes: the file holds no dates.
    """
    import h5py

    view = recording.views[0]
    variables = {"valid_frame": recording.valid, "activity_annotation": recording.activities}
    arrays = {name: values.astype(np.float64)[:, None] for name, values in variables.items()}
    for name, joints in (
        ("annot2", view.points),
        ("annot3", view.metric),
        ("univ_annot3", view.universal),
    ):
        arrays[name] = convert(joints, MPI_INF_3DHP_28, MPI_INF_3DHP_17)[:, None]
    with h5py.File(path, "w", userblock_size=_HEADER_BYTES, libver="earliest") as file:
        for name, values in arrays.items():
            dataset = file.create_dataset(name, data=values, track_times=False)
            kind = "double" if values.dtype == np.float64 else "single"
            dataset.attrs["MATLAB_class"] = np.bytes_(kind)
    with path.open("r+b") as stream:
        stream.write((_TEXT.ljust(_TEXT_BYTES) + _VERSION).ljust(_HEADER_BYTES, b"\x00"))
