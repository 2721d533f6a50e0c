"""The fast forms of attention and convolution against the plain definitions."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from gsam.lifters.blocks import StochasticDepth, attend
from gsam.lifters.dropout import Dropout
from gsam.lifters.group_attention import GroupAttention
from gsam.lifters.videopose3d import VideoPose3D


@pytest.mark.parametrize(("length", "size"), [(17, 4), (27, 68), (5, 16), (1, 3), (81, 15)])
def test_attention_is_its_definition(length: int, size: int) -> None:
    query, key, value = torch.randn(3, 2, 4, length, size, dtype=torch.float64).unbind(0)
    for tensor in (query, key, value):
        tensor.requires_grad_()
    expected = functional.scaled_dot_product_attention(query, key, value, scale=0.3)
    found = attend(query, key, value, 0.3)
    torch.testing.assert_close(found, expected)
    upstream = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, (query, key, value), upstream),
        torch.autograd.grad(expected, (query, key, value), upstream),
    )


@pytest.mark.parametrize("length", [17, 3, 1])
def test_attention_stays_finite_for_large_scores(length: int) -> None:
    query = torch.full((1, 1, length, 4), 1e4)
    assert torch.isfinite(attend(query, query, query, 1.0)).all()


@pytest.mark.parametrize("groups", [12, 4, 1])
@pytest.mark.parametrize(("kernel", "length"), [(5, 17), (3, 27), (5, 3), (3, 1)])
def test_group_attention_is_equation_3(kernel: int, length: int, groups: int) -> None:
    module = GroupAttention(12, kernel=kernel, conv_groups=groups, norm_groups=3).double()
    for parameter in module.parameters():
        nn.init.normal_(parameter)
    tokens = torch.randn(4, length, 12, dtype=torch.float64)
    rows = tokens.transpose(1, 2)
    for name in ("conv1", "conv2"):
        conv = getattr(module, name)
        rows = functional.conv1d(
            rows, conv.weight, conv.bias, padding=kernel // 2, groups=conv.groups
        )
        if name == "conv1":
            rows = functional.group_norm(
                functional.gelu(rows), 3, module.norm.weight, module.norm.bias
            )
    torch.testing.assert_close(module(tokens), tokens + rows.transpose(1, 2))


def test_stochastic_depth_keeps_the_mean_and_drops_whole_samples() -> None:
    torch.manual_seed(0)
    branch = torch.ones(4000, 2, 3)
    dropped = StochasticDepth(0.25).train()(branch)
    flat = dropped.flatten(1)
    assert ((flat == 0).all(1) | torch.isclose(flat, torch.tensor(4 / 3)).all(1)).all()
    assert dropped.mean().item() == pytest.approx(1.0, abs=0.05)


def plain_videopose3d(model: VideoPose3D, clip: torch.Tensor) -> torch.Tensor:
    """The published forward pass with dilated 1-d convolutions, evaluation mode."""
    rows = clip.flatten(2).transpose(1, 2)

    def activate(values: torch.Tensor, norm: nn.BatchNorm1d) -> torch.Tensor:
        return functional.relu(norm(values))

    rows = activate(functional.conv1d(rows, model.expand_conv.weight), model.expand_bn)
    step = model.filter_widths[0]
    for index, width in enumerate(model.filter_widths[1:]):
        pad = (width - 1) * step // 2
        shift = width // 2 * step if model.causal else 0
        kept = rows[:, :, pad + shift : rows.shape[2] - pad + shift]
        dilation = 1 if model.dense else step
        first, second = model.layers_conv[2 * index], model.layers_conv[2 * index + 1]
        inner = functional.conv1d(rows, first.weight, dilation=dilation)
        inner = activate(inner, model.layers_bn[2 * index])
        inner = activate(functional.conv1d(inner, second.weight), model.layers_bn[2 * index + 1])
        rows, step = kept + inner, step * width
    rows = functional.conv1d(rows, model.shrink.weight, model.shrink.bias)
    return rows.transpose(1, 2).unflatten(-1, (-1, 3))


@pytest.mark.parametrize("widths", [(3, 3, 3), (3, 5), (5, 3, 1), (7,)])
@pytest.mark.parametrize(("causal", "dense"), [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("extra", [0, 1, 6])
def test_videopose3d_is_its_published_form(
    widths: tuple[int, ...], causal: bool, dense: bool, extra: int
) -> None:
    model = VideoPose3D(
        filter_widths=widths, channels=6, joints=5, joints_out=4, causal=causal, dense=dense
    )
    model = model.double().eval()
    product = 1
    for width in widths:
        product *= width
    assert model.receptive_field == product
    clip = torch.randn(2, product + extra, 5, 2, dtype=torch.float64)
    found = model(clip)
    assert found.shape == (2, 1 + extra, 4, 3)
    torch.testing.assert_close(found, plain_videopose3d(model, clip))


@pytest.mark.parametrize("rate", [0.1, 0.25, 0.5, 0.9])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropout_drops_its_rate_and_keeps_the_mean(rate: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    values = torch.ones(999, 101, dtype=dtype, requires_grad=True)
    dropped = Dropout(rate).train()(values)
    assert dropped.dtype == dtype
    assert (dropped == 0).float().mean().item() == pytest.approx(rate, abs=0.01)
    assert dropped.float().mean().item() == pytest.approx(1.0, abs=0.03)
    # Neighbours share a random number; they must not share their fate.
    fate = (dropped.detach().flatten()[: 4 * (values.numel() // 4)] == 0).view(-1, 4).float()
    assert torch.corrcoef(fate.T).triu(1).abs().max().item() < 0.03
    (gradient,) = torch.autograd.grad(dropped.float().sum(), values)
    assert torch.equal(gradient, dropped.detach())


def test_dropout_repeats_with_the_seed_and_rests_in_evaluation() -> None:
    layer, values = Dropout(0.5), torch.randn(7, 3)
    torch.manual_seed(3)
    first = layer.train()(values)
    torch.manual_seed(3)
    assert torch.equal(layer(values), first)
    assert layer.eval()(values) is values
    assert Dropout(0.0).train()(values) is values
