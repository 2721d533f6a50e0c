"""Who grants each dataset, where, and on what terms: the one place in which that is written."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GRANTS", "Grant"]


@dataclass(frozen=True)
class Grant:
    """A dataset's title, the address of who grants it, and the terms; free: without an account."""

    title: str
    address: str
    terms: str
    free: bool = False

    @property
    def sentence(self) -> str:
        """`Human3.6M is granted by its authors at http://... (account needed)`."""
        if self.free:
            return f"{self.title} is free to download, {self.terms}, at {self.address}"
        return f"{self.title} is granted by its authors at {self.address} ({self.terms})"


GRANTS = {
    "human36m": Grant("Human3.6M", "http://vision.imar.ro/human3.6m", "account needed"),
    "mpi_inf_3dhp": Grant(
        "MPI-INF-3DHP",
        "https://vcai.mpi-inf.mpg.de/3dhp-dataset",
        "for research, after accepting the licence",
    ),
    "threedpw": Grant(
        "3DPW",
        "https://virtualhumans.mpi-inf.mpg.de/3DPW",
        "for research, after accepting the licence",
    ),
    "smpl": Grant(
        "SMPL",
        "smpl.is.tue.mpg.de (neutral: smplify.is.tue.mpg.de)",
        "register and accept the licence",
    ),
    "coco": Grant("COCO", "https://cocodataset.org/#download", "without an account", free=True),
    "mpii": Grant(
        "MPII Human Pose", "http://human-pose.mpi-inf.mpg.de", "without an account", free=True
    ),
}
"""By dataset."""
