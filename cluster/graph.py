"""The stage graph as DVC sees it: what depends on what, and what is not up to date."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gsam.errors import ConfigError

if TYPE_CHECKING:
    from dvc.repo import Repo

__all__ = ["Graph", "Stage", "read_graph", "stale_among"]


@dataclass(frozen=True)
class Stage:
    """A stage: the paths that it depends on, and the stages that make them, of those wanted."""

    deps: tuple[str, ...]
    parents: frozenset[str]

    def reads(self, changed: Iterable[str]) -> bool | None:
        """Whether it reads any of the changed paths; None if only something inside one of them."""
        verdict: bool | None = False
        for path in changed:
            for dep in self.deps:
                if dep == path or path.startswith(f"{dep}/"):
                    return True
                if dep.startswith(f"{path}/"):
                    verdict = None
        return verdict


@dataclass(frozen=True)
class Graph:
    """The stages that some targets need, in the order in which `dvc repro` takes all of them."""

    stages: dict[str, Stage]
    stale: frozenset[str]

    def children(self, name: str) -> list[str]:
        """The stages that depend on one, in order."""
        return [child for child, stage in self.stages.items() if name in stage.parents]


def read_graph(targets: list[str], force: bool = False) -> Graph:
    """Read dvc.yaml and dvc.lock, and compare the workspace with them as `dvc repro` does.

    Args:
        targets: stages, or nothing for all of them.
        force: take every stage for stale.

    Raises:
        ConfigError: DVC cannot read them, or knows no such target.
    """
    from dvc.repo.reproduce import collect_stages, get_active_graph, plan_repro

    with _repository() as repo:
        whole = get_active_graph(repo.index.graph)
        found = plan_repro(whole, collect_stages(repo, targets or ["dvc.yaml"]))
        wanted = {step.addressing for step in found}
        # Of some targets, DVC's own order is another one each time.
        everything = plan_repro(whole, collect_stages(repo, ["dvc.yaml"]))
        steps = [step for step in everything if step.addressing in wanted]
        stages = {
            step.addressing: Stage(
                tuple(str(dep.def_path) for dep in step.deps),
                frozenset(parent.addressing for parent in whole.successors(step)) & wanted,
            )
            for step in steps
        }
        return Graph(stages, frozenset(s.addressing for s in steps if force or s.changed()))


def stale_among(names: Iterable[str]) -> set[str]:
    """Those of the stages that are not up to date now.

    Raises:
        ConfigError: DVC cannot read dvc.yaml or dvc.lock.
    """
    from dvc.repo.reproduce import collect_stages

    with _repository() as repo:
        return {step.addressing for step in collect_stages(repo, names) if step.changed()}


@contextmanager
def _repository() -> Iterator["Repo"]:
    """This folder's repository, locked; DVC's errors become one line."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo

    try:
        with Repo(".", _wait_for_lock=True) as repo, lock_repo(repo):
            yield repo
    except DvcException as error:
        lines = [str(error), *([str(error.__cause__)] if error.__cause__ else [])]
        raise ConfigError(" ".join(" ".join(lines).split())) from error
