"""The project's DVC remote is the shared store: written into a checkout's own settings."""

from __future__ import annotations

from pathlib import Path

from pipelines.object_store import dvc_remote

__all__ = ["NAME", "add_remote", "use_remote"]

NAME = "gsam"


def use_remote(checkout: Path, root: str) -> None:
    """Make the store at `root` the remote that DVC uses in `checkout`, whatever it used before."""
    from dvc.config import Config

    with Config(str(checkout / ".dvc")).edit("local") as settings:
        settings["remote"] = {NAME: dvc_remote(root)}
        settings["core"] = {"remote": NAME}


def add_remote(checkout: Path, root: str) -> str:
    """Let `checkout` know the store, leaving a remote that it already uses as it is.

    Returns:
        the command that fetches models and data from the store.
    """
    from dvc.config import Config

    config = Config(str(checkout / ".dvc"))
    wanted = dvc_remote(root)
    default = config.get("core", {}).get("remote")
    if default and config["remote"].get(default, {}).get("url") == wanted["url"]:
        return "dvc pull"
    with config.edit("local") as settings:
        settings.setdefault("remote", {})[NAME] = wanted
        if not default:
            settings.setdefault("core", {})["remote"] = NAME
    return f"dvc pull -r {NAME}" if default and default != NAME else "dvc pull"
