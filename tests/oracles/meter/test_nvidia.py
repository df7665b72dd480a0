"""The nvidia meter against a library that speaks NVML's ABI, compiled here and found where the driver's would be.

run ── cards: known, strangers, none ── NVML: absent, no driver, lost, freed again
measure ── pipes by class ── energy ── the lesser ── gaps, resets, no answer ── nothing known
"""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sbi_network.meter.errors import NotMeasuredError, SourceError
from sbi_network.meter.measurement import EpochSpan, Measurement
from sbi_network.meter.nvidia import CardModel, NvidiaMeter, NvidiaSettings
from sbi_network.meter.nvml import Pipe, opened
from sbi_network.protocol.units import ComputeClass

pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
if shutil.which("gcc") is None:
    pytest.skip("gcc is missing: the stand-in for libnvidia-ml.so.1 cannot be compiled", allow_module_level=True)

SOURCE = Path(__file__).parent / "nvml_stand_in.c"
REPOSITORY = Path(__file__).parents[3]
T0 = 1_700_000_000
SPAN = EpochSpan(0, T0, T0 + 10)
H = "NVIDIA H200"
V = "Tesla V100-SXM2-16GB"
TERA = 1_000_000_000_000


class StandIn:
    """The cards, as the test wants them."""

    def __init__(self, library: Path) -> None:
        # The loader finds a library by its soname among those loaded already: nvidia-ml-py's own CDLL gets this one.
        self._library = ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        self._library.stand_in_cycle.argtypes = [ctypes.c_uint, ctypes.c_double, ctypes.c_uint, ctypes.c_double]
        self._library.stand_in_draw.argtypes = [ctypes.c_uint, ctypes.c_ulonglong]
        self.start()

    def start(self, init_answer: int = 0) -> None:
        self._library.stand_in_start(init_answer)
        self._names = 0

    def add(self, name: str = H, *, gpm: bool = True, energy: bool = True, uuid: str = "") -> None:
        self._library.stand_in_add(name.encode(), (uuid or f"GPU-{self._names}").encode(), int(gpm), int(energy))
        self._names += 1

    def work(self, card: int, active: dict[Pipe, float], watts: int = 0, seconds: int = 1) -> None:
        """One pipe after the other, all within the same 1,000 cycles a second."""
        for number, (pipe, share) in enumerate(active.items()):
            self._library.stand_in_cycle(card, 1000.0 * seconds if number == 0 else 0.0, pipe, share * 1000.0 * seconds)
        self._library.stand_in_draw(card, watts * 1000 * seconds)

    def reset(self, card: int) -> None:
        self._library.stand_in_reset(card)

    def lose(self, card: int, lost: int = 1) -> None:
        self._library.stand_in_lose(card, lost)

    @property
    def held(self) -> tuple[int, int]:
        """Samples and sessions not given back."""
        return self._library.stand_in_samples_held(), self._library.stand_in_open_count()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    flags = ["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC", "-Wl,-soname,libnvidia-ml.so.1"]
    subprocess.run(["gcc", *flags, "-o", str(library), str(SOURCE)], check=True)
    return library


@pytest.fixture(scope="module")
def loaded(library: Path) -> StandIn:
    return StandIn(library)


@pytest.fixture
def cards(loaded: StandIn) -> Iterator[StandIn]:
    loaded.start()
    yield loaded
    assert loaded.held == (0, 0)


class Watched:
    """A meter whose clock and looks the test makes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, compute_class: ComputeClass, energy: bool) -> None:
        self.now = float(T0)
        watts = (100, 700) if energy else (None, None)
        models = {name: CardModel(compute_class, TERA, *watts) for name in (H, V)}
        self.meter = NvidiaMeter(NvidiaSettings(models), lambda: self.now, 100.0)
        monkeypatch.setattr("sbi_network.meter.nvidia.time.monotonic_ns", lambda: int(self.now * 1e9))

    def look(self, seconds: float = 1.0) -> None:
        self.now += seconds
        self.meter._observe()

    def measured(self) -> Measurement:
        return asyncio.run(self.meter.measure(SPAN))


@pytest.fixture
def watched(cards: StandIn, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Watched]:
    """Looks at the stand-in's cards, which the test must have added by `cards` in its own parameters first."""
    compute_class, energy, names = request.param
    for name, gpm in names:
        cards.add(name, gpm=gpm)
    watcher = Watched(monkeypatch, compute_class=compute_class, energy=energy)
    with opened() as devices:
        watcher.meter._take(devices)
        watcher.look(0)
        yield watcher


def one(compute_class: ComputeClass = ComputeClass.INTELLIGENT, *, energy: bool = False, name: str = H) -> object:
    return (compute_class, energy, [(name, name == H)])


@pytest.mark.parametrize("watched", [one()], indirect=True)
def test_measure__a_tensor_pipe_half_active__counts_half_the_rate(cards: StandIn, watched: Watched) -> None:
    # 1e12 op/s × 0.5 × 10 s / 3.6e9 = 1388.8, rounded down.
    for _ in range(10):
        cards.work(0, {Pipe.ANY_TENSOR: 0.5, Pipe.FP64: 0.9})
        watched.look()
    measured = watched.measured()
    assert measured.raw == (0, 1388, 0)
    assert measured.figures[ComputeClass.INTELLIGENT].utilisation_ppm == 500_000
    assert (measured.covered_ms, measured.samples, measured.notes) == (10_000, 10, ())


