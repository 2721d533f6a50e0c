"""Skinning with its own derivative against the plain sum and numerical derivatives."""

import hypothesis.strategies as st
import torch
from hypothesis import given, settings

from gsam.body.files import load_body
from gsam.body.joints import BodyJoints
from gsam.body.skinning import blend_skin


def drawn(seed: int, batch: int, vertices: int, joints: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    draw = {"generator": generator, "dtype": torch.float64}
    weights = torch.rand(vertices, joints, **draw)
    weights = weights / weights.sum(dim=1, keepdim=True)
    shapes = (batch, joints, 3, 4), (batch, vertices, 3)
    return [weights, *(torch.randn(shape, **draw).requires_grad_() for shape in shapes)]


def plainly(weights: torch.Tensor, transforms: torch.Tensor, points: torch.Tensor) -> torch.Tensor:
    blended = torch.einsum("vj,bjik->bvik", weights, transforms)
    return (blended[..., :3] @ points[..., None])[..., 0] + blended[..., 3]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 4), st.integers(1, 9), st.integers(1, 5))
def test_values_and_derivatives_are_those_of_the_sum(seed, batch, vertices, joints):
    tensors = drawn(seed, batch, vertices, joints)
    found, expected = blend_skin(*tensors), plainly(*tensors)
    torch.testing.assert_close(found, expected)
    upstream = torch.cos(torch.arange(expected.numel(), dtype=torch.float64)).view_as(expected)
    for one, other in zip(
        torch.autograd.grad(found, tensors[1:], upstream),
        torch.autograd.grad(expected, tensors[1:], upstream),
        strict=True,
    ):
        torch.testing.assert_close(one, other)


def test_numerical_derivatives():
    weights, transforms, points = drawn(1, 2, 5, 3)
    assert torch.autograd.gradcheck(lambda t, p: blend_skin(weights, t, p), (transforms, points))


def test_derivatives_of_the_whole_body():
    body, _ = BodyJoints.of(load_body()).compact()
    body = body.subset(torch.arange(0, 60, 20)).double()
    generator = torch.Generator().manual_seed(3)
    betas = torch.randn(2, 10, generator=generator, dtype=torch.float64, requires_grad=True)
    pose = torch.randn(2, 24, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda b, p: tuple(body(b, p)), (betas, pose))


def test_nothing_is_kept_for_derivatives_that_nobody_asks_for():
    weights, transforms, points = drawn(1, 2, 5, 3)
    assert blend_skin(weights, transforms.detach(), points.detach()).grad_fn is None
