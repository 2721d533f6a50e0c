"""HRNet and SimpleBaseline against the numbers of the reference implementations."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gsam.detectors import DetectorConfig, build_detector, count_parameters
from gsam.detectors.accuracy import heatmap_accuracy
from gsam.detectors.crops import crop_matrix, crop_of_box, invert, transform, warp
from gsam.detectors.decoding import best_cells, decode_heatmaps, quarter_steps
from gsam.detectors.flip import flip_average, flip_back
from gsam.detectors.losses import joints_mse
from gsam.detectors.objective import decode
from gsam.detectors.targets import gaussian_targets
from gsam.skeletons import COCO_17
from tests.oracles import recipe

MODEL = "hrnet_w32_coco_256x192"
UNIT = 200  # pixels of the reference's scale
COCO = DetectorConfig(joint_set="coco_17", sigma=2.0)

Arrays = dict[str, NDArray[Any]]
Fixture = tuple[dict[str, Any], Arrays]


@pytest.fixture(scope="module")
def load(oracles: Path) -> Callable[[str], Fixture]:
    return lambda name: recipe.load(oracles / name)


def watch(model: nn.Module) -> dict[str, Tensor]:
    """The tensors between stages that the fixture holds."""
    caught: dict[str, Tensor] = {}

    def keep(name: str) -> Callable[[nn.Module, object, Any], None]:
        def hook(_module: nn.Module, _args: object, result: Any) -> None:
            if isinstance(result, Tensor):
                caught[f"after_{name}"] = result.clone()
            else:
                caught.update({f"after_{name}_branch{i}": x.clone() for i, x in enumerate(result)})

        return hook

    model.get_submodule("layer1").register_forward_hook(keep("layer1"))
    for stage in ("stage2", "stage3", "stage4"):
        last = list(model.get_submodule(stage).children())[-1]
        last.register_forward_hook(keep(stage))
    return caught


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=["float32", "float64"])
def test_hrnet_equals_the_reference(load: Callable[[str], Fixture], dtype: torch.dtype) -> None:
    """Keys, parameter count, check sums of the weights, every stored tensor on the way."""
    fixture, arrays = load(f"models/{MODEL}")
    model = recipe.prepare(build_detector(COCO), fixture).to(dtype)
    image = recipe.model_input("image", fixture["inputs"]["image"], fixture["seed"]).to(dtype)
    caught = watch(model)
    with torch.inference_mode():
        found = {"heatmaps": model(image)[-1], **caught}
    assert set(found) == set(fixture["outputs"])
    for name in fixture["outputs"]:
        recipe.assert_output(name, found[name], fixture, arrays)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (MODEL, {}),
        ("hrnet_w32_mpii_256x256", {"joint_set": "mpii_16", "width": 256}),
        ("hrnet_w48_coco_256x192", {"channels": 48}),
        ("simplebaseline_res50_coco_256x192", {"name": "simplebaseline"}),
    ],
)
def test_parameter_counts(oracles: Path, name: str, changes: dict[str, Any]) -> None:
    expected = json.loads((oracles / "parameter_counts.json").read_text())
    config = DetectorConfig(**{"joint_set": "coco_17", **changes})
    assert count_parameters(config) == expected[name]


def test_flip_test_from_image_to_points(load: Callable[[str], Fixture]) -> None:
    fixture, arrays = load("pipelines/hrnet_flip_test")
    model = recipe.prepare(build_detector(COCO), load(f"models/{MODEL}")[0])
    image = recipe.image_blocks_plus_noise((2, 3, 256, 192), fixture["seed"])
    with torch.inference_mode():
        direct, mirrored = model(image)[-1], model(image.flip(3))[-1]
    fused = flip_average(COCO, direct, mirrored)
    plain = (direct + flip_back(mirrored, COCO_17, shift=False)) / 2
    tolerance = 2e-5 * fixture["std"]
    for maps, kind in ((fused, "shift"), (plain, "noshift")):
        sampled = maps.numpy().ravel()[:: fixture["subsample_step"]]
        np.testing.assert_allclose(sampled, arrays[f"fused_{kind}"], rtol=0, atol=tolerance)
    stable = arrays["stable"]
    assert stable.sum() == fixture["n_joints_stable"]
    for maps, key in ((fused, "final_preds"), (plain, "final_preds_noshift")):
        points, scores = decode(COCO, maps)
        image_points = to_image(points, arrays["center"], arrays["scale"])
        np.testing.assert_allclose(image_points[stable], arrays[key][stable], rtol=0, atol=0.01)
        if key == "final_preds":
            np.testing.assert_allclose(scores, arrays["maxvals"][..., 0], rtol=0, atol=tolerance)


def to_image(points: Tensor, centre: NDArray[Any], scale: NDArray[Any]) -> NDArray[np.float64]:
    """Input pixels back in the image, as a detector's user does it."""
    matrices = crop_matrix(centre, scale[:, 0] * UNIT, 0.0, 256, 192)
    return transform(invert(matrices), points.double().numpy())


