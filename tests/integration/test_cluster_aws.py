"""`ray up` goes as far with cluster/aws.yaml as it can without a machine being paid for."""

import time
from pathlib import Path

import pytest
import yaml
from ray.autoscaler._private.aws.config import bootstrap_aws
from ray.autoscaler._private.util import prepare_config

from tests.s3_server import running_s3

AWS = Path(__file__).resolve().parents[2] / "cluster" / "aws.yaml"
AMI = "ami-0123456789abcdef0"


@pytest.mark.slow
def test_aws_gives_everything_that_machines_start_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause = time.sleep
    monkeypatch.setattr(time, "sleep", lambda seconds: pause(min(seconds, 0.1)))
    config = yaml.safe_load(AWS.read_text().replace("ami-FILL-IN", AMI))
    with running_s3(env={"MOTO_IAM_LOAD_MANAGED_POLICIES": "true"}) as url:
        for name, value in {
            "AWS_ENDPOINT_URL": url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "HOME": str(tmp_path),
        }.items():
            monkeypatch.setenv(name, value)
        ready = bootstrap_aws(prepare_config(config))
    for kind in ready["available_node_types"].values():
        machine = kind["node_config"]
        assert machine["ImageId"] == AMI and machine["KeyName"]
        assert machine["SubnetIds"] and machine["SecurityGroupIds"]
    # The head's role: it starts the others, and reaches the bucket.
    assert ready["head_node"]["IamInstanceProfile"]["Arn"]
    assert Path(ready["auth"]["ssh_private_key"]).is_relative_to(tmp_path)
