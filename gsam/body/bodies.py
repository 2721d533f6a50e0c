"""The set of bodies that people of both genders are labelled and scored with."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from gsam.body.files import SMPL_VERTICES, load_body_arrays, read_body_arrays
from gsam.body.smpl import SmplBody
from gsam.datasets.grants import GRANTS
from gsam.errors import DataError, LicensedDataMissing
from gsam.storage import atomic_directory, read_json, write_json

NEUTRAL, MALE, FEMALE = "neutral", "male", "female"
# As the label files write a gender -> as the model files do.
GENDERS = {"n": NEUTRAL, "m": MALE, "f": FEMALE}
FREE_BODY = "free body"
RECORD = "body.json"
# Stored as the body computes with them; the rest enters products that are taken in float64.
SINGLE = ("posedirs", "weights", "J_regressor_h36m", "J_regressor_extra")


@dataclass(frozen=True, eq=False)
class Bodies:
    """Bodies by gender: `arrays` under SMPL's keys (see `read_body_arrays`), neutral always there.

    name: "free body", "SMPL", or what else a user's files hold; stand_in: the free body takes the
    place of SMPL for every gender.
    """

    name: str
    stand_in: bool
    arrays: Mapping[str, Mapping[str, np.ndarray]]

    @cached_property
    def models(self) -> Mapping[str, SmplBody]:
        """The bodies that are there, by gender."""
        return {gender: SmplBody.from_arrays(arrays) for gender, arrays in self.arrays.items()}

    @cached_property
    def hashes(self) -> Mapping[str, str]:
        """SHA-256 of the names, types, shapes and values of each body's arrays, by gender."""
        return {gender: _hash(arrays) for gender, arrays in self.arrays.items()}

    @property
    def neutral(self) -> SmplBody:
        """The body of predictions."""
        return self.models[NEUTRAL]

    def of(self, gender: str) -> SmplBody:
        """The body of a gender: n, m, f or neutral, male, female.

        Raises:
            LicensedDataMissing: There is no model of this gender.
            DataError: It is no gender that the models know.
        """
        return self.models[self._key(gender)]

    def title(self, gender: str) -> str:
        """What an output says about the body it used: "free body", or e.g. "SMPL male".

        Raises:
            DataError, LicensedDataMissing: See `of`.
        """
        key = self._key(gender)
        return self.name if self.stand_in else f"{self.name} {key}"

    def _key(self, gender: str) -> str:
        name = GENDERS.get(gender, gender)
        if name not in GENDERS.values():
            raise DataError(f"body: gender {gender!r}; expected one of n, m, f")
        if self.stand_in:
            return NEUTRAL
        if name not in self.arrays:
            raise LicensedDataMissing(_missing(name))
        return name


def open_bodies(folder: Path | None) -> Bodies:
    """The SMPL models in `folder`, or the free body for everyone if it is None.

    Files are taken under the originals' names (.pkl, or .npz under the same keys): SMPL_NEUTRAL,
    basicModel_neutral_lbs_10_207_0_v1.0.0, basicmodel_neutral_lbs_10_207_0_v1.1.0 and the like for
    MALE / m and FEMALE / f. Side files lie beside them (`read_body_arrays`).

    Raises:
        LicensedDataMissing: There is no neutral model.
        DataError: A file cannot be used, or is not the same mesh as the neutral one.
    """
    if folder is None:
        return Bodies(FREE_BODY, True, {NEUTRAL: _stored(load_body_arrays())})
    paths = {gender: path for gender in GENDERS.values() if (path := _model(folder, gender))}
    if NEUTRAL not in paths:
        raise LicensedDataMissing(f"{folder}: {_missing(NEUTRAL)}")
    arrays = {gender: _stored(read_body_arrays(path)) for gender, path in paths.items()}
    vertices, faces = (arrays[NEUTRAL][key] for key in ("v_template", "f"))
    for gender, path in paths.items():
        found, count = len(arrays[gender]["v_template"]), len(vertices)
        if found != count:
            raise DataError(
                f"{path}: v_template: {found} vertices; expected {count} as {paths[NEUTRAL].name}"
            )
        if not np.array_equal(arrays[gender]["f"], faces):
            raise DataError(f"{path}: f: expected the triangles of {paths[NEUTRAL].name}")
    name = "SMPL" if len(vertices) == SMPL_VERTICES else f"body of {len(vertices)} vertices"
    return Bodies(name, False, arrays)


def write_bodies(folder: Path, bodies: Bodies) -> None:
    """Write plain arrays, one `<gender>.npz` each, and `body.json`, which says what they are."""
    with atomic_directory(folder) as filling:
        for gender, arrays in bodies.arrays.items():
            np.savez(filling / f"{gender}.npz", allow_pickle=False, **arrays)
        record = {"name": bodies.name, "sha256": dict(bodies.hashes), "stand_in": bodies.stand_in}
        write_json(filling / RECORD, record)


def read_bodies(folder: Path) -> Bodies:
    """Read what `write_bodies` wrote.

    Raises:
        DataError: A file is missing, damaged, or not the one that `body.json` was written with.
    """
    record = read_json(folder / RECORD)
    try:
        name, stand_in = str(record["name"]), bool(record["stand_in"])
        stated = {str(gender): str(value) for gender, value in record["sha256"].items()}
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(f"{folder / RECORD}: expected name, sha256 and stand_in") from error
    if NEUTRAL not in stated or not set(stated) <= set(GENDERS.values()):
        raise DataError(f"{folder / RECORD}: sha256: {sorted(stated)}; expected neutral and others")
    arrays = {gender: read_body_arrays(folder / f"{gender}.npz") for gender in stated}
    bodies = Bodies(name, stand_in, arrays)
    for gender, value in stated.items():
        if bodies.hashes[gender] != value:
            raise DataError(
                f"{folder / gender}.npz: not the content that {RECORD} was written with"
            )
    return bodies


def _model(folder: Path, gender: str) -> Path | None:
    """The first file of a gender by preference; some releases capitalise their names."""
    letter = NEUTRAL if gender == NEUTRAL else gender[0]
    stems = (f"smpl_{gender}", *(f"basicmodel_{letter}_lbs_10_207_0_v1.{n}.0" for n in (0, 1)))
    files = {path.name.lower(): path for path in sorted(folder.glob("*"))}
    names = [f"{stem}{suffix}" for stem in stems for suffix in (".npz", ".pkl")]
    return next((files[name] for name in names if name in files), None)


def _stored(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        key: array.astype(np.float32) if key in SINGLE else array for key, array in arrays.items()
    }


def _hash(arrays: Mapping[str, np.ndarray]) -> str:
    total = hashlib.sha256()
    for key in sorted(arrays):
        array = np.ascontiguousarray(arrays[key])
        total.update(f"{key} {array.dtype.str} {array.shape}\n".encode())
        total.update(array.tobytes())
    return total.hexdigest()


def _missing(gender: str) -> str:
    return (
        f"no {gender} SMPL model; {GRANTS['smpl'].sentence}; put the file there as "
        f"SMPL_{gender.upper()}.pkl"
    )
