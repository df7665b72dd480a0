"""meter.toml: every mistake is told by its place, and no secret with it.

load_meter_settings ── whole ── file ── unknown, missing, wrong keys ── sections that contradict
"""

from __future__ import annotations

from pathlib import Path

import pytest

from sbi_network.chain.errors import SettingsError
from sbi_network.meter.accounting import Replay
from sbi_network.meter.host import HostSettings
from sbi_network.meter.settings import load_meter_settings
from sbi_network.meter.sources import SAMPLE_FOLDER, AccountingSource, HostSource, PrometheusSource
from tests.oracles.meter.stand_ins import REGISTRY, config_text, write_config

HOST = 'kind = "host"'
PROMETHEUS = 'kind = "prometheus"\nurl = "http://127.0.0.1:9090"\ndevices = 2\nops_per_second = 1\n'


def refused(folder: Path, text: str) -> list[str]:
    path = folder / "meter.toml"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        load_meter_settings(path)
    return [line.removeprefix(f"{path}: ") for line in str(error.value).splitlines()]


def test_load_meter_settings__a_host__has_the_settings_told_and_the_rest_by_default(tmp_path: Path) -> None:
    config = load_meter_settings(write_config(tmp_path, HOST + "\ncapacity_interval = 5\n"))
    assert isinstance(config.meter, HostSource)
    assert config.meter.settings() == HostSettings(capacity_interval=5.0)
    assert HostSource().settings() == HostSettings()
    assert config.state == tmp_path / "meter.sqlite"
    assert config.network.registry_address == REGISTRY


def test_load_meter_settings__the_bundled_sample__is_found_in_the_package(tmp_path: Path) -> None:
    config = load_meter_settings(write_config(tmp_path))
    assert isinstance(config.meter, AccountingSource)
    assert config.meter.files() == (SAMPLE_FOLDER / "tasks.csv", SAMPLE_FOLDER / "devices.csv", 86_400)


def test_load_meter_settings__http_without_a_port__is_the_meters(tmp_path: Path) -> None:
    path = write_config(tmp_path)
    path.write_text(path.read_text().replace("port = 8600", 'host = "::1"'))
    http = load_meter_settings(path).http
    assert (http.host, http.port) == ("::1", 8600)


