"""Workers talk through the card by whose address Ray knows their node."""

import os

import pytest
import ray

from pipelines import ray_network
from pipelines.ray_network import card_of, choose_card


def test_the_card_of_an_address() -> None:
    assert card_of("127.0.0.1") == "lo"
    assert card_of("192.0.2.77") == "", "an address that nobody has"


@pytest.mark.parametrize("given", ["", "ib0"])
def test_a_card_that_a_person_names_stays(monkeypatch, given) -> None:
    for name in ray_network.VARIABLES:
        monkeypatch.setenv(name, given)
        if not given:
            monkeypatch.delenv(name)
    monkeypatch.setattr(ray.util, "get_node_ip_address", lambda: "127.0.0.1")
    choose_card()
    assert {os.environ.pop(name) for name in ray_network.VARIABLES} == {given or "lo"}
