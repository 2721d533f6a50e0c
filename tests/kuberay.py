"""Manifests held to KubeRay's fields and Kubernetes' own, without a cluster."""

import json
import re
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

__all__ = ["problems"]

FIXTURES = Path(__file__).resolve().parent / "fixtures"
KUBERNETES = "v1.33.0-local-strict"
QUANTITY = r"^[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$"


def problems(manifest: dict[str, Any]) -> list[str]:
    """What is wrong with a RayCluster or RayJob, each as `where: what`."""
    errors = validator().iter_errors(manifest)
    return [f"{error.json_path.removeprefix('$.')}: {error.message}" for error in errors]


@cache
def validator() -> Draft202012Validator:
    text = (FIXTURES / "kuberay_v1.schema.yaml").read_text()
    schema = yaml.safe_load(text)
    kinds = files("kubernetes_validate") / "kubernetes-json-schema" / KUBERNETES
    definitions = json.loads((kinds / "_definitions.json").read_text())
    # The published schema takes any text as an amount; the API server does not.
    definitions["$defs"]["io.k8s.apimachinery.pkg.api.resource.Quantity"] = {
        "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": QUANTITY}]
    }

    resources = [(definitions["$id"], Resource.from_contents(definitions))]
    for name in set(re.findall(r'"k8s:([^"]+)"', text)):
        assert name in definitions["$defs"], f"{name}: no type of Kubernetes"
        reference = {"$schema": schema["$schema"], "$ref": f"{definitions['$id']}#/$defs/{name}"}
        resources.append((f"k8s:{name}", Resource.from_contents(reference)))
    registry: Registry[Any] = Registry().with_resources(resources).crawl()
    return Draft202012Validator(schema, registry=registry)