def test_load_meter_settings__own_records__are_taken_from_the_files_folder(tmp_path: Path) -> None:
    text = 'kind = "accounting"\ntasks = "t.csv"\ndevices = "/d.csv"\ntrace_seconds = 60\noffset = 5\nspan = 7'
    config = load_meter_settings(write_config(tmp_path, text))
    assert isinstance(config.meter, AccountingSource)
    assert config.meter.files() == (tmp_path / "t.csv", Path("/d.csv"), 60)
    assert config.meter.replay() == Replay(60, 5, 7)


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        ("port = 8600", "port = 8600\nprot = 1", ["http.prot: unknown key"]),
        ("port = 8600", "port = 65536", ["http.port: Input should be less than or equal to 65535"]),
        (HOST, HOST + "\nmatrix_sise = 1", ["meter.host.matrix_sise: unknown key"]),
        ("facility = 3", "", ["facility: is missing"]),
        ("facility = 3", "facility = -1", ["facility: Input should be greater than or equal to 0"]),
        (HOST, 'kind = "guess"', ["meter: Input tag 'guess' found using 'kind' does not match"]),
        (HOST, HOST + "\nwindow = 4", ["meter.host.window: Input should be greater than or equal to 5"]),
        (
            HOST,
            HOST + "\nsample_seconds = 0.9",
            ["meter.host.sample_seconds: Input should be greater than or equal to 1"],
        ),
        (HOST, HOST + "\nmatrix_size = 65537", ["meter.host.matrix_size: Input should be less than or equal to 65536"]),
        (HOST, HOST + "\ncounter_interval = 3.0", ["meter.host: max_gap is less than twice counter_interval"]),
        (HOST, HOST + "\ncapacity_interval = inf", ["meter.host.capacity_interval: Input should be"]),
        (HOST, 'kind = "accounting"', ["meter.accounting: tasks and devices are needed"]),
        (
            HOST,
            'kind = "accounting"\ntasks = "t"\nsample = "small-facility"',
            ["meter.accounting: sample is given beside tasks"],
        ),
        (
            HOST,
            'kind = "accounting"\ntasks = "t"\ndevices = "d"\noffset = 5',
            ["meter.accounting: offset and span replay a trace: they need trace_seconds"],
        ),
        (
            HOST,
            'kind = "accounting"\ntasks = "t"\ndevices = "d"\ntimezone = "Mars"',
            ["meter.accounting.timezone: is not a time zone"],
        ),
        (
            HOST,
            'kind = "accounting"\nsample = "small-facility"\n[meter.columns]\njob = "x"',
            ["meter.accounting.columns.job: unknown key"],
        ),
        (HOST, 'kind = "nvidia"', ["meter.nvidia.models: is missing"]),
        (
            HOST,
            'kind = "nvidia"\n[meter.models."Tesla T4"]\nops_per_second = 65_130_000_000_001',
            ["meter.nvidia: models.Tesla T4.ops_per_second is more than its published peak of"],
        ),
        (
            HOST,
            'kind = "nvidia"\n[meter.models.X]\nops_per_second = 1\nidle_watts = 5',
            ["meter.nvidia.models.X: idle_watts and load_watts are needed together"],
        ),
        (
            HOST,
            'kind = "nvidia"\n[meter.models.X]\nops_per_second = 1\nidle_watts = 5\nload_watts = 5',
            ["meter.nvidia.models.X: load_watts is not more than idle_watts"],
        ),
        (
            HOST,
            'kind = "nvidia"\n[meter.models.X]\nops_per_second = 1\ncompute_class = "basic"',
            ["meter.nvidia.models.X.compute_class: is not one of general, intelligent, super"],
        ),
        (
            HOST,
            'kind = "nvidia"\ninterval = 3.0\n[meter.models.X]\nops_per_second = 1',
            ["meter.nvidia: max_gap is less than twice interval"],
        ),
        (
            HOST,
            PROMETHEUS + 'query = "q"\nreads = "busy-devices"\ncompute_class = "super"\nstep = 31',
            ["meter.prometheus: max_gap is less than twice step"],
        ),
        (HOST, PROMETHEUS, ["meter.prometheus: exactly one of preset, series and query is needed"]),
        (HOST, PROMETHEUS + 'series = "s"\nquery = "q"', ["meter.prometheus: exactly one of preset, series and query"]),
        (HOST, PROMETHEUS + 'series = "s"', ["meter.prometheus: reads and compute_class are needed beside series"]),
        (
            HOST,
            PROMETHEUS + 'preset = "node-exporter"\nreads = "busy-seconds"',
            ["meter.prometheus: reads and compute_cl"],
        ),
        (HOST, PROMETHEUS + 'preset = "node"', ["meter.prometheus.preset: Input should be 'node-exporter', 'dcgm-ex"]),
        (
            HOST,
            PROMETHEUS.replace("http", "file") + 'preset = "node-exporter"',
            ["meter.prometheus.url: is not an http"],
        ),
        (HOST, HOST + "\n[evidence]\naudit = 1", ["evidence.audit: unknown key"]),
        (HOST, HOST + "\n[evidence]\nunbacked = { basic = 1.0 }", ["evidence.unbacked.basic.[key]: Input should be"]),
        (
            HOST,
            HOST + "\n[evidence]\nunbacked = { general = 1.1 }",
            ["evidence.unbacked.general: Input should be less"],
        ),
        (HOST, HOST + "\n[evidence]\nconfidence = 0.4", ["evidence.confidence: Input should be greater"]),
        (REGISTRY, REGISTRY.lower(), ["network.registry: address: given '0xabab"]),
        ("http://127", "ftp://127", ["network.rpc_url: is not an http or https URL"]),
    ],
)
def test_load_meter_settings__a_mistake__is_told_by_its_key(
    tmp_path: Path, before: str, after: str, told: list[str]
) -> None:
    lines = refused(tmp_path, config_text(HOST).replace(before, after, 1))
    assert len(lines) == len(told)
    assert all(line.startswith(start) for line, start in zip(lines, told, strict=True))


def test_load_meter_settings__several_mistakes__are_told_together_and_without_what_was_given(tmp_path: Path) -> None:
    text = config_text(HOST).replace('password_file = "key.password"', 'password = "hunter2"\nkeystore_file = "x"')
    lines = refused(tmp_path, text.replace("http://127.0.0.1:1/secret-access-key", "secret-access-key"))
    assert sorted(line.split(": ")[0] for line in lines) == [
        "key.keystore_file",
        "key.password",
        "key.password_file",
        "network.rpc_url",
    ]
    assert "hunter2" not in str(lines)
    assert "secret-access-key" not in str(lines)


def test_load_meter_settings__no_toml__tells_the_line(tmp_path: Path) -> None:
    assert "is not TOML" in refused(tmp_path, "facility = \n")[0]
    assert "at line 1" in refused(tmp_path, "facility = \n")[0]


def test_load_meter_settings__no_file__names_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.toml: cannot be read \(No such file"):
        load_meter_settings(tmp_path / "none.toml")


def test_repr__of_a_config__has_no_rpc_address(tmp_path: Path) -> None:
    assert "secret-access-key" not in repr(load_meter_settings(write_config(tmp_path)))


def test_load_meter_settings__evidence__is_weighed_against_the_facility(tmp_path: Path) -> None:
    text = HOST + "\n[evidence]\nconfidence = 0.9500001\nunbacked = { super = 0.3333337, general = 0 }"
    terms = load_meter_settings(write_config(tmp_path, text)).evidence.terms()
    assert (terms.confidence_ppm, terms.unbacked_ppm) == (950_001, (0, 500_000, 333_333))


def test_load_meter_settings__a_preset_with_labels__asks_for_both(tmp_path: Path) -> None:
    text = PROMETHEUS + 'preset = "node-exporter"\nlabels = \'job="a"\''
    source = load_meter_settings(write_config(tmp_path, text)).meter
    assert isinstance(source, PrometheusSource)
    assert source.question().series == ('node_cpu_seconds_total{mode=~"user|nice|system|irq|softirq",job="a"}')
