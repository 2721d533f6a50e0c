"""`python -m gsam.info` says what runs here, and nothing about whose machine it is."""

import getpass
import json
import os
import socket
from pathlib import Path

import pytest

from gsam.info import collect, main


def test_versions_machine_code_and_data(tmp_path: Path) -> None:
    (tmp_path / "mpii").mkdir()
    (tmp_path / "mpii" / "images.zip").write_bytes(b"data")
    (tmp_path / "mpii" / "twin.json").write_text("{}")
    (tmp_path / "coco").mkdir()
    (tmp_path / "coco" / "README.md").write_text("where to get it")
    facts = collect(tmp_path)
    assert facts["versions"]["torch"].split(".")[0].isdecimal()
    assert facts["extras"]["pipeline"] == "installed"
    assert facts["data"]["mpii"] == "2 files, 0.00 GiB, a twin"
    assert facts["data"]["coco"] == facts["data"]["human36m"] == "none"
    assert facts["machine"]["torch threads"] >= 1


def test_no_names_places_or_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hush-hush-hush")
    assert main([]) == 0 and main(["--json"]) == 0
    said = capsys.readouterr().out
    here = {"hush-hush-hush", str(Path.cwd()), os.path.expanduser("~") + "/", socket.gethostname()}
    user = getpass.getuser()
    assert not [secret for secret in here if secret in said]
    assert f"/{user}/" not in said and f"{user}@" not in said


def test_outside_of_a_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["code"] == {"commit": "not in a git repository"}
    assert set(facts["data"].values()) == {"none"}
