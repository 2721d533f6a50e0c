"""The image and the machines on AWS: what Ray takes, with the versions that are locked."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import jsonschema
import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.ray_commands import parse_ray

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ROOT / "cluster"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCK = (ROOT / "requirements.lock").read_text()
RAY = re.findall(r"^ray==(.+)$", LOCK, flags=re.MULTILINE)[0]
PYTHON = re.findall(r"\(Python (\d+\.\d+)\)", LOCK)[0]
IMAGE = f"gsam:{PROJECT['project']['version']}-ray{RAY}"


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((CLUSTER / name).read_text())


def aws() -> dict[str, Any]:
    return load("aws.yaml")


def values(tree: Any, key: str) -> list[Any]:
    """Every value under `key`, however deep."""
    if isinstance(tree, list):
        return [found for item in tree for found in values(item, key)]
    if not isinstance(tree, dict):
        return []
    deeper = [found for item in tree.values() for found in values(item, key)]
    return [tree[key], *deeper] if key in tree else deeper


@pytest.mark.parametrize("name", ["raycluster.yaml", "rayjob.yaml"])
def test_manifests_name_the_locked_ray_and_this_version(name: str) -> None:
    manifest = load(name)
    assert values(manifest, "rayVersion") == [RAY]
    images = values(manifest, "image")
    assert len(images) == 3 and set(images) == {IMAGE}


def test_aws_has_the_locked_ray_and_python() -> None:
    tag = f"{RAY}-py{PYTHON.replace('.', '')}-cpu"
    assert values(aws(), "image") == [f"rayproject/ray:{tag}"]


def test_the_lock_is_for_the_python_that_the_project_is_checked_with() -> None:
    assert PROJECT["tool"]["mypy"]["python_version"] == PYTHON
    assert PROJECT["project"]["requires-python"] == f">={PYTHON}"


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's, each with what follows it on one line."""
    text = re.sub(r"^#.*\n", "", (CLUSTER / "Dockerfile").read_text(), flags=re.MULTILINE)
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    pairs = [line.split(None, 1) for line in lines if line.strip()]
    return [(name, rest.strip()) for name, rest in pairs]


def test_the_image_has_the_locked_environment() -> None:
    said = instructions()
    assert {name for name, _ in said} <= {"FROM", "RUN", "COPY", "ENV", "USER", "WORKDIR"}
    assert said[0] == ("FROM", f"python:{PYTHON}-slim-bookworm")
    assert [name for name, _ in said].count("FROM") == 1
    copied = said.index(("COPY", "requirements.lock /tmp/requirements.lock"))
    (installs,) = (i for i, (name, rest) in enumerate(said) if "pip install" in rest)
    assert copied < installs and said[installs][1].endswith("--requirement /tmp/requirements.lock")
    # Nothing else is installed beside the lock but system packages.
    assert "git" in " ".join(rest for _, rest in said if "apt-get install" in rest).split()


def test_the_image_is_a_users_not_roots() -> None:
    said = instructions()
    user = dict(said)["USER"].split(":")[0]
    pods = values(load("raycluster.yaml"), "securityContext")
    assert int(user) and {pod["runAsUser"] for pod in pods} == {int(user)}
    folder = dict(said)["WORKDIR"]
    assert ("COPY", f"--chown=gsam:gsam . {folder}") in said
    assert f"PYTHONPATH={folder} " in dict(said)["ENV"]
    # The last word on the user stands after everything that root must do.
    assert [name for name, _ in said][-2:] == ["USER", "WORKDIR"]


def test_run_lines_are_shell() -> None:
    for name, rest in instructions():
        if name == "RUN":
            subprocess.run(["bash", "-n", "-c", rest], check=True)


def test_ray_takes_the_aws_file() -> None:
    validate_config(prepare_config(aws()))


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("max_worker", 2),
        ("head_node_type", "haed"),
        ("available_node_types.gpu.min_workers", "two"),
        ("available_node_types.gpu.resources.GPU", -1),
        ("docker.imag", "rayproject/ray"),
        ("auth.user", "ubuntu"),
    ],
)
def test_typos_in_the_aws_file_are_caught(where: str, value: object) -> None:
    config = aws()
    *outer, last = where.split(".")
    place: Any = config
    for name in outer:
        place = place[name]
    place[last] = value
    with pytest.raises((jsonschema.ValidationError, ValueError)):
        validate_config(prepare_config(config))


def test_every_aws_machine_is_one_that_starts() -> None:
    config = aws()
    for name, kind in config["available_node_types"].items():
        machine = kind["node_config"]
        # README fills this in; Ray's own default is an image of 2018 whose driver is too old.
        assert machine["ImageId"] == "ami-FILL-IN"
        assert machine["BlockDeviceMappings"][0]["Ebs"]["VolumeSize"] >= 200
        assert kind["resources"].get("GPU", 0) == (1 if name == "gpu" else 0)
    assert config["available_node_types"]["gpu"]["min_workers"] >= 2


def test_aws_machines_install_the_lock_that_is_copied_to_them() -> None:
    config = aws()
    mounts = config["file_mounts"]
    (remote,) = (there for there, here in mounts.items() if here == "requirements.lock")
    assert (ROOT / "requirements.lock").is_file()
    installs = " ".join(config["setup_commands"])
    assert f"--requirement ~/{Path(remote).name}" in installs and remote.startswith("/home/ray/")


def test_aws_machines_start_ray_with_the_token_and_options_that_ray_has() -> None:
    config = aws()
    token = next(there for there, here in config["file_mounts"].items() if "auth_token" in here)
    for role, wanted in (("head", "--head"), ("worker", "--address=")):
        *_, start = config[f"{role}_start_ray_commands"]
        subprocess.run(["bash", "-n", "-c", start], check=True)
        settings, ray = start.split(" && ")
        assert f"RAY_AUTH_TOKEN_PATH=~/{Path(token).name}" in settings
        assert "RAY_AUTH_MODE=token" in settings and wanted in ray
        parse_ray(shlex.split(ray))


def test_ray_options_that_do_not_exist_are_caught() -> None:
    with pytest.raises(click.UsageError):
        parse_ray(["ray", "start", "--had"])


@pytest.mark.parametrize("name", ["aws.yaml", "raycluster.yaml", "rayjob.yaml", "Dockerfile"])
def test_no_credential_stands_in_a_file(name: str) -> None:
    text = (CLUSTER / name).read_text()
    assert not re.search(r"AKIA[0-9A-Z]{16}", text)
    # A path (~, /) may stand after such a name.
    assert not re.search(r"(?i)(secret|password|access_key(_id)?|_token)\s*[:=]\s*[^\s~/]", text)
