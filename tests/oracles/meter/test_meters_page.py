"""docs/meters.md: every example loads, and each that can run anywhere is run; the errors it quotes are real ones.

toml ── every block is a file that is accepted ── host: measured ── prometheus: against a live server
accounting ── the page's own records give the page's own reading, to the letter
"""

from __future__ import annotations

import asyncio
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from sbi_network.meter.cli import app
from sbi_network.meter.measurement import EpochSpan
from sbi_network.meter.settings import MeterSettings, load_meter_settings
from sbi_network.meter.sources import NvidiaSource, PrometheusSource, build_meter
from tests.oracles.meter.live_prometheus import LivePrometheus
from tests.oracles.meter.stand_ins import write_key

PAGE = (Path(__file__).parents[3] / "docs" / "meters.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(toml|text)(?: (\S+))?\n(.*?)```", PAGE, re.S)
WHOLE = next(body for kind, _, body in BLOCKS if kind == "toml" and "facility =" in body)
SECTIONS = [body for kind, _, body in BLOCKS if kind == "toml"]
FILES = {name: body for kind, name, body in BLOCKS if kind == "text" and name != "reading"}
READINGS = [body.strip() for kind, name, body in BLOCKS if kind == "text" and name == "reading"]
HOUR = EpochSpan(0, 1_767_225_600, 1_767_229_200)


def settings_of(section: str, folder: Path) -> MeterSettings:
    """The page's whole file with another `[meter]`, beside all files that the page shows, written at the hour's end."""
    whole = section if "facility =" in section else WHOLE[: WHOLE.index("[meter]")] + section
    (folder / "meter.toml").write_text(whole)
    for name, body in FILES.items():
        (folder / name).write_text(body)
        os.utime(folder / name, (HOUR.end, HOUR.end))
    write_key(folder)
    return load_meter_settings(folder / "meter.toml")


def ids(section: str) -> str:
    return " ".join(re.findall(r'(?:kind|preset|query|sample|format|reads) = "([^"]*)"', section)) or "whole"


@pytest.mark.parametrize("section", SECTIONS, ids=ids)
def test_example__every_file_on_the_page__is_accepted(section: str, tmp_path: Path) -> None:
    settings = settings_of(section, tmp_path)
    build_meter(settings.meter, settings.evidence, time.time, 3600)


def examples(kind: str) -> list[str]:
    return [section for section in SECTIONS if f'kind = "{kind}"' in section]


def test_page__every_kind__has_an_example() -> None:
    counts = {kind: len(examples(kind)) for kind in ("host", "nvidia", "prometheus", "accounting")}
    assert counts == {"host": 4, "nvidia": 1, "prometheus": 4, "accounting": 4}


def reading_of(section: str, folder: Path) -> str:
    settings = settings_of(section, folder)
    meter = build_meter(settings.meter, settings.evidence, lambda: HOUR.end + 600.0, HOUR.seconds)
    return asyncio.run(meter.measure(HOUR)).words()


def test_accounting__the_slurm_records_of_the_page__give_the_reading_of_the_page(tmp_path: Path) -> None:
    slurm, _, audited = (section for section in examples("accounting") if "sample" not in section)
    assert reading_of(slurm, tmp_path) == READINGS[0]
    assert reading_of(audited, tmp_path) == READINGS[1]


def test_accounting__the_csv_records_of_the_page__count_by_their_mapped_columns(tmp_path: Path) -> None:
    mapped = next(section for section in examples("accounting") if "columns" in section)
    # 3,600 s × half a card and 900 s × one: 2,700 card-seconds × 240e12 / 3.6e9.
    assert reading_of(mapped, tmp_path).startswith("epoch 0: intelligent 180,000,000 nGAICPh raw")


@pytest.mark.slow
def test_host__the_example__is_measured_by_the_command(tmp_path: Path) -> None:
    settings_of(examples("host")[1], tmp_path)
    result = CliRunner().invoke(app, ["measure", "--config", str(tmp_path / "meter.toml"), "--seconds", "1"])
    assert result.exit_code == 0, result.output
    assert "audited by nobody; used" in result.stdout
    assert re.search(r"the reading would be [\d,]+ general, 0 intelligent, 0 super \(raw nGAICPh\)", result.stdout)


def test_nvidia__the_example_where_there_is_no_driver__fails_as_the_page_says(tmp_path: Path) -> None:
    source = settings_of(examples("nvidia")[0], tmp_path).meter
    assert isinstance(source, NvidiaSource)
    if Path("/proc/driver/nvidia").exists():
        pytest.skip("this machine has an NVIDIA driver")
    result = CliRunner().invoke(app, ["measure", "--config", str(tmp_path / "meter.toml"), "--seconds", "1"])
    assert result.exit_code == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert "NVML cannot be used (" in result.stderr or "no card here is in [meter.models]" in result.stderr


def test_prometheus__the_example_where_nobody_listens__fails_as_the_page_says(tmp_path: Path) -> None:
    section = examples("prometheus")[0].replace(":9090", ":9")
    settings_of(section, tmp_path)
    result = CliRunner().invoke(app, ["measure", "--config", str(tmp_path / "meter.toml"), "--seconds", "1"])
    assert result.exit_code == 1
    assert result.stderr.strip() == "sbi meter: Prometheus at 127.0.0.1:9: cannot be reached (ConnectError)"


@pytest.mark.slow
def test_prometheus__the_examples_of_this_machine__measure_it(tmp_path: Path, live: LivePrometheus) -> None:
    node, _, query, _ = examples("prometheus")
    span = EpochSpan(0, int(time.time()) + 1, int(time.time()) + 5)
    for section in (node, query):
        settings = settings_of(section, tmp_path)
        assert isinstance(settings.meter, PrometheusSource)
        source = settings.meter.model_copy(update={"url": SecretStr(live.url), "devices": psutil.cpu_count() or 1})
        measured = asyncio.run(source.meter(time.time, 4.0).measure(span))
        print(measured.words())
        assert measured.covered_ms == 4_000
        assert 0 < measured.figures[0].operations <= measured.figures[0].capacity * 4
        assert replace(measured, notes=()).raw[1:] == (0, 0)