@pytest.mark.parametrize("watched", [one(ComputeClass.SUPER)], indirect=True)
def test_measure__class_super__counts_the_busiest_fp64_pipe_and_never_the_sum(cards: StandIn, watched: Watched) -> None:
    for _ in range(10):
        cards.work(0, {Pipe.ANY_TENSOR: 0.9, Pipe.DMMA_TENSOR: 0.4, Pipe.FP64: 0.36})
        watched.look()
    assert watched.measured().raw == (0, 0, 1111)


@pytest.mark.parametrize("watched", [(ComputeClass.INTELLIGENT, False, [(H, True), (H, True)])], indirect=True)
def test_measure__two_cards__add_up(cards: StandIn, watched: Watched) -> None:
    for _ in range(10):
        cards.work(0, {Pipe.ANY_TENSOR: 0.18})
        cards.work(1, {Pipe.ANY_TENSOR: 0.36})
        watched.look()
    assert watched.measured().raw == (0, 500 + 1000, 0)
    assert watched.meter.capacity() == (0, 2 * TERA, 0)


@pytest.mark.parametrize("watched", [one(energy=True, name=V)], indirect=True)
def test_measure__a_card_without_pipes__counts_by_energy_above_idle(cards: StandIn, watched: Watched) -> None:
    # (316 − 100) / (700 − 100) = 0.36 of 1e12 op/s × 10 s / 3.6e9 = 1000.
    for _ in range(10):
        cards.work(0, {}, watts=316)
        watched.look()
    assert watched.measured().raw == (0, 1000, 0)


@pytest.mark.parametrize("watched", [one(energy=True)], indirect=True)
def test_measure__pipes_and_energy_that_differ__count_by_the_lesser(cards: StandIn, watched: Watched) -> None:
    for _ in range(10):
        cards.work(0, {Pipe.ANY_TENSOR: 1.0}, watts=316)
        watched.look()
    assert watched.measured().raw == (0, 1000, 0)


@pytest.mark.parametrize("watched", [one(energy=True)], indirect=True)
def test_measure__an_idle_card_below_its_idle_watts__is_zero(cards: StandIn, watched: Watched) -> None:
    for _ in range(10):
        cards.work(0, {Pipe.ANY_TENSOR: 0.0}, watts=60)
        watched.look()
    assert watched.measured().raw == (0, 0, 0)


@pytest.mark.parametrize("watched", [one(name=V)], indirect=True)
def test_measure__neither_pipes_nor_watts__counts_as_unused_and_says_so(cards: StandIn, watched: Watched) -> None:
    cards.work(0, {}, watts=300)
    watched.look(10)
    with pytest.raises(NotMeasuredError, match="epoch 0: no card was observed"):
        watched.measured()


@pytest.mark.parametrize("watched", [one(energy=True)], indirect=True)
def test_measure__counters_reset_by_the_driver__create_no_output(cards: StandIn, watched: Watched) -> None:
    for second in range(10):
        cards.work(0, {Pipe.ANY_TENSOR: 0.36}, watts=700)
        if second == 4:
            cards.reset(0)
            cards.work(0, {Pipe.ANY_TENSOR: 0.36})
        watched.look()
    measured = watched.measured()
    assert measured.raw == (0, 900, 0)
    assert "GPU-0: 1 intervals do not count: counters went backwards" in measured.notes
    assert "GPU-0: 1.0 s were not observed and count as no output" in measured.notes


@pytest.mark.parametrize("watched", [one(energy=True, name=V)], indirect=True)
def test_measure__an_energy_counter_that_goes_back__creates_no_output(cards: StandIn, watched: Watched) -> None:
    for second in range(10):
        cards.work(0, {}, watts=316)
        if second == 4:
            cards.reset(0)
        watched.look()
    measured = watched.measured()
    assert measured.raw == (0, 900, 0)
    assert "GPU-0: 1 intervals do not count: counters went backwards" in measured.notes


@pytest.mark.parametrize("watched", [one()], indirect=True)
def test_measure__a_card_that_is_lost_for_a_while__covers_only_the_rest(cards: StandIn, watched: Watched) -> None:
    for second in range(10):
        cards.work(0, {Pipe.ANY_TENSOR: 0.36})
        cards.lose(0, int(second in (3, 4)))
        watched.look()
    measured = watched.measured()
    # Lost at two looks; the first after it has nothing to compare with.
    assert measured.raw == (0, 700, 0)
    assert measured.covered_ms == 7_000
    assert "GPU-0: 3.0 s were not observed and count as no output" in measured.notes


@pytest.mark.parametrize("watched", [one()], indirect=True)
def test_measure__a_gap_between_looks__covers_nothing(cards: StandIn, watched: Watched) -> None:
    cards.work(0, {Pipe.ANY_TENSOR: 1.0}, seconds=7)
    watched.look(7)
    for _ in range(3):
        cards.work(0, {Pipe.ANY_TENSOR: 0.36})
        watched.look()
    measured = watched.measured()
    assert measured.raw == (0, 300, 0)
    assert "GPU-0: 1 intervals do not count: samples too far apart" in measured.notes


