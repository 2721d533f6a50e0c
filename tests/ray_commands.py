"""Ray's own command line reads what files and pages say, without doing anything."""

from collections.abc import Sequence
from typing import Any

import click
from ray.scripts.scripts import cli

__all__ = ["parse_ray"]


def parse_ray(words: Sequence[str]) -> dict[str, Any]:
    """The options and arguments of a `ray …` command, by name.

    Raises:
        click.UsageError: Ray has no such command or option.
    """
    command: click.Command = cli
    context = click.Context(command, info_name=words[0])
    rest = list(words[1:])
    while isinstance(command, click.Group):
        name, found, rest = command.resolve_command(context, rest)
        assert found is not None
        command = found
        if not isinstance(command, click.Group):
            return command.make_context(name, rest, parent=context).params
        context = click.Context(command, info_name=name, parent=context)
    raise AssertionError("ray is a group of commands")
