"""Start a mesh regressor's backbone from weights that were trained for another purpose.

Fits: the official HRNet's ImageNet and key point files (`hrnet_w32-36af842e.pth`,
`pose_hrnet_w32_*.pth`), torchvision's ResNet-50, SimpleBaseline's `pose_resnet_50_*.pth`,
pytorch-cpn's and PARE's checkpoints, and detectors and mesh regressors of this project.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from gsam.checkpoints.key_report import KeyReport, compare_keys
from gsam.checkpoints.read import read_state_dict
from gsam.errors import DataError

__all__ = ["BackboneReport", "start_backbone"]

# What stands on a backbone in those files: classifiers, heat maps, their up-sampling.
_HEADS = (
    "attention.",
    "classifier.",
    "deconv_layers.",
    "downsamp_modules.",
    "fc.",
    "final_layer.",
    "head.",
    "incre_modules.",
)
# What a mesh regressor's HRNet has beyond a detector's: a last exchange that answers every branch
# instead of the finest one only, what brings the branches to one size, and a layer without effect.
_ONLY_OURS = re.compile(r"final_layer\.|upsample_stage_\d\.|stage4\.\d+\.fuse_layers\.[123]\.")
_WHERE = re.compile(r"(?:model\.|module\.)*(?:backbone|resnet)\.")


@dataclass(frozen=True, kw_only=True)
class BackboneReport:
    """What became of a file: keys of the backbone that it `filled`, those left `fresh` as they were
    initialised, and the file's own that were `unused`; each sorted."""

    source: str
    filled: tuple[str, ...]
    fresh: tuple[str, ...]
    unused: tuple[str, ...]

    def table(self) -> str:
        """A line per kind; groups of keys by the modules that they belong to, with numbers."""
        lines = [f"backbone from {self.source}: {len(self.filled)} weights"]
        for title, keys in (("left fresh", self.fresh), ("not used", self.unused)):
            if keys:
                lines.append(f"  {title}: {_groups(keys)}")
        return "\n".join(lines)


def start_backbone(model: nn.Module, path: str | Path) -> BackboneReport:
    """Fill `model.backbone` in place from a file.

    Everything that the file's network shares with the backbone must be there in the right shape;
    counters of batches, which old files lack, stay at 0.

    Raises:
        DataError: the file is unreadable, hostile, of another network, or not finite.
    """
    backbone = model.get_submodule("backbone")
    expected = backbone.state_dict()
    found, unused = _backbone_of(read_state_dict(path))
    report = compare_keys(found, expected)
    fresh = tuple(filter(_ONLY_OURS.match, report.missing))
    _check(report, fresh, path)
    for key in report.matched:
        if not bool(found[key].isfinite().all()):
            raise DataError(f"{path}: weight {key!r} is not finite")
    weights = {key: found[key].to(value.dtype) for key, value in expected.items() if key in found}
    backbone.load_state_dict({**expected, **weights}, strict=True)
    return BackboneReport(
        source=Path(path).name,
        filled=report.matched,
        fresh=fresh,
        unused=unused,
    )


def _backbone_of(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Weights by the backbone's own keys, and the keys of all else."""
    if any(_WHERE.match(key) for key in state):
        inner = {_WHERE.sub("", key, count=1): key for key in state if _WHERE.match(key)}
    else:
        inner = {key: key for key in state}
    taken = {key: state[whole] for key, whole in inner.items() if not key.startswith(_HEADS)}
    used = {inner[key] for key in taken}
    return taken, tuple(sorted(set(state) - used))


def _check(report: KeyReport, fresh: Iterable[str], path: str | Path) -> None:
    missing = sorted(set(report.missing) - set(fresh))
    kinds = (
        ("missing", missing),
        ("unexpected", report.unexpected),
        ("wrong shape", report.wrong_shape),
    )
    problems = [f"{len(keys)} {kind} ({keys[0]})" for kind, keys in kinds if keys]
    if problems:
        matched = f"{len(report.matched)} keys match"
        raise DataError(f"{path}: not weights of this backbone: {matched}, {', '.join(problems)}")


def _groups(keys: Iterable[str]) -> str:
    counts: dict[str, int] = {}
    for key in keys:
        parts = key.split(".")
        name = ".".join(parts[: 3 if parts[0].startswith("stage") else 1])
        counts[name] = counts.get(name, 0) + 1
    return ", ".join(f"{name} ({count})" for name, count in counts.items())