@pytest.mark.parametrize(
    "watched", [(ComputeClass.INTELLIGENT, False, [(H, True), ("NVIDIA L4", True)])], indirect=True
)
def test_measure__a_card_that_the_settings_do_not_know__is_left_out_and_said(cards: StandIn, watched: Watched) -> None:
    cards.work(0, {Pipe.ANY_TENSOR: 1.0})
    watched.look()
    assert "NVIDIA L4 (GPU-1) is not in [meter.models]: not counted" in watched.measured().notes


def test_run__one_card_that_is_listed_twice__counts_once(cards: StandIn) -> None:
    cards.add(uuid="GPU-same")
    cards.add(uuid="GPU-same")
    meter = NvidiaMeter(NvidiaSettings({H: CardModel(ComputeClass.INTELLIGENT, TERA)}), lambda: 0.0, 1.0)
    with opened() as devices:
        meter._take(devices)
    assert meter.capacity() == (0, TERA, 0)


def test_run__no_card_that_the_settings_know__refuses(cards: StandIn) -> None:
    cards.add("NVIDIA L4")
    meter = NvidiaMeter(NvidiaSettings({H: CardModel(ComputeClass.INTELLIGENT, TERA)}), lambda: 0.0, 1.0)
    with pytest.raises(SourceError, match=r"no card here is in \[meter.models\]; the cards here: NVIDIA L4"):
        asyncio.run(meter.run(asyncio.Event()))


def test_run__stopped__gives_back_all_it_held(cards: StandIn) -> None:
    cards.add()

    async def started_and_stopped() -> None:
        settings = NvidiaSettings({H: CardModel(ComputeClass.INTELLIGENT, TERA)}, interval=0.01)
        meter, stop = NvidiaMeter(settings, lambda: float(T0), 1.0), asyncio.Event()
        asyncio.get_running_loop().call_later(0.1, stop.set)
        await asyncio.wait_for(meter.run(stop), timeout=5)

    asyncio.run(started_and_stopped())
    assert cards.held == (0, 0)


def test_offer__cards_of_three_kinds__says_how_each_is_metered(cards: StandIn) -> None:
    cards.add(H)
    cards.add(V, gpm=False)
    cards.add("NVIDIA L4")
    models = {H: CardModel(ComputeClass.INTELLIGENT, 700 * TERA, 75, 700), V: CardModel(ComputeClass.INTELLIGENT, TERA)}
    said = asyncio.run(NvidiaMeter(NvidiaSettings(models), lambda: 0.0, 1.0).offer())
    assert said == [
        "NVIDIA H200 (GPU-0): intelligent, 700.0 Top/s, metered by activity by pipe and energy",
        "Tesla V100-SXM2-16GB (GPU-1): intelligent, 1.0 Top/s, metered by nothing that this card tells: "
        "give idle_watts and load_watts, or it counts as unused",
        "NVIDIA L4 (GPU-2): not in [meter.models], not counted",
    ]


def test_offer__a_driver_that_refuses_its_counters__says_so(cards: StandIn) -> None:
    cards.add(H)
    cards.lose(0)
    meter = NvidiaMeter(NvidiaSettings({H: CardModel(ComputeClass.INTELLIGENT, TERA)}), lambda: 0.0, 1.0)
    assert asyncio.run(meter.offer()) == [
        "NVIDIA H200 (GPU-0): intelligent, 1.0 Top/s, metered by activity by pipe (refused now: GPU is lost)",
    ]


def test_opened__no_driver_is_loaded__says_so_in_one_line(cards: StandIn) -> None:
    cards.start(9)  # NVML_ERROR_DRIVER_NOT_LOADED
    with pytest.raises(SourceError) as error, opened():
        pass
    assert str(error.value) == "NVML cannot be used (Driver Not Loaded): is an NVIDIA driver installed and loaded here?"


def in_a_process_of_its_own(*, library_folder: str) -> str:
    program = (
        "from sbi_network.meter.nvml import opened\n"
        "from sbi_network.errors import SBIError\n"
        "try:\n    with opened() as devices: print('cards', len(devices))\n"
        "except SBIError as error: print(error)\n"
    )
    environment = {"PYTHONPATH": str(REPOSITORY / "oracles"), "LD_LIBRARY_PATH": library_folder}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ | environment
    )
    return done.stdout.strip()


def test_opened__the_library_in_the_loaders_path__is_the_one_that_is_used(library: Path) -> None:
    assert in_a_process_of_its_own(library_folder=str(library.parent)) == "cards 0"


def test_opened__no_library_at_all__says_so_in_one_line() -> None:
    if ctypes.util.find_library("nvidia-ml"):
        pytest.skip("this machine has NVIDIA's library")
    assert in_a_process_of_its_own(library_folder="") == (
        "NVML cannot be used (NVML Shared Library Not Found): is an NVIDIA driver installed and loaded here?"
    )
