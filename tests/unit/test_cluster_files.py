"""The manifests of the cluster are what KubeRay and Ray take, and they say what they must."""

import shlex
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from ray.autoscaler._private.kuberay.autoscaling_config import (
    _derive_autoscaling_config_from_ray_cr,
)

from cluster.command import on_cluster
from cluster.jobs import JOB_VARIABLE
from tests.kuberay import problems
from tests.ray_commands import parse_ray

CLUSTER = Path(__file__).resolve().parents[2] / "cluster"
CREDENTIAL = ("KEY", "TOKEN", "SECRET", "PASSWORD", "CREDENTIAL")


def load(name: str) -> dict[str, Any]:
    return yaml.safe_load((CLUSTER / name).read_text())


RAYCLUSTER, RAYJOB = load("raycluster.yaml"), load("rayjob.yaml")
GROUPS = {
    "head": RAYCLUSTER["spec"]["headGroupSpec"],
    **{group["groupName"]: group for group in RAYCLUSTER["spec"]["workerGroupSpecs"]},
}
PODS = {name: group["template"]["spec"] for name, group in GROUPS.items()}


@pytest.mark.parametrize("manifest", [RAYCLUSTER, RAYJOB], ids=["raycluster", "rayjob"])
def test_manifests_are_what_kuberay_takes(manifest: dict[str, Any]) -> None:
    assert problems(manifest) == []


HEAD_POD = "headGroupSpec.template.spec"
WRONG = {
    "workerGroupSpecs.0.replicas": "two",
    "workerGroupSpecs.0.replica": 2,
    "workerGroupSpecs.0.minReplicas": -1,
    "workerGroupSpecs.0.rayStartParams.num-gpus": 1,
    "headGroupSpec.rayStartParam": {},
    "headGroupSpec.serviceType": "Loadbalancer",
    "rayVersion": 2.6,
    "authOptions.mode": "tokens",
    "authOptions.secret": "gsam-ray-token",
    f"{HEAD_POD}.contaners": [],
    f"{HEAD_POD}.containers.0.volumeMount": [],
    f"{HEAD_POD}.containers.0.ports.0.containerPort": "6379",
    f"{HEAD_POD}.containers.0.envFrom.0.secretRefs": {},
    f"{HEAD_POD}.containers.0.resources.limit": {},
    f"{HEAD_POD}.containers.0.resources.limits.memory": "32Gb",
    f"{HEAD_POD}.volumes.0.emptyDir.sizeLimits": "1Gi",
    f"{HEAD_POD}.securityContext.runAsNonRoot": "yes",
}


@pytest.mark.parametrize("where", WRONG)
def test_typos_in_a_cluster_are_caught(where: str) -> None:
    for manifest, prefix in ((RAYCLUSTER, "spec."), (RAYJOB, "spec.rayClusterSpec.")):
        found = problems(changed(manifest, prefix + where, WRONG[where]))
        assert len(found) == 1, found
        # A misspelt name is told at what it is in, a wrong value at its own place.
        place = (prefix + where).replace(".0", "[0]")
        assert place.rpartition(".")[0] in found[0] or place in found[0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("entrypont", "python -m cluster.job"),
        ("submissionMode", "K8SJobMode"),
        ("backoffLimit", "1"),
        ("activeDeadlineSeconds", 0),
        ("shutdownAfterJobFinish", True),
    ],
)
def test_typos_in_a_job_are_caught(name: str, value: object) -> None:
    (found,) = problems(changed(RAYJOB, f"spec.{name}", value))
    assert name in found


@pytest.mark.parametrize("missing", ["kind", "apiVersion", "metadata", "spec"])
def test_what_is_missing_is_named(missing: str) -> None:
    manifest = {name: value for name, value in RAYJOB.items() if name != missing}
    assert any(missing in found for found in problems(manifest))


def changed(manifest: dict[str, Any], where: str, value: object) -> dict[str, Any]:
    """A copy in which the field at the dotted path `where` is `value`."""
    # Dumped without aliases: what YAML shares by an anchor is changed in one place only.
    result = yaml.safe_load(yaml.dump(manifest, Dumper=Plain))
    *outer, last = where.split(".")
    place: Any = result
    for name in outer:
        place = place[int(name)] if isinstance(place, list) else place[name]
    place[last] = value
    return result


class Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: object) -> bool:
        return True