def test_decoding(load: Callable[[str], Fixture]) -> None:
    _, arrays = load("hrnet/decode")
    heatmaps = torch.from_numpy(arrays["heatmaps"])
    cells, scores = best_cells(heatmaps)
    np.testing.assert_array_equal(cells, arrays["max_preds"])
    np.testing.assert_array_equal(scores, arrays["maxvals"][..., 0])
    # The reference takes the first cell for a map without a positive value, and no step from it.
    steps = quarter_steps(heatmaps, cells)
    np.testing.assert_array_equal(cells + steps, arrays["quarter_offset_heatmap_space"])
    for offset, key in ((True, "final_preds_post"), (False, "final_preds_nopost")):
        points, _ = decode_heatmaps(COCO, heatmaps, offset)
        found = to_image(points, arrays["center"], arrays["scale"])
        np.testing.assert_allclose(found, arrays[key], rtol=0, atol=1e-3)


def test_flip_test(load: Callable[[str], Fixture]) -> None:
    _, arrays = load("hrnet/decode")
    direct = torch.from_numpy(arrays["heatmaps"])
    mirrored = torch.from_numpy(arrays["heatmaps_of_flipped_input"])
    back = flip_back(mirrored, COCO_17, shift=False)
    np.testing.assert_array_equal(back[0], arrays["flip_back_sample"])
    shifted = flip_average(COCO, direct, mirrored)
    np.testing.assert_allclose(shifted[0], arrays["fused_shift_sample"], rtol=0, atol=1e-7)
    for maps, kind in ((shifted, "shift"), ((direct + back) / 2, "noshift")):
        points, scores = decode(COCO, maps)
        found = to_image(points, arrays["center"], arrays["scale"])
        expected = arrays[f"final_preds_fliptest_{kind}"]
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)
        if kind == "shift":
            np.testing.assert_allclose(
                scores, arrays["maxvals_fliptest_shift"][..., 0], rtol=0, atol=1e-7
            )


@pytest.mark.parametrize("double", [False, True], ids=["float32", "float64"])
def test_targets(load: Callable[[str], Fixture], double: bool) -> None:
    fixture, arrays = load("hrnet/target")
    dtype = torch.float64 if double else torch.float32
    weights = (None, tuple(fixture["joints_weight"]))
    for setup in fixture["configs"]:
        name, (width, height) = setup["name"], setup["image_wh"]
        for number, joint_weights in enumerate(weights):
            config = DetectorConfig(
                joint_set="coco_17",
                height=height,
                width=width,
                sigma=setup["sigma"],
                joint_weights=joint_weights or (),
            )
            points = torch.from_numpy(arrays[f"{name}/joints"][None, :, :2]).to(dtype)
            visible = torch.from_numpy(arrays[f"{name}/joints_vis"][None, :, 0]).to(dtype)
            maps, weight = gaussian_targets(config, points, visible)
            np.testing.assert_allclose(maps[0], arrays[f"{name}/target"], rtol=0, atol=1e-6)
            expected = arrays[f"{name}/target_weight_diffw{number}"][:, 0]
            np.testing.assert_allclose(weight[0], expected, rtol=0, atol=1e-6)


