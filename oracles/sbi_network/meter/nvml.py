"""NVIDIA's management library, as far as metering needs it: what devices there are, and what their counters say.

By `nvidia-ml-py`, an optional package (`pip install 'sbi-network[nvidia]'`), which loads `libnvidia-ml.so.1`, a part of
the driver. Two counters are read, and `GPU_UTIL` is not one of them: that one says that a kernel was resident, which a
sleeping one is too.

- **GPM metrics** (Hopper and later): the percentage of cycles that each pipe was active between two samples.
- **Total energy** (Volta and later): millijoules since the driver was loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from types import ModuleType
from typing import Any

from sbi_network.meter.errors import SourceError


class Pipe(IntEnum):
    """Pipes whose activity can be asked for, by the number of their GPM metric in nvml.h."""

    ANY_TENSOR = 5
    DFMA_TENSOR = 6
    DMMA_TENSOR = 8
    FP64 = 11
    FP32 = 12


@dataclass(frozen=True, slots=True)
class Activity:
    """One pipe's activity between two samples, in millionths of all cycles, rounded down."""

    pipe: Pipe
    ppm: int


class NvmlDevice:
    """One card."""

    def __init__(self, nvml: ModuleType, handle: Any) -> None:
        self._nvml, self._handle = nvml, handle
        self.name = _text(nvml.nvmlDeviceGetName(handle))
        self.uuid = _text(nvml.nvmlDeviceGetUUID(handle))
        self.has_pipes = self._supports_gpm()
        self._last: Any = None

    def energy_mj(self) -> int | None:
        """Millijoules drawn since the driver was loaded; None where the card does not count them."""
        try:
            return int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(self._handle))
        except self._nvml.NVMLError:
            return None

    def activity(self, pipes: Sequence[Pipe]) -> Sequence[Activity] | None:
        """What the pipes did since the last call; None the first time, and where the driver cannot say."""
        if not self.has_pipes:
            return None
        try:
            sample = self._sample()
        except self._nvml.NVMLError:
            self.close()
            return None
        last, self._last = self._last, sample
        if last is None:
            return None
        try:
            return self._between(last, sample, pipes)
        except self._nvml.NVMLError:
            return None
        finally:
            self._nvml.nvmlGpmSampleFree(last)

    def refusal(self) -> str:
        """Why the driver does not tell what the pipes do, though the card could; empty where it does."""
        try:
            self._nvml.nvmlGpmSampleFree(self._sample())
        except self._nvml.NVMLError as error:
            return str(error)
        return ""

    def close(self) -> None:
        """Give back what NVML holds for the card's samples."""
        last, self._last = self._last, None
        if last is not None:
            self._nvml.nvmlGpmSampleFree(last)

    def _supports_gpm(self) -> bool:
        try:
            return bool(self._nvml.nvmlGpmQueryDeviceSupport(self._handle).isSupportedDevice)
        except self._nvml.NVMLError:
            return False

    def _sample(self) -> Any:
        sample = self._nvml.nvmlGpmSampleAlloc()
        try:
            return self._nvml.nvmlGpmSampleGet(self._handle, sample)
        except self._nvml.NVMLError:
            self._nvml.nvmlGpmSampleFree(sample)
            raise

    def _between(self, earlier: Any, later: Any, pipes: Sequence[Pipe]) -> Sequence[Activity] | None:
        asked = self._nvml.c_nvmlGpmMetricsGet_t()
        asked.version = self._nvml.NVML_GPM_METRICS_GET_VERSION
        asked.numMetrics, asked.sample1, asked.sample2 = len(pipes), earlier, later
        for place, pipe in enumerate(pipes):
            asked.metrics[place].metricId = int(pipe)
        self._nvml.nvmlGpmMetricsGet(asked)
        answers = [asked.metrics[place] for place in range(len(pipes))]
        if any(answer.nvmlReturn != self._nvml.NVML_SUCCESS or not 0 <= answer.value <= 100 for answer in answers):
            return None  # a comparison with NaN is false: that is no answer either
        return [Activity(pipe, int(answer.value * 10_000)) for pipe, answer in zip(pipes, answers, strict=True)]


@contextmanager
def opened() -> Iterator[Sequence[NvmlDevice]]:
    """All cards, while NVML is open. Raises SourceError, with what to do about it."""
    nvml = _module()
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise SourceError(f"NVML cannot be used ({error}): is an NVIDIA driver installed and loaded here?") from None
    try:
        devices = _devices(nvml)
        try:
            yield devices
        finally:
            for device in devices:
                device.close()
    finally:
        nvml.nvmlShutdown()


def _devices(nvml: ModuleType) -> Sequence[NvmlDevice]:
    try:
        count = nvml.nvmlDeviceGetCount()
        return [NvmlDevice(nvml, nvml.nvmlDeviceGetHandleByIndex(number)) for number in range(count)]
    except nvml.NVMLError as error:
        raise SourceError(f"NVML does not tell its devices ({error})") from None


def _module() -> ModuleType:
    """Imported only where it is asked for: most operators have no such card."""
    try:
        import pynvml
    except ImportError:
        raise SourceError("the package nvidia-ml-py is missing: pip install 'sbi-network[nvidia]'") from None
    module: ModuleType = pynvml
    return module


def _text(given: str | bytes) -> str:
    return given.decode(errors="replace") if isinstance(given, bytes) else given
