"""All figures of one process, in a registry of its own: nothing is global.

Seconds and ether, as Prometheus has it, though everything else in this package counts wei. Figures that follow from the
clock or from a file are worked out when they are asked for.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

WEI_PER_ETHER: Final = 10**18

SIGNED_KINDS: Final = ("observation", "report")
"""What an oracle signs."""


class Metrics:
    """The figures that every process has. It is an `EndpointObserver`."""

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._rpc_errors = self.counter(
            "sbi_rpc_errors", "Requests that an endpoint did not answer as it should", "endpoint", "kind"
        )
        self._aside = self.gauge("sbi_rpc_endpoint_aside", "1 while an endpoint is set aside as wrong", "endpoint")

    def counter(self, name: str, about: str, *labels: str) -> Counter:
        """A new counter."""
        return Counter(name, about, labels, registry=self.registry)

    def gauge(self, name: str, about: str, *labels: str) -> Gauge:
        """A new gauge."""
        return Gauge(name, about, labels, registry=self.registry)

    def follow(self, name: str, about: str, figure: Callable[[], float]) -> None:
        """A new gauge whose figure is asked for when it is read."""
        self.gauge(name, about).set_function(figure)

    def endpoint_failed(self, number: int, kind: str) -> None:
        """An endpoint gave no answer that can be used."""
        self._rpc_errors.labels(str(number), kind).inc()

    def endpoint_set_aside(self, number: int, *, aside: bool) -> None:
        """An endpoint is, or is no longer, set aside."""
        self._aside.labels(str(number)).set(aside)


class OracleMetrics:
    """What only an oracle knows. It calls these as things happen; all may be called again with the same.

    `now` gives seconds since the Unix epoch.
    """

    def __init__(self, metrics: Metrics, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._accepted_at = now()
        self._newest = -1
        self._deadlines: dict[int, float] = {}
        self._refusals = metrics.counter("sbi_signing_refusals", "What the signing guard refused to sign", "kind")
        for kind in SIGNED_KINDS:
            self._refusals.labels(kind)  # from zero on: Prometheus sees no increase in what begins with one
        self._disagreement = metrics.gauge(
            "sbi_disagreement", "Oracles whose observation of the last epoch differed from the report"
        )
        self._epoch = metrics.gauge("sbi_last_reported_epoch", "The newest epoch whose report was seen on chain")
        metrics.follow(
            "sbi_report_age_seconds", "Since a report was last accepted, or since the start", self._report_age
        )
        metrics.follow(
            "sbi_deadline_seconds", "Until the next deadline of an epoch without a report; +Inf if none", self._deadline
        )

    def epoch_awaited(self, epoch: int, deadline: float) -> None:
        """An epoch has ended and has no report yet; `deadline` is the last second at which one is accepted."""
        self._deadlines[epoch] = deadline

    def report_accepted(self, epoch: int, at: float) -> None:
        """The chain has an epoch's report since `at`, seconds."""
        self._deadlines.pop(epoch, None)
        if epoch > self._newest:
            self._newest, self._accepted_at = epoch, at
            self._epoch.set(epoch)

    def epoch_missed(self, epoch: int) -> None:
        """An epoch went without a report, or is settled otherwise."""
        self._deadlines.pop(epoch, None)

    def disagreed(self, oracles: int) -> None:
        """How many oracles' observations differed from the last report."""
        self._disagreement.set(oracles)

    def signing_refused(self, kind: str) -> None:
        """The signing guard refused; `kind` is one of `SIGNED_KINDS`."""
        self._refusals.labels(kind).inc()

    def _report_age(self) -> float:
        return self._now() - self._accepted_at

    def _deadline(self) -> float:
        return min(self._deadlines.values(), default=math.inf) - self._now()
