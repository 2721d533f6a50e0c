"""PARE and HMR against the numbers of the reference implementation, body model included."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gsam.body.files import SMPL_PICKED
from gsam.body.joints import BodyJoints
from gsam.body.mean_params import MeanParams
from gsam.body.smpl import SmplBody
from gsam.meshes import MeshConfig, MeshOutput, build_mesh, count_parameters
from gsam.meshes.build import MeshModel
from gsam.meshes.iterative import NEIGHBOURS
from gsam.weak_perspective import project_perspective, weak_to_translation
from tests.oracles import recipe

RESNET = {"backbone": "resnet", "deconv_layers": 3, "deconv_filters": 256}
CONFIGS: dict[str, dict[str, Any]] = {
    "pare_hrnet_w32_conv_partsegm": {},
    "pare_hrnet_w32_interp_attention": {"backbone": "hrnet_interp", "heatmaps": "attention"},
    "pare_resnet50_defaults_softargmax": {**RESNET, "heatmaps": "softargmax"},
    "pare_resnet50_partsegm_deconv3x256": RESNET,
    "hmr_resnet50": {"name": "hmr", "backbone": "resnet"},
}
# Variants of which only the number of parameters is public.
COUNTED: dict[str, dict[str, Any]] = {
    "pare_hrnet_w32_interp_coattention": {
        "backbone": "hrnet_interp",
        "coattention": 1,
        "branch_non_local": True,
        "final_non_local": True,
    },
    "pare_resnet50_iterative": {**RESNET, "iterative": True},
    "pare_resnet50_partsegm_deconv3x128_feat32_mlp2": {
        **RESNET,
        "deconv_filters": 128,
        "shape_features": 32,
        "pose_layers": 2,
        "pose_hidden": 64,
        "shape_layers": 2,
        "shape_hidden": 96,
    },
    "pare_resnet50_partsegm_meancamshape_upsample": {
        **RESNET,
        "deconv_kernel": 3,
        "mean_camshape": True,
        "upsample": True,
    },
}
SMPL_DEFAULTS = 82  # parameters of the reference's body model that its counts include
FOCAL, HALF_SIDE = 5000.0, 112.0
# Outputs that are not the network's answer but values inside it, by the module that makes them.
MODULES = (
    "keypoint_deconv_layers",
    "keypoint_final_layer",
    "smpl_deconv_layers",
    "smpl_final_layer",
    "pose_mlp",
    "cam_mlp",
    "shape_mlp",
)

Fixture = dict[str, Any]
Arrays = dict[str, NDArray[Any]]


def make(name: str, oracles: Path) -> tuple[MeshModel, Fixture, Arrays]:
    """The model with the fixture's weights: keys, shapes, counts and check sums compared."""
    fixture, arrays = recipe.load(oracles / "models" / name)
    mean = MeanParams(*(arrays[f"smpl_mean_params/{key}"] for key in ("pose", "shape", "cam")))
    model = build_mesh(MeshConfig(**CONFIGS[name]), mean)
    network = {
        **fixture,
        "state_dict": [row for row in fixture["state_dict"] if not row[0].startswith("smpl.")],
        "parameter_count": fixture["parameter_count"] - SMPL_DEFAULTS,
    }
    recipe.prepare(model, network)
    return model, fixture, arrays


def watch(model: MeshModel) -> dict[str, Tensor]:
    """What the modules inside the network answer, under the fixture's names."""
    caught: dict[str, Tensor] = {}

    def keep(name: str) -> Any:
        def hook(_module: nn.Module, args: tuple[Tensor, ...], result: Any) -> None:
            caught[name] = result[-1] if isinstance(result, tuple) else result
            caught[f"{name} input"] = args[0]

        return hook

    model.backbone.register_forward_hook(keep("mid_backbone_features"))
    for name, module in model.head.named_children():
        if name in MODULES:
            module.register_forward_hook(keep(f"mid_head.{name}"))
    return caught


def network_outputs(output: MeshOutput, caught: dict[str, Tensor]) -> Iterator[tuple[str, Tensor]]:
    yield "pred_pose", output.rotations
    yield "pred_cam", output.camera
    yield "pred_shape", output.shape
    if output.parts is None or output.attention is None:
        yield "mid_backbone_features", caught["mid_backbone_features"]
        return
    yield "pred_segm_mask", output.parts
    yield "pred_attention", output.parts
    yield "pred_heatmaps_2d", output.parts
    yield "mid_attention_normalised", output.attention.flatten(2)
    if output.keypoints is not None:
        yield "pred_kp2d", output.keypoints
    for name, value in caught.items():
        yield name, value[..., None] if name == "mid_head.pose_mlp" else value
    local, flat = caught["mid_head.pose_mlp input"], caught["mid_head.cam_mlp input"]
    shared = flat.unflatten(1, (-1, 24))
    for features in (local, shared):
        yield f"mid_attended_{features.shape[1]}", features


