"""The folder of checkpoints that the user brings: a file that is not in it is told with what is."""

from pathlib import Path

from gsam.checkpoints.published import published
from gsam.configs import nearest
from gsam.errors import ConfigError, LicensedDataMissing

_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".safetensors", ".tar")


def checked(file: Path, location: str, key: str) -> None:
    """Raise unless the file is there.

    Args:
        file: where it should be on this machine.
        location: what it is called in the plan, a path or s3://bucket/key.
        key: of params.yaml, which names it.

    Raises:
        LicensedDataMissing: a file that one registers for.
        ConfigError: any other; says who publishes it, or which files are there.
    """
    if file.is_file():
        return
    known, text = published(file.name), f"{key}: {location} does not exist"
    if known is not None:
        text = f"{text}; {known.network}'s file is published at {known.source}, put it there"
        raise (LicensedDataMissing if known.licensed else ConfigError)(text)
    there = [path.name for path in file.parent.glob("*") if path.suffix in _SUFFIXES]
    found = nearest(file.name, there) if there else "no checkpoint is there (see its README.md)"
    raise ConfigError(f"{text}; {found}")
