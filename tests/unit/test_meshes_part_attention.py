"""Part self-attention: the paper's equations, an identity at first, no matrix over all pixels."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from gsam.meshes.part_attention import PartAttention


def module(parts: int, width: int, heads: int, seed: int = 0) -> PartAttention:
    torch.manual_seed(seed)
    made = PartAttention(parts, width, heads)
    nn.init.normal_(made.mix, std=0.5)
    return made


def maps(parts: int, height: int, width: int, batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(4)
    return 3 * torch.randn(batch, parts, height, width, generator=generator)


def written_out(attention: PartAttention, found: Tensor) -> Tensor:
    """The paper's equations head by head, with A as a matrix."""
    pixels = found.flatten(2).transpose(1, 2)  # (B, h w, parts)
    corrected, size, share = [], attention.width, found.shape[1] // attention.heads
    for head in range(attention.heads):
        rows = slice(head * size, (head + 1) * size)
        query = pixels @ attention.query.weight[rows].T
        key = pixels @ attention.key.weight[rows].T
        matrix = torch.softmax(query @ key.transpose(1, 2) / size**0.5, dim=-1)
        corrected.append(matrix @ pixels[..., head * share : (head + 1) * share])
    total = pixels + attention.mix * (torch.cat(corrected, dim=2) - pixels)
    return total.transpose(1, 2).reshape(found.shape)


@pytest.mark.parametrize(
    "parts, width, heads", [(24, 24, 4), (24, 8, 2), (24, 40, 3), (24, 5, 1), (3, 2, 1)]
)
def test_is_the_paper_s_equations_in_both_directions(parts: int, width: int, heads: int) -> None:
    attention = module(parts, width, heads).double()
    ours, theirs = (maps(parts, 7, 5).double().requires_grad_() for _ in range(2))
    weights = list(attention.parameters())
    results = []
    for found, answer in ((ours, attention(ours)), (theirs, written_out(attention, theirs))):
        results.append((answer, *torch.autograd.grad(answer.square().sum(), [found, *weights])))
    for got, expected in zip(*results, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)
    assert not torch.allclose(results[0][0], ours)


def test_starts_as_the_identity_and_can_leave_it() -> None:
    attention, found = PartAttention(24, 24, 2), maps(24, 8, 8)
    answer = attention(found)
    assert torch.equal(answer, found)
    answer.square().sum().backward()
    assert attention.mix.grad is not None and bool((attention.mix.grad != 0).all())


def test_one_head_mixed_in_whole_is_a_h() -> None:
    attention, found = module(24, 24, 1), maps(24, 6, 6)
    nn.init.ones_(attention.mix)
    pixels = found.flatten(2).transpose(1, 2)
    query, key = attention.query(pixels), attention.key(pixels)
    matrix = torch.softmax(query @ key.transpose(1, 2) / 24**0.5, dim=-1)
    expected = (matrix @ pixels).transpose(1, 2).reshape(found.shape)
    torch.testing.assert_close(attention(found), expected, rtol=1e-4, atol=1e-5)


def test_knows_pixels_by_their_maps_only() -> None:
    attention, found = module(24, 16, 2), maps(24, 6, 8)
    order = torch.randperm(48, generator=torch.Generator().manual_seed(1))
    moved = found.flatten(2)[..., order].reshape(found.shape)
    expected = attention(found).flatten(2)[..., order].reshape(found.shape)
    torch.testing.assert_close(attention(moved), expected, rtol=1e-4, atol=1e-5)


def test_layout_of_memory_changes_nothing() -> None:
    attention, found = module(24, 24, 2), maps(24, 6, 6)
    other = found.to(memory_format=torch.channels_last)
    torch.testing.assert_close(attention(other), attention(found))


class Seen(TorchDispatchMode):
    """Names of the operations that run, and the size of the largest tensor that they answer."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.largest = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        found = func(*args, **(kwargs or {}))
        self.names.add(func.overloadpacket.__name__)
        for tensor in found if isinstance(found, tuple) else (found,):
            if isinstance(tensor, Tensor):
                self.largest = max(self.largest, tensor.numel())
        return found


@pytest.mark.parametrize("width", [8, 24, 40])
def test_no_matrix_over_all_pixels_in_either_direction(width: int) -> None:
    attention, found = module(24, width, 2), maps(24, 24, 24, batch=1).requires_grad_()
    with Seen() as seen:
        attention(found).sum().backward()
    fused = "_scaled_dot_product_flash_attention_for_cpu"
    assert {fused, f"{fused}_backward"} <= seen.names
    pixels = 24 * 24
    assert seen.largest <= 2 * 48 * pixels < pixels**2
    with Seen() as seen:
        written_out(attention, found)
    assert seen.largest == pixels**2