def synthetic_body(seed: int) -> BodyJoints:
    """The body of the recipe: 6,890 vertices drawn from the seed."""
    vertices, joints = 6890, 24

    def drawn(key: str, *shape: int) -> NDArray[np.float64]:
        return recipe.generator(f"smpl:{key}", seed).standard_normal(shape)

    def rows(key: str, spread: float, *shape: int) -> NDArray[np.float64]:
        values = np.exp(spread * drawn(key, *shape))
        return values / values.sum(axis=1, keepdims=True)

    parents = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21]
    floats = {
        "v_template": drawn("v_template", vertices, 3) * [0.3, 0.6, 0.15],
        "shapedirs": 0.03 * drawn("shapedirs", vertices, 3, 10),
        "posedirs": 0.01 * drawn("posedirs", vertices, 3, 207),
        "J_regressor": rows("J_regressor", 1.5, joints, vertices),
        "J_regressor_extra": rows("J_regressor_extra", 1.5, 9, vertices),
        "weights": rows("weights", 2.0, vertices, joints),
    }
    arrays = {key: values.astype(np.float32) for key, values in floats.items()}
    arrays["f"] = np.zeros((0, 3), dtype=np.int64)
    arrays["kintree_table"] = np.array([parents, range(joints)])
    arrays["extra_vertices"] = np.array(SMPL_PICKED)
    return BodyJoints.of(SmplBody.from_arrays(arrays))


def body_outputs(output: MeshOutput, joints: BodyJoints) -> Iterator[tuple[str, Tensor]]:
    """From the network's answer to the image: mesh, joints, camera, projection."""
    posed = joints.body(output.shape, output.rotations)
    points = joints.joints49(posed)
    translation = weak_to_translation(output.camera)
    yield "smpl_vertices", posed.vertices
    yield "smpl_joints3d", points
    yield "pred_cam_t", translation
    yield "smpl_joints2d", project_perspective(points, translation, FOCAL) / HALF_SIDE


@pytest.mark.parametrize(
    "dtype",
    [
        pytest.param(torch.float32, id="float32"),
        pytest.param(torch.float64, id="float64", marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("name", CONFIGS)
def test_every_stored_number(oracles: Path, name: str, dtype: torch.dtype) -> None:
    model, fixture, arrays = make(name, oracles)
    caught = watch(model.to(dtype))
    image = recipe.model_input("image", fixture["inputs"]["image"], fixture["seed"]).to(dtype)
    joints = synthetic_body(fixture["config"]["synthetic_smpl_body_seed"]).to(dtype)
    with torch.inference_mode():
        output = model(image)
        found = dict([*network_outputs(output, caught), *body_outputs(output, joints)])
    if name.startswith("hmr"):
        found["pred_pose_6d"] = hmr_pose(model, image)
    assert not set(fixture["outputs"]) - set(found)
    for key in fixture["outputs"]:
        recipe.assert_output(key, found[key], fixture, arrays)


def hmr_pose(model: MeshModel, image: Tensor) -> Tensor:
    """The six numbers per joint behind HMR's rotations: the mean's and those of every round."""
    rounds: list[Tensor] = []
    decpose = model.head.get_submodule("decpose")
    decpose.register_forward_hook(lambda _module, _args, result: rounds.append(result))
    with torch.inference_mode():
        model(image)
    return model.head.get_buffer("init_pose") + sum(rounds)


@pytest.mark.parametrize("name", [*CONFIGS, *COUNTED])
def test_parameter_counts(oracles: Path, name: str) -> None:
    listed = json.loads((oracles / "parameter_counts.json").read_text())
    config = MeshConfig(**{**CONFIGS, **COUNTED}[name])
    expected = listed[f"{name} (incl. {SMPL_DEFAULTS} SMPL default parameters)"]
    assert count_parameters(config) == expected - SMPL_DEFAULTS


def test_neighbours_of_the_iterative_regression(oracles: Path) -> None:
    """The table of the specification: joint:first,second."""
    text = (oracles / "SEMANTICS.md").read_text()
    (line,) = [line for line in text.splitlines() if "neighbour triples = SMPL table" in line]
    listed = re.findall(r"(\d+):(\d+),(\d+)", line.split("neighbour triples")[1])
    found = {int(joint): (int(one), int(other)) for joint, one, other in listed}
    assert [found[joint] for joint in range(24)] == list(NEIGHBOURS)
