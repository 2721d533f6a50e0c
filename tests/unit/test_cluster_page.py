"""What cluster/README.md tells a user to type does what it says, as far as one machine can tell."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config

from cluster.command import DEFAULT, on_cluster
from cluster.submit import _parser
from tests.kuberay import FIXTURES, problems
from tests.ray_commands import parse_ray
from tests.typed_commands import AMI, STORE, TOKEN, Typed, type_in

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "cluster" / "README.md").read_text()


def section(title: str) -> str:
    (found,) = re.findall(rf"^## {title}.*?\n(.*?)(?=^## |\Z)", PAGE, flags=re.S | re.M)
    return found


def blocks(text: str = PAGE) -> list[str]:
    return re.findall(r"```sh\n(.*?)```", text, flags=re.DOTALL)


def commands(program: str) -> list[list[str]]:
    """Every command of the blocks that starts with `program`, as words, without its comment."""
    lines = [line for block in blocks() for line in block.replace("\\\n", " ").splitlines()]
    words = [shlex.split(line, comments=True) for line in lines if line.startswith(program)]
    return [line[: line.index(">")] if ">" in line else line for line in words]


@pytest.fixture(scope="module")
def kuberay(tmp_path_factory: pytest.TempPathFactory) -> Typed:
    return type_in(tmp_path_factory.mktemp("kuberay"), blocks(section("Kubernetes")))


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Typed:
    return type_in(tmp_path_factory.mktemp("aws"), blocks(section("AWS")))


@pytest.mark.parametrize("number", range(len(blocks())))
def test_every_block_is_shell(number: int) -> None:
    subprocess.run(["bash", "-n", "-c", blocks()[number]], check=True)


def test_the_operator_is_the_one_whose_fields_are_checked(kuberay: Typed) -> None:
    ((*_, version, _, _, _),) = kuberay.of("helm", "install")
    schema = yaml.safe_load((FIXTURES / "kuberay_v1.schema.yaml").read_text())
    assert schema["$comment"] == f"KubeRay {version}"


def test_the_image_is_built_from_a_commit_alone(kuberay: Typed) -> None:
    ((*_, image, context),) = kuberay.of("docker", "build")
    built = kuberay.folder / "checkout" / context
    assert (built / "requirements.lock").is_file() and (built / ".git").is_dir()
    assert not (built / "secret").exists()
    assert kuberay.of("docker", "push") == [["docker", "push", image]]


@pytest.mark.parametrize("kind", ["RayCluster", "RayJob"])
def test_what_is_applied_is_whole_and_has_the_image(kuberay: Typed, kind: str) -> None:
    numbers = [n for n, call in enumerate(kuberay.calls, 1) if call[:2] == ["kubectl", "apply"]]
    texts = [(kuberay.folder / "calls" / f"stdin-{number}").read_text() for number in numbers]
    (text,) = (text for text in texts if f"kind: {kind}\n" in text)
    manifest = yaml.safe_load(text)
    assert problems(manifest) == []
    image = kuberay.of("docker", "push")[0][-1]
    assert f"image: &image {image}\n" in text
    if kind == "RayJob":
        ((*_, fetched),) = kuberay.of("python", "-m", "cluster.submit", "--fetch")
        assert manifest["metadata"]["name"] == manifest["spec"]["jobId"] == fetched
        running = "--for=jsonpath={.status.jobDeploymentStatus}=Running"
        assert kuberay.of("kubectl", "wait", f"rayjob/{fetched}", running)


def test_secrets_are_those_that_the_manifest_asks_for(kuberay: Typed) -> None:
    manifest = yaml.safe_load((ROOT / "cluster" / "raycluster.yaml").read_text())
    token, store = ((call[4], call[5]) for call in kuberay.of("kubectl", "create", "secret"))
    assert token == (
        manifest["spec"]["authOptions"]["secretName"],
        f"--from-literal=auth_token={TOKEN}",
    )
    pod = manifest["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert pod["envFrom"] == [{"secretRef": {"name": store[0]}}]
    given = kuberay.given("kubectl", "create", "secret", "generic", store[0]).split()
    wanted = {name: value for name, value in STORE.items() if name != "AWS_PAGER"}
    assert sorted(given) == sorted(f"{name}={value}" for name, value in wanted.items())


def test_names_and_places_are_the_clusters(kuberay: Typed) -> None:
    manifest = yaml.safe_load((ROOT / "cluster" / "raycluster.yaml").read_text())
    name = manifest["metadata"]["name"]
    # A condition that KubeRay sets once every node has been ready.
    provisioned = "--for=condition=RayClusterProvisioned"
    assert kuberay.of("kubectl", "wait", f"raycluster/{name}", provisioned)
    # KubeRay calls a cluster's service so.
    assert kuberay.of("kubectl", "port-forward", f"service/{name}-head-svc", "8265:8265")
    ((*_, patch),) = kuberay.of("kubectl", "patch", "raycluster", name)
    (change,) = yaml.safe_load(patch)
    _, *place, last = change["path"].split("/")
    found = manifest
    for step in place:
        found = found[int(step)] if isinstance(found, list) else found[step]
    assert found["groupName"] == "gpu" and found[last] < change["value"] <= found["maxReplicas"]


def test_aws_gets_a_file_that_ray_takes(aws: Typed) -> None:
    files = {call[-2] if call[1] == "exec" else call[-1] for call in aws.of("ray")[1:]}
    assert files == {".gsam/aws.yaml"}
    text = (aws.folder / "checkout" / ".gsam" / "aws.yaml").read_text()
    config = yaml.safe_load(text)
    assert "FILL-IN" not in text and text.count(AMI) == 1
    validate_config(prepare_config(config))
    (asked,) = aws.of("aws", "ssm", "get-parameter")
    assert asked[asked.index("--region") + 1] == config["provider"]["region"]


@pytest.mark.parametrize("words", commands("ray "), ids=" ".join)
def test_ray_takes_every_command(words: list[str]) -> None:
    parse_ray(words)


def test_the_second_machine_joins_the_first() -> None:
    head, node = (parse_ray(words) for words in commands("ray start"))
    assert node["address"] == f"{head['node_ip_address']}:{head['port']}"
    assert head["node_ip_address"] != node["node_ip_address"]


@pytest.mark.parametrize("words", commands("python -m cluster.submit"), ids=" ".join)
def test_submissions_are_ones(words: list[str]) -> None:
    options = _parser().parse_args(words[3:])
    assert on_cluster(options.command or list(DEFAULT), options.jobs)
    for override in (word for word in options.command if "=" in word):
        params = yaml.safe_load((ROOT / "params.yaml").read_text())
        assert override.split("=")[0] in params


def sources() -> str:
    """The project's code, with strings that go over several lines joined."""
    files = [f for name in ("cluster", "pipelines", "gsam") for f in (ROOT / name).rglob("*.py")]
    text = "\n".join(file.read_text() for file in files)
    return re.sub(r'"\s*f?"', "", text).replace("{STORE_VARIABLE}", "GSAM_STORE")


OURS = (
    "GSAM_STORE is not set",
    "no Ray head answers",
    "asks for a token",
    "no credentials",
    "wrong credentials",
    "the credentials have expired",
    "is not shared: node",
    "no node with room for a training worker",
    "the head at … has not answered",
)


@pytest.mark.parametrize("message", OURS)
def test_messages_are_what_the_project_says(message: str) -> None:
    assert f"`{message}`" in section("When something is wrong")
    assert re.search(re.escape(message).replace("…", ".{1,40}"), sources())


def test_variables_and_files_exist() -> None:
    code = sources()
    for variable in set(re.findall(r"GSAM_[A-Z_]+", PAGE)):
        assert f'"{variable}"' in code, variable
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "cluster" / link).exists(), link
    for place in set(re.findall(r"\bcluster/[\w.]+\b", PAGE)):
        assert (ROOT / place).exists(), place


def test_links_within_the_page_lead_somewhere() -> None:
    titles = re.findall(r"^#+ (.+)$", PAGE, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors


def test_the_repository_has_the_target_that_makes_the_environment() -> None:
    (asked,) = {words[1] for words in commands("make ")}
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", asked], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0 and "requirements.lock" in done.stdout, done.stderr
