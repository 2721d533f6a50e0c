"""Score what any mesh regressor must beat: the mean pose and shape of the training people.

    python -m stages.mesh_baseline

Reads data/plan/meshes/pare.json (which bodies the truth wears), data/bodies/ and
data/images/threedpw/. Writes results/meshes/mean_parameters/scores.json, scored by the code that
scores regressors. Where the data is missing it says so.
"""

import numpy as np
from numpy.typing import NDArray

from gsam.body.mean_params import read_mean_params
from gsam.errors import ConfigError, LicensedDataMissing
from gsam.meshes.baseline import mean_body
from gsam.meshes.inference import Regressed
from gsam.storage import write_json
from stages.common import planned, run_stage
from stages.mesh_scores import SPLITS, Labelled
from stages.paths import BODIES, MESHES

PLANNED = "meshes/pare"
"""The truth is the same for all regressors; any of their plans says it."""
NAME = "mean_parameters"


def main(arguments: list[str]) -> str:
    """Score the mean parameters; returns the summary line."""
    if arguments:
        raise ConfigError(f"expected no argument; got {arguments}")
    run = planned(PLANNED)
    path = MESHES / NAME / "scores.json"
    try:
        people = Labelled.load()
    except LicensedDataMissing as missing:
        write_json(path, {"mesh": NAME, "status": "missing", "reason": str(missing)})
        return f"not scored: {missing}"
    mean = read_mean_params(BODIES / "mean_params.npz")
    body = mean_body(mean, people.bodies.neutral.to(people.device))

    def answer(numbers: NDArray[np.int64]) -> Regressed:
        return body.repeated(len(numbers))

    scores = people.score(dict.fromkeys(SPLITS, answer), run["truth"], NAME)
    seed = {"status": "ok", "diverged_epoch": None, **scores}
    content = {"mesh": NAME, **people.conditions(run), "status": "ok", "seeds": {"0": seed}}
    write_json(path, content)
    figures = scores["figures"]
    errors = f"MPJPE {figures['test_mpjpe_mm']:.1f} mm  PVE {figures['test_pve_mm']:.1f} mm"
    return f"{content['dataset']}  {errors}"


if __name__ == "__main__":
    run_stage(main)
