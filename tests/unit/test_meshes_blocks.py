"""Parts of PARE's head against the equations written out: the variants without a public fixture."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional

from gsam.body.mean_params import MeanParams
from gsam.body.rotations import rot6d_to_matrix
from gsam.meshes.branches import attend, read_at, softargmax
from gsam.meshes.coattention import CoAttention
from gsam.meshes.config import MeshConfig
from gsam.meshes.iterative import NEIGHBOURS
from gsam.meshes.non_local import NonLocal
from gsam.meshes.pare_head import PareHead
from gsam.meshes.regressors import LocallyConnected, linear_layers, part_layers

FEATURES, FILTERS, SHARED = 6, 8, 4


def filled(module: nn.Module, seed: int = 0) -> nn.Module:
    """Double precision, every weight away from what it starts at, running statistics included."""
    generator = torch.Generator().manual_seed(seed)
    module.double().eval()
    with torch.no_grad():
        for key, value in module.state_dict().items():
            if value.is_floating_point() and value.ndim:
                fresh = torch.randn(value.shape, generator=generator, dtype=value.dtype) * 0.4
                value.copy_(fresh.abs() + 0.5 if key.endswith("running_var") else fresh)
    return module


def drawn(*shape: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def head_of(**changes: Any) -> tuple[PareHead, MeanParams]:
    config = MeshConfig(deconv_filters=FILTERS, shape_features=SHARED, deconv_layers=1, **changes)
    random = np.random.default_rng(0)
    pose, shape, cam = (random.standard_normal(n).astype(np.float32) for n in (144, 10, 3))
    mean = MeanParams(pose, shape, cam)
    head = PareHead(config, FEATURES, mean)
    filled(head)
    # `filled` drew those too.
    for name, values in (("init_pose", pose), ("init_shape", shape), ("init_cam", cam)):
        head.get_buffer(name).copy_(torch.from_numpy(values)[None])
    return head, mean


def caught_inputs(head: PareHead, features: Tensor) -> tuple[Any, list[tuple[Tensor, Tensor]]]:
    """The answer, and what each call of the final regressors was given: pose and camera."""
    given: dict[str, list[Tensor]] = {"pose_mlp": [], "cam_mlp": []}
    for name, calls in given.items():
        module = head.get_submodule(name)
        module.register_forward_hook(lambda _m, args, _r, calls=calls: calls.append(args[0]))
    with torch.no_grad():
        output = head(features)
    return output, list(zip(given["pose_mlp"], given["cam_mlp"], strict=True))


@pytest.mark.parametrize("dimensions", [1, 2])
def test_non_local_block(dimensions: int) -> None:
    block = filled(NonLocal(FILTERS, dimensions))
    x = drawn(3, FILTERS, *(5, 7)[:dimensions])
    theta, phi, g = (getattr(block, name)(x).flatten(2) for name in ("theta", "phi", "g"))
    count = g.shape[-1]
    similar = torch.einsum("bcn,bcm->bnm", theta, phi) / count
    gathered = torch.einsum("bnm,bcm->bcn", similar, g)
    with torch.no_grad():
        expected = x + block.get_submodule("W")(gathered.view(3, -1, *x.shape[2:]))
        torch.testing.assert_close(block(x), expected)


@pytest.mark.parametrize("dimensions", [1, 2])
def test_non_local_block_starts_as_identity(dimensions: int) -> None:
    x = drawn(2, FILTERS, *(4, 5)[:dimensions]).float()
    torch.testing.assert_close(NonLocal(FILTERS, dimensions)(x), x, rtol=0, atol=0)


def test_coattention() -> None:
    module = filled(CoAttention(FILTERS))
    body, part = drawn(2, FILTERS, 3, 5, seed=1), drawn(2, FILTERS, 3, 5, seed=2)
    with torch.no_grad():
        refined = module(body, part)
        weights = dict(module.named_parameters())
        e, q = body.flatten(2), part.flatten(2)
        similar = (weights["linear_e.weight"] @ e).mT @ q  # positions of E by positions of Q
        query = e @ similar.softmax(dim=1)
        exemplar = q @ similar.mT.softmax(dim=1)
        for number, (found, own) in enumerate(((exemplar, body), (query, part)), start=1):
            found = found.view_as(own)
            gate = torch.sigmoid(functional.conv2d(found, weights["gate.weight"]))
            both = torch.cat((found * gate, own), dim=1)
            expected = functional.conv2d(both, weights[f"final_conv_{number}.weight"])
            torch.testing.assert_close(refined[number - 1], expected)


def test_coattention_repeats_attention_and_regression() -> None:
    """The second pass reads refined branches and starts from what the first one answered."""
    head, _ = head_of(coattention=1, mean_camshape=True)
    features = drawn(2, FEATURES, 8, 8)
    output, calls = caught_inputs(head, features)
    assert len(calls) == 2
    with torch.no_grad():
        part = head.keypoint_deconv_layers(features)
        body = head.smpl_deconv_layers(features)
        refined_body, refined_part = head.coattention(body, part)
        maps = head.keypoint_final_layer(refined_part)
        attention = maps[:, 1:].flatten(2).softmax(dim=-1)
        local = refined_body.flatten(2) @ attention.mT
        first, second = (head.cam_mlp(flat) for _, flat in calls)
        torch.testing.assert_close(output.parts, maps)
        torch.testing.assert_close(calls[1][0], local)
        torch.testing.assert_close(output.camera, head.init_cam + first + second)


@pytest.mark.parametrize("residual", [False, True])
@pytest.mark.parametrize("names", [None, ("self_pose", "feats", "cam")])
def test_iterative_regression(residual: bool, names: tuple[str, ...] | None) -> None:
    """Every round rebuilt joint by joint from the answers of the one before."""
    chosen = {"pose_inputs": names} if names else {}
    head, mean = head_of(iterative=True, residual=residual, iterations=3, **chosen)
    output, calls = caught_inputs(head, drawn(2, FEATURES, 8, 8))
    assert len(calls) == 3
    names = head.config.pose_inputs
    place = names.index("feats")
    offset = 6 if place else 0
    local = calls[0][0][:, offset : offset + FILTERS]
    flat = calls[0][1][:, : 24 * SHARED]
    pose = torch.from_numpy(mean.pose).double().view(1, 6, 24).expand(2, -1, -1)
    shape, cam = (torch.from_numpy(x).double().expand(2, -1) for x in (mean.shape, mean.cam))
    for told_pose, told_whole in calls:
        for joint, (one, other) in enumerate(NEIGHBOURS):
            pieces = {
                "feats": local[:, :, joint],
                "neighbor_pose_feats": torch.stack(
                    [local[:, c, n] for c in range(FILTERS) for n in (one, other)], dim=1
                ),
                "all_pose": pose.reshape(2, 144),
                "self_pose": pose[:, :, joint],
                "neighbor_pose": torch.stack(
                    [pose[:, c, n] for c in range(6) for n in (one, other)], dim=1
                ),
                "shape": shape,
                "cam": cam,
            }
            expected = torch.cat([pieces[name] for name in names], dim=1)
            torch.testing.assert_close(told_pose[:, :, joint], expected)
        expected = torch.cat([flat, pose.reshape(2, 144), shape, cam], dim=1)
        torch.testing.assert_close(told_whole, expected)
        with torch.no_grad():
            answers = [
                head.pose_mlp(told_pose),
                head.shape_mlp(told_whole),
                head.cam_mlp(told_whole),
            ]
        if residual:
            pose, shape, cam = pose + answers[0], shape + answers[1], cam + answers[2]
        else:
            pose, cam = answers[0], answers[2]
            shape = answers[1] + torch.from_numpy(mean.shape).double()
    torch.testing.assert_close(output.rotations, rot6d_to_matrix(pose.mT))
    torch.testing.assert_close(output.shape, shape)
    torch.testing.assert_close(output.camera, cam)


def test_the_mean_pose_is_viewed_as_six_by_joints() -> None:
    head, mean = head_of(mean_pose=True, mean_camshape=True)
    output, calls = caught_inputs(head, drawn(2, FEATURES, 8, 8))
    with torch.no_grad():
        pose = head.pose_mlp(calls[0][0]) + torch.from_numpy(mean.pose).double().view(6, 24)
        shape = head.shape_mlp(calls[0][1]) + torch.from_numpy(mean.shape).double()
    torch.testing.assert_close(output.rotations, rot6d_to_matrix(pose.mT))
    torch.testing.assert_close(output.shape, shape)


def test_final_non_local_blocks_see_the_parts_features() -> None:
    plain, _ = head_of()
    head, _ = head_of(final_non_local=True)
    shared = {k: v for k, v in plain.state_dict().items() if k in head.state_dict()}
    head.load_state_dict(head.state_dict() | shared)
    features = drawn(2, FEATURES, 8, 8)
    (_, before), (_, after) = caught_inputs(plain, features), caught_inputs(head, features)
    with torch.no_grad():
        local = head.final_pose_nonlocal(before[0][0])
        whole = head.final_shape_nonlocal(before[0][1].unflatten(1, (SHARED, 24)))
    torch.testing.assert_close(after[0][0], local)
    torch.testing.assert_close(after[0][1], whole.flatten(1))


def test_stacked_layers_have_nothing_between_them() -> None:
    layers = filled(part_layers(5, 7, 3))
    x = drawn(2, 5, 24)
    expected = x
    for layer in layers.children():
        assert isinstance(layer, LocallyConnected)
        matrices = layer.weight[0, ..., 0, 0]
        expected = torch.stack([expected[..., j] @ matrices[..., j].T for j in range(24)], dim=-1)
    torch.testing.assert_close(layers(x), expected)
    assert layers(x).shape == (2, 6, 24)
    flat = filled(linear_layers(9, 4, 3, 2))
    assert [type(layer) for layer in flat.children()] == [nn.Linear, nn.Linear]
    assert flat(drawn(2, 9)).shape == (2, 3)


@settings(max_examples=25, deadline=None)
@given(height=st.integers(2, 7), width=st.integers(2, 7), seed=st.integers(0, 1000))
def test_reading_is_bilinear(height: int, width: int, seed: int) -> None:
    features = drawn(2, 3, height, width, seed=seed)
    places = drawn(2, 24, 2, seed=seed + 1).clamp(-1, 1)
    expected = functional.grid_sample(
        features, places[:, :, None], mode="bilinear", padding_mode="zeros", align_corners=True
    )
    torch.testing.assert_close(read_at(features, places), expected[..., 0])


@settings(max_examples=25, deadline=None)
@given(row=st.integers(0, 5), column=st.integers(0, 8))
def test_the_softargmax_of_one_cell_is_its_centre(row: int, column: int) -> None:
    weights = torch.zeros(1, 1, 6, 9, dtype=torch.float64)
    weights[0, 0, row, column] = 1
    place = softargmax(weights)
    expected = torch.tensor([2 * column / 8 - 1, 2 * row / 5 - 1], dtype=torch.float64)
    torch.testing.assert_close(place[0, 0], expected)
    values = drawn(1, 2, 6, 9)
    torch.testing.assert_close(read_at(values, place)[..., 0], values[..., row, column])
    torch.testing.assert_close(attend(values, weights)[..., 0], values[..., row, column])
