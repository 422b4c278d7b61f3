"""Every process of a stack says how it is and what it has done, under the names of the public contract; every name is explained."""

from __future__ import annotations

import re
import urllib.request

import pytest

from deploy.local import programs
from deploy.local.paths import ROOT, SERVICES
from tests.support.servers import until
from tests.support.stack import Stack

OF_A_SERVICE = {
    "accord_messages_handled_total",
    "accord_messages_failed_total",
    "accord_message_age_seconds",
    "accord_rpc_seconds",
    "accord_hub_stalls_total",
}
OF_A_RELAY = {"accord_outbox_lag_seconds", "accord_parked", "accord_dead", "accord_hub_stalls_total"}
OF = {
    **dict.fromkeys(SERVICES, OF_A_SERVICE),
    **{f"{service}-relay": OF_A_RELAY for service in SERVICES},
    "gateway": {"accord_rpc_seconds", "accord_http_seconds", "accord_circuit_open", "accord_hub_stalls_total"},
    "mailer": {"accord_mails_sent_total"},
}
CONTRACT = {
    "accord_messages_handled_total", "accord_messages_failed_total", "accord_message_age_seconds", "accord_outbox_lag_seconds",
    "accord_parked", "accord_dead", "accord_rpc_seconds",
}  # fmt: skip
"""The metrics the public contract names."""
_SAMPLE = re.compile(r"^(accord_[a-z_]+?)(?:_bucket|_sum|_count|_created)?(?:\{(.*)\})? \S+$", re.MULTILINE)


def scrape(stack: Stack, process: str, path: str) -> tuple[int, str]:
    with urllib.request.urlopen(stack.env[programs.health_variable(process)] + path, timeout=10) as answer:
        return int(answer.status), answer.read().decode()


def samples(stack: Stack, process: str) -> dict[str, str]:
    """The metrics of a process that have a value, with the labels of one."""
    return dict(_SAMPLE.findall(scrape(stack, process, "/metrics")[1]))


def test_the_contract_is_kept_by_somebody() -> None:
    assert set().union(*OF.values()) >= CONTRACT


@pytest.mark.parametrize("process", [name for name in programs.health_names() if name != "mailbox"])
def test_a_process_says_that_it_is_alive_ready_and_what_it_has_done(process: str, stack: Stack) -> None:
    assert scrape(stack, process, "/healthz")[0] == 200
    assert scrape(stack, process, "/readyz")[0] == 200
    wanted = OF[process]
    until(lambda: wanted <= set(samples(stack, process)), 20, f"{process} has {wanted}")
    service = process.removesuffix("-relay")
    for name, labels in samples(stack, process).items():
        if name in CONTRACT and process != "gateway":
            assert f'service="{service}"' in labels, (name, labels)


def test_every_metric_is_explained() -> None:
    code = [*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py")]
    made = {
        name
        for path in code
        for name in re.findall(r'(?:Counter|Gauge|Histogram)\(\s*"(accord_[a-z_]+)"', path.read_text(encoding="utf-8"))
    }
    assert made >= CONTRACT
    told = (ROOT / "docs" / "architecture" / "operating.md").read_text(encoding="utf-8")
    assert not {name for name in made if f"`{name}`" not in told}
