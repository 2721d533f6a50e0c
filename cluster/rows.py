"""Several stages at once: whichever have what they need, as many as there are slots.

DVC runs each of them, in a process of its own per chain of stages that wait for nothing else; so
every one is recorded as by `dvc repro`. What fails takes along only what depends on it.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter

from cluster.children import Children
from cluster.graph import Graph, stale_among
from cluster.lockfile import changed_outs, entries, settled
from cluster.transcript import FAILED, Outcome, Transcript

__all__ = ["Rows"]


class Rows:
    """One run of a graph.

    Args:
        graph: the stages that are wanted.
        children: starts DVC, and stops it when a user wants that.
        extra: options of `dvc repro` for every stage.
    """

    def __init__(self, graph: Graph, children: Children, extra: Sequence[str]) -> None:
        self._graph = graph
        self._children = children
        self._extra = extra
        self._text = settled(graph.stages)
        self._changed: set[str] = set()
        self._waiting: list[str] = []
        self._done: set[str] = set()
        self._outcomes: list[Outcome] = []
        self._sorter = TopologicalSorter({n: stage.parents for n, stage in graph.stages.items()})
        self._sorter.prepare()

    def run(self, slots: Sequence[Mapping[str, str]]) -> list[Outcome]:
        """Run what is not up to date; how it ended, in the order in which it did.

        Args:
            slots: what to add to the environment of each of the stages that run at once.
        """
        free, running = list(slots), dict[Future[list[Outcome]], Mapping[str, str]]()
        with ThreadPoolExecutor(len(slots)) as pool:
            while True:
                self._collect()
                while free and self._waiting and not self._children.stopping:
                    chain = self._chain(self._waiting.pop(0))
                    slot = free.pop(0)
                    running[pool.submit(self._run_chain, chain, slot)] = slot
                if not running:
                    break
                for future in wait(running, return_when=FIRST_COMPLETED)[0]:
                    free.append(running.pop(future))
                    self._finish(future.result())
        return self._outcomes + self._skipped()

    def _collect(self) -> None:
        """Add to those waiting what has all that it needs; pass over what is up to date."""
        while ready := self._sorter.get_ready():
            unsure = set()
            for name in ready:
                reads = self._graph.stages[name].reads(self._changed)
                if name in self._done:
                    self._sorter.done(name)
                elif any(outcome.stage == name for outcome in self._outcomes):
                    pass  # it failed: nothing behind it becomes ready
                elif name in self._graph.stale or reads:
                    self._waiting.append(name)
                elif reads is None:
                    unsure.add(name)
                else:
                    self._pass(name)
            stale = stale_among(unsure) if unsure else set()
            self._waiting += stale
            for name in unsure - stale:
                self._pass(name)
        self._waiting.sort(key=list(self._graph.stages).index)

    def _pass(self, name: str) -> None:
        self._done.add(name)
        self._sorter.done(name)

    def _chain(self, name: str) -> list[str]:
        """A stage, and what follows it as long as that is one stage which waits for it alone: DVC
        takes its second or two to start once for all of them."""
        chain = [name]
        while True:
            settled = self._done | set(chain)
            released = [
                child
                for child in self._graph.children(chain[-1])
                if self._graph.stages[child].parents <= settled
            ]
            if len(released) != 1:
                return chain
            chain += released

    def _run_chain(self, chain: Sequence[str], slot: Mapping[str, str]) -> list[Outcome]:
        transcript = Transcript(chain)
        arguments = ["--wait-for-lock", "repro", "--single-item", *self._extra, *chain]
        return transcript.end(self._children.run(arguments, slot, transcript.hear))

    def _finish(self, outcomes: list[Outcome]) -> None:
        """Take up how a chain ended, and which of its outs are other than before."""
        self._outcomes += outcomes
        good = [outcome.stage for outcome in outcomes if outcome.result not in FAILED]
        before = entries(self._text, good)
        after = entries(settled(self._graph.stages), good)
        for name in good:
            self._changed |= changed_outs(before.get(name, {}), after.get(name, {}))
            self._done.add(name)
        if good and outcomes[0].stage == good[0]:
            self._sorter.done(good[0])  # the others of the chain become ready by this

    def _skipped(self) -> list[Outcome]:
        """What was not begun, because of a failure or a signal."""
        ended = self._done | {outcome.stage for outcome in self._outcomes}
        return [Outcome(name, "skipped") for name in self._graph.stages if name not in ended]