def test_losses(load: Callable[[str], Fixture]) -> None:
    fixture, arrays = load("hrnet/losses_accuracy")
    target, weight = (torch.from_numpy(arrays[key]) for key in ("target", "target_weight"))
    results = fixture["results"]
    for use, weights in ((1, weight[..., 0]), (0, torch.ones_like(weight[..., 0]))):
        output = torch.from_numpy(arrays["output"]).requires_grad_()
        loss = joints_mse(output, target, weights).mean()
        assert float(loss.detach()) == pytest.approx(results[f"joints_mse_weight{use}"], rel=1e-6)
        loss.backward()
        assert output.grad is not None
        expected = arrays[f"grad_joints_mse_weight{use}"]
        np.testing.assert_allclose(output.grad[:, :, ::3, ::3], expected, rtol=1e-5, atol=1e-9)
    output = torch.from_numpy(arrays["output"])
    for count in (4, 8):
        loss = joints_mse(output, target, weight[..., 0], count).mean()
        assert float(loss) == pytest.approx(results[f"ohkm_top{count}"], rel=1e-6)


def test_accuracy(load: Callable[[str], Fixture]) -> None:
    fixture, arrays = load("hrnet/losses_accuracy")
    maps, target = (torch.from_numpy(arrays[f"acc_{key}"]) for key in ("output", "target"))
    np.testing.assert_array_equal(best_cells(maps)[0], arrays["acc_pred"])
    found = heatmap_accuracy(maps, target).numpy()
    expected = np.where(arrays["acc_vector"][1:] < 0, np.nan, arrays["acc_vector"][1:])
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert np.isfinite(found).sum() == fixture["results"]["accuracy_cnt"]
    assert np.nanmean(found) == pytest.approx(fixture["results"]["accuracy_avg"], rel=1e-6)


def test_crop_matrices(load: Callable[[str], Fixture]) -> None:
    _, arrays = load("hrnet/affine")
    for number, (width, height) in enumerate(arrays["output_size_wh"]):
        size = arrays["scale"][number].astype(np.float64) * UNIT
        centre = arrays["center"][number] + arrays["shift"][number] * size
        matrix = crop_matrix(centre, size[0], arrays["rotation_deg"][number], height, width)
        np.testing.assert_allclose(matrix, arrays["matrix"][number], rtol=1e-4, atol=2e-4)
        back = invert(matrix)
        np.testing.assert_allclose(back, arrays["matrix_inv"][number], rtol=1e-4, atol=1e-3)
        mapped = transform(matrix, arrays["points"][number])
        np.testing.assert_allclose(mapped, arrays["points_mapped"][number], rtol=1e-4, atol=1e-3)


def test_crops_of_boxes(load: Callable[[str], Fixture]) -> None:
    _, arrays = load("hrnet/affine")
    centre, size = crop_of_box(arrays["boxes_xywh"], 256, 192)
    np.testing.assert_allclose(centre, arrays["box_center"], rtol=1e-6)
    np.testing.assert_allclose(size / UNIT, arrays["box_scale"], rtol=1e-6)


def test_warp(load: Callable[[str], Fixture]) -> None:
    fixture, arrays = load("hrnet/affine")
    setup = fixture["warp"]
    width, height = setup["size_wh"]
    for rotation, key in ((setup["rot"], "warp_out"), (0, "crop_out_rot0")):
        across = setup["scale"][0] * UNIT
        matrix = crop_matrix(setup["center"], across, rotation, height, width)
        found = warp(arrays["warp_src"], matrix, height, width)
        assert np.abs(found.astype(int) - arrays[key]).max() <= 1
        if rotation:
            np.testing.assert_allclose(matrix, arrays["warp_matrix"], rtol=1e-4, atol=1e-4)
