"""What operators are given to run daemons by, checked by the programs that will read it, where they are installed.

alerts      ├── `promtool check rules`, and rules tests → pass
            └── every figure they name → is one that a daemon tells
dashboard   └── the dashboard model's shape; panels apart; every figure → one that a daemon tells
systemd     └── `systemd-analyze verify`, and `security` below a mark → pass
container   └── every instruction known; not root; no secret; images by name and tag
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field

from sbi_network.chain.connection import Chain
from sbi_network.chain.daemon import add_figures
from sbi_network.chain.endpoint_watch import EndpointWatch
from sbi_network.chain.keys import KeystoreSigner
from sbi_network.chain.outbox import Outbox
from sbi_network.chain.outbox_store import OutboxStore
from sbi_network.chain.outbox_worker import OutboxRules, OutboxWorker
from sbi_network.chain.pulse import Pulse
from sbi_network.monitoring.metrics import Metrics, OracleMetrics
from tests.oracles.chain.test_keys import ACCOUNT

DEPLOY = Path(__file__).parents[2] / "deploy"
MONITORING = DEPLOY / "monitoring"
UNIT = DEPLOY / "systemd" / "sbi@.service"
MOST_EXPOSURE = 25
"""Of systemd's 0 to 100."""


def _needs(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def _figures(folder: Path) -> set[str]:
    """The names of all figures of a daemon that is an oracle and sends."""
    metrics = Metrics()
    OracleMetrics(metrics)
    chain, signer = Chain("http://nowhere.invalid"), KeystoreSigner(ACCOUNT)
    store = OutboxStore(folder / "o", 1, signer.address)
    outbox = Outbox(chain, signer, store, OutboxWorker(chain, 1, store, signer, OutboxRules()))
    add_figures(metrics, outbox, EndpointWatch(chain.pool), Pulse(chain, signer.address))
    names = {metric.name for metric in metrics.registry.collect()}
    return names | {f"{name}_total" for name in names}


def _named(text: str) -> set[str]:
    return set(re.findall(r"\b(?:sbi|process)_[a-z_]+\b", text)) - {"sbi_network"}


def test_alerts__by_promtool__are_sound() -> None:
    promtool = _needs("promtool")
    for arguments in (["check", "rules", "alerts.yml"], ["test", "rules", "alerts_test.yml"]):
        done = subprocess.run([promtool, *arguments], cwd=MONITORING, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["alerts.yml", "dashboard.json"])
def test_monitoring__every_figure_it_names__is_told_by_a_daemon(name: str, tmp_path: Path) -> None:
    named = _named((MONITORING / name).read_text())
    assert len(named) > 8
    assert named <= _figures(tmp_path)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Source(_Model):
    type: Literal["prometheus"]
    uid: Literal["${datasource}"]


class _Place(_Model):
    h: int = Field(ge=1)
    w: int = Field(ge=1, le=24)
    x: int = Field(ge=0, le=23)
    y: int = Field(ge=0)


class _Target(_Model):
    ref_id: str = Field(alias="refId", pattern="^[A-Z]$")
    expr: str = Field(min_length=1)
    legend: str = Field(alias="legendFormat")
    datasource: _Source


class _Panel(_Model):
    id: int
    type: Literal["timeseries", "stat"]
    title: str = Field(min_length=1)
    description: str
    datasource: _Source
    place: _Place = Field(alias="gridPos")
    field_config: dict[Literal["defaults", "overrides"], Any] = Field(alias="fieldConfig")
    options: dict[str, Any]
    targets: list[_Target] = Field(min_length=1)


class _Dashboard(_Model):
    """Grafana's dashboard JSON model, as far as this dashboard uses it."""

    uid: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,40}$")
    title: str
    description: str
    tags: list[str]
    schema_version: int = Field(alias="schemaVersion", ge=36)
    version: int
    editable: bool
    tooltip: int = Field(alias="graphTooltip")
    refresh: str
    time: dict[Literal["from", "to"], str]
    timezone: Literal["utc"]
    annotations: dict[Literal["list"], list[Any]]
    links: list[Any]
    templating: dict[Literal["list"], list[dict[str, Any]]]
    panels: list[_Panel]


def test_dashboard__by_its_model__is_sound_and_panels_are_apart() -> None:
    board = _Dashboard.model_validate_json((MONITORING / "dashboard.json").read_text())
    assert len({panel.id for panel in board.panels}) == len(board.panels)
    for one, other in combinations([panel.place for panel in board.panels], 2):
        apart = one.x + one.w <= other.x or other.x + other.w <= one.x
        assert apart or one.y + one.h <= other.y or other.y + other.h <= one.y
    assert all(panel.place.x + panel.place.w <= 24 for panel in board.panels)
    variables = {variable["name"] for variable in board.templating["list"]}
    used = set(re.findall(r"\$\{?([a-z]+)", json.dumps([panel.model_dump() for panel in board.panels])))
    assert used == variables


def test_dashboard__each_expression__is_promql(tmp_path: Path) -> None:
    """promtool reads them as recording rules, with the variables filled in."""
    promtool = _needs("promtool")
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    expressions = [target["expr"].replace("$daemon", ".*") for panel in panels for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": each} for number, each in enumerate(expressions)]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    done = subprocess.run([promtool, "check", "rules", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_unit__by_systemd__is_sound_and_confined(tmp_path: Path) -> None:
    analyze = _needs("systemd-analyze")
    text = UNIT.read_text()
    assert "ExecStart=/opt/sbi/bin/sbi %i run" in text
    path = tmp_path / "sbi@oracle.service"
    path.write_text(text.replace("/opt/sbi/bin/sbi", "/bin/true"))  # verify wants the program to be there
    verified = subprocess.run([analyze, "verify", str(path)], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    command = [analyze, "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", str(path)]
    secured = subprocess.run(command, capture_output=True, text=True, check=False)
    assert secured.returncode == 0, secured.stdout[-500:]


INSTRUCTIONS = {
    *("FROM", "WORKDIR", "COPY", "RUN", "USER", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"),
}
"""What the file may use. ADD fetches, ENV and ARG keep what they are given in the image: none of them is needed."""


def test_container__line_by_line__runs_as_nobody_and_holds_no_secret() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text()
    lines = re.sub(r"\\\n", " ", "\n".join(line for line in text.splitlines() if not line.startswith("#"))).splitlines()
    steps = [tuple(line.split(maxsplit=1)) for line in lines if line.strip()]
    assert {step[0] for step in steps} <= INSTRUCTIONS
    by_name: dict[str, list[str]] = {}
    for name, rest in steps:
        by_name.setdefault(name, []).append(rest)
    assert all(re.match(r"[a-z0-9./-]+:[a-z0-9.-]+( AS [a-z]+)?$", image) for image in by_name["FROM"])
    assert not any("latest" in image for image in by_name["FROM"])
    assert by_name["USER"] == ["10001:10001"]
    last = [name for name, _ in steps]
    assert last.index("USER") > len(last) - 1 - last[::-1].index("FROM")
    for name in ("ENTRYPOINT", "CMD"):
        assert isinstance(json.loads(by_name[name][0]), list)
    assert not re.search(r"password|secret|keystore|\.json", " ".join(lines), re.IGNORECASE)
    root = DEPLOY.parent
    for rest in by_name["COPY"]:
        if not rest.startswith("--from"):
            assert all((root / name).exists() for name in rest.split()[:-1])
    ignored = (DEPLOY / "container" / "Containerfile.dockerignore").read_text().split()
    assert ignored[0] == "*"
