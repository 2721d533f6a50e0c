import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gsam.clips import ClipSet
from gsam.errors import ConfigError, DataError
from gsam.evaluation import evaluate, lifting, protocol_of, summary
from gsam.lifters import LifterConfig, build_lifter
from gsam.skeletons import H36M_17, mirror
from gsam.weights import load_lifter, save_network
from tests.synthetic_clips import training_clips

TINY = LifterConfig(frames=9, width=8, depth=1, heads=2, head="sequence", dropout=0.3)


@pytest.fixture
def clips(tmp_path) -> ClipSet:
    return training_clips(tmp_path / "clips")


def test_every_frame_of_every_clip_is_scored(clips: ClipSet) -> None:
    truth = {len(clips.keypoints[clips.frames_of(i)]): i for i in range(len(clips))}
    assert set(truth) == {23, 40}

    def off_by(keypoints: torch.Tensor) -> torch.Tensor:
        clip = next(
            i
            for i in range(len(clips))
            if torch.equal(clips.keypoints[clips.frames_of(i)], keypoints)
        )
        # Walking is 3 cm off, Eating 1 cm.
        shift = 0.03 if clips.info[clip].action == "Walking" else 0.01
        return clips.targets[clips.frames_of(clip)] + torch.tensor([0.0, shift, 0.0])

    scores = evaluate(off_by, clips)
    assert sum(score.frames for score in scores) == clips.num_frames
    result = summary(scores)
    assert result["per_action"]["Walking"]["mpjpe_mm"] == pytest.approx(30.0, abs=1e-3)
    assert result["action_mean"]["mpjpe_mm"] == pytest.approx(20.0, abs=1e-3)
    assert result["frame_mean"]["mpjpe_mm"] == pytest.approx((40 * 30 + 23 * 10) / 63, abs=1e-3)
    assert result["frame_mean"]["mpjve_mm"] == pytest.approx(0.0, abs=1e-3)
    assert summary(scores[::-1]) == result


def test_frames_that_are_not_valid_are_lifted_but_not_scored(clips: ClipSet) -> None:
    valid = clips.valid.clone()
    valid[:10] = False
    masked = replace(clips, valid=valid)
    seen: list[int] = []

    def lift(keypoints: torch.Tensor) -> torch.Tensor:
        seen.append(len(keypoints))
        return torch.zeros(len(keypoints), 17, 3)

    assert [score.frames for score in evaluate(lift, masked)] == [13, 23, 40, 40]
    assert seen == [23, 23, 40, 40]
    assert "valid" in protocol_of(masked, "gt", flip_test=True).frames
    with pytest.raises(DataError, match="no valid frame"):
        evaluate(lift, replace(clips, valid=torch.zeros_like(valid)))


def test_velocity_does_not_span_frames_that_are_not_valid(clips: ClipSet) -> None:
    valid = clips.valid.clone()
    own = clips.frames_of(0)
    valid[own][5:9] = False

    def lift(keypoints: torch.Tensor) -> torch.Tensor:
        jump = torch.arange(len(keypoints))[:, None, None] >= 7
        return clips.targets[own] + 0.1 * jump  # only where nothing is scored

    score = evaluate(lift, replace(clips, valid=valid), [0])[0]
    assert score.values["mpjve_mm"] == pytest.approx(0.0, abs=1e-3)
    assert evaluate(lift, clips, [0])[0].values["mpjve_mm"] > 1.0


def test_mpi_inf_3dhp_is_scored_by_its_own_rules(clips: ClipSet) -> None:
    def shifted(keypoints: torch.Tensor) -> torch.Tensor:
        clip = next(
            i
            for i in range(len(clips))
            if torch.equal(clips.keypoints[clips.frames_of(i)], keypoints)
        )
        answer = clips.targets[clips.frames_of(clip)] + 0.5  # the root is off as well
        answer[:, H36M_17.index("left_knee")] += torch.tensor([0.2, 0.0, 0.0])
        return answer

    renamed = tuple(replace(info, dataset="mpi_inf_3dhp_twin") for info in clips.info)
    theirs = summary(evaluate(shifted, replace(clips, info=renamed)))["frame_mean"]
    assert theirs["mpjpe_mm"] == pytest.approx(200 / 17, abs=1e-3)
    assert theirs["pck150"] == pytest.approx(100 * 13 / 14, abs=1e-3)
    assert theirs["pck150_all17"] == pytest.approx(100 * 16 / 17, abs=1e-3)
    assert theirs["auc_all17"] == pytest.approx(100 * 30 / 31 * 16 / 17, abs=1e-3)
    ours = summary(evaluate(shifted, clips))["frame_mean"]
    assert ours["mpjpe_mm"] > 800 and "pck150_all17" not in ours
    protocol = protocol_of(replace(clips, info=renamed), "threedhp_gt", flip_test=True)
    assert protocol.averaging == "frame_mean"
    assert "own root subtracted" in protocol.alignment and "univ_annot3" in protocol.joint_set
    assert protocol.dropped == ()


def test_the_flip_test_averages_both_answers(clips: ClipSet) -> None:
    torch.manual_seed(0)
    model = build_lifter(TINY).eval()
    points = clips.keypoints[:23]
    plain = lifting(model, flip_test=False)
    both = (plain(points) + mirror(plain(mirror(points, H36M_17)), H36M_17)) / 2
    flipped = lifting(model.train(), flip_test=True)(points)  # dropout must be off all the same
    torch.testing.assert_close(flipped, both)


def test_datasets_are_not_mixed(clips: ClipSet) -> None:
    other = (replace(clips.info[0], dataset="another"), *clips.info[1:])
    with pytest.raises(DataError, match=r"\['another', 'synthetic'\], expected one"):
        protocol_of(replace(clips, info=other), "gt", flip_test=True)


def test_predictions_that_are_not_finite_are_refused(clips: ClipSet) -> None:
    with pytest.raises(DataError, match="finite"):
        evaluate(lambda x: torch.full((len(x), 17, 3), float("nan")), clips)


def test_weights_come_back_with_their_configuration(tmp_path) -> None:
    model = build_lifter(TINY).eval()
    path, twin = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    for target in (path, twin):
        save_network(target, model.state_dict(), TINY, {"run": "r", "seed": 3, "status": "ok"})
    assert path.read_bytes() == twin.read_bytes()
    loaded, notes = load_lifter(path)
    assert (notes["run"], notes["seed"]) == ("r", 3) and not loaded.training
    x = torch.randn(2, 9, 17, 2)
    np.testing.assert_array_equal(model(x).detach().numpy(), loaded(x).detach().numpy())


def test_weights_that_do_not_fit_are_refused(tmp_path) -> None:
    model = build_lifter(TINY)
    path = tmp_path / "a.safetensors"
    with pytest.raises(DataError, match="no such file"):
        load_lifter(path)
    path.write_bytes(b"nonsense")
    with pytest.raises(DataError, match="not a readable safetensors file"):
        load_lifter(path)
    save_file(model.state_dict(), path)
    with pytest.raises(DataError, match="metadata 'gsam' is missing"):
        load_lifter(path)
    save_network(path, model.state_dict(), replace(TINY, width=16), {})
    with pytest.raises(DataError, match="weights do not fit"):
        load_lifter(path)
    notes = json.dumps({"lifter": {"name": "nobody"}})
    save_file(model.state_dict(), path, {"gsam": notes})
    with pytest.raises(ConfigError, match="nobody"):
        load_lifter(path)
    broken = {name: value * float("nan") for name, value in model.state_dict().items()}
    with pytest.raises(DataError, match="is not finite"):
        save_network(path, broken, TINY, {})