def test_a_job_brings_the_cluster_that_stands_alone() -> None:
    assert RAYJOB["spec"]["rayClusterSpec"] == RAYCLUSTER["spec"]


def test_ray_reads_the_resources_that_are_meant() -> None:
    named = changed(RAYCLUSTER, "metadata.namespace", "default")
    types = _derive_autoscaling_config_from_ray_cr(named)["available_node_types"]
    head, gpu, cpu = (types[name]["resources"] for name in ("headgroup", "gpu", "cpu"))
    assert head["CPU"] >= 4 and head["GPU"] == 0
    assert gpu["CPU"] >= 4 and gpu["GPU"] == 1
    assert cpu["CPU"] >= 4 and "GPU" not in cpu
    assert all(kind["memory"] >= 16 << 30 for kind in (head, gpu, cpu))
    assert GROUPS["gpu"]["replicas"] >= 2  # a training on several nodes is what the cluster is for


@pytest.mark.parametrize("name", PODS)
def test_pods_have_what_they_use(name: str) -> None:
    pod = PODS[name]
    (container,) = pod["containers"]
    assert pod["terminationGracePeriodSeconds"] > 30  # Ray's own drain
    resources = container["resources"]
    assert resources["requests"] == resources["limits"]
    disks = {volume["name"]: volume["emptyDir"] for volume in pod["volumes"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts == {"shm": "/dev/shm", "tmp": "/tmp"} and set(mounts) == set(disks)
    # Ray's object store takes 30 % of the memory, which shared memory is part of.
    memory, shm = size(resources["limits"]["memory"]), size(disks["shm"]["sizeLimit"])
    assert disks["shm"]["medium"] == "Memory" and Decimal("0.3") * memory <= shm < memory / 2
    assert size(disks["tmp"]["sizeLimit"]) <= size(resources["limits"]["ephemeral-storage"])


def size(quantity: str) -> Decimal:
    assert quantity.endswith("Gi")
    return Decimal(quantity.removesuffix("Gi"))


@pytest.mark.parametrize("name", PODS)
def test_pods_are_no_root(name: str) -> None:
    user = PODS[name]["securityContext"]
    assert user["runAsNonRoot"] and user["runAsUser"] and user["fsGroup"] == user["runAsGroup"]


def test_gpu_nodes_are_tolerated_by_what_needs_them_alone() -> None:
    for name, pod in PODS.items():
        wants = "nvidia.com/gpu" in pod["containers"][0]["resources"]["limits"]
        keys = [toleration["key"] for toleration in pod.get("tolerations", [])]
        assert wants == (keys == ["nvidia.com/gpu"]) == (name == "gpu")


@pytest.mark.parametrize("name", PODS)
def test_credentials_come_from_secrets(name: str) -> None:
    (container,) = PODS[name]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "gsam-store"}}]
    for variable in container.get("env", []):
        assert "value" not in variable or not any(word in variable["name"] for word in CREDENTIAL)
    assert RAYCLUSTER["spec"]["authOptions"] == {"mode": "token", "secretName": "gsam-ray-token"}


def test_a_job_ends() -> None:
    spec = RAYJOB["spec"]
    assert spec["shutdownAfterJobFinishes"] and spec["ttlSecondsAfterFinished"] > 0
    assert 0 < spec["preRunningDeadlineSeconds"] <= 3600
    # The name that says where results lie is the same for Kubernetes, Ray and the store.
    given = yaml.safe_load(spec["runtimeEnvYAML"])["env_vars"]
    assert RAYJOB["metadata"]["name"] == spec["jobId"] == given[JOB_VARIABLE]


def test_a_job_runs_a_command_that_the_project_has() -> None:
    spec = RAYJOB["spec"]
    words = shlex.split(spec["entrypoint"])
    submit = ["ray", "job", "submit", "--submission-id", spec["jobId"], "--", *words]
    # What KubeRay makes of it reaches the head word for word, its own `--` included.
    assert list(parse_ray(submit)["entrypoint"]) == words
    assert words[:3] == ["python", "-m", "cluster.job"]
    *options, _dashes = words[3 : words.index("--") + 1]
    assert on_cluster(words[words.index("--") + 1 :], jobs=int(options[1]))
    assert options[0] == "--jobs" and int(options[1]) <= GROUPS["gpu"]["replicas"]
