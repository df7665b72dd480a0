"""Brings to the chain what facilities proved against themselves: wrong products, and two products of one challenge."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from sbi_network.chain.bonds import Bonds
from sbi_network.chain.sender import Call
from sbi_network.errors import SBIError
from sbi_network.meter.proof.on_chain import Products
from sbi_network.oracle.around import Surroundings
from sbi_network.oracle.audit_log import AuditLog, Wrong
from sbi_network.oracle.bring import Ending, bring
from sbi_network.protocol.json_form import Signed
from sbi_network.protocol.messages import Product, products_domain

_SPACING_SECONDS: Final = 2.0
"""Between one oracle's turn and the next one's: so that one pays, not all."""

_log = structlog.get_logger("sbi.oracle.audits")


class Prosecution:
    """Files the open cases of the audit log, once each; another having filed one is as good."""

    def __init__(self, around: Surroundings, products: Products, log: AuditLog) -> None:
        self._around = around
        self._products = products
        self._audit_log = log
        self._domain = products_domain(around.clock.chain_id, products.address)
        self._news = asyncio.Event()
        self._twice: list[tuple[Signed[Product], Signed[Product]]] = []

    def two_products(self, first: Signed[Product], second: Signed[Product]) -> None:
        """A key signed two products of one challenge."""
        self._twice.append((first, second))
        self._news.set()

    def wrong_product(self) -> None:
        """The log has a wrong product more."""
        self._news.set()

    async def run(self) -> None:
        """File what is open, also of before a restart. Never ends by itself."""
        self._news.set()
        while True:
            await self._news.wait()
            self._news.clear()
            try:
                for case in self._audit_log.wrong(only_open=True):
                    await self._file(case)
                while self._twice:
                    first, second = self._twice.pop()
                    await self._turn(first.message)
                    await self._bring(self._products.slash_for_two(first, second), first.message)
            except SBIError as error:
                _log.warning("case_not_filed", reason=str(error))
                await asyncio.sleep(_SPACING_SECONDS)
                self._news.set()

    async def _file(self, case: Wrong) -> None:
        product = case.signed.message
        digest = product.digest(self._domain)
        await self._turn(product)
        if await self._is_slashed(case.signed):
            self._audit_log.close_wrong(digest, Ending.DONE_BY_OTHERS.value)
            return
        if not await self._products.is_disproved(digest):
            await self._bring(self._products.disprove(product, case.entry), product)
        ending = await self._bring(self._products.slash_for_product(case.signed), product)
        self._audit_log.close_wrong(digest, ending.value)

    async def _is_slashed(self, signed: Signed[Product]) -> bool:
        """Whether nothing is left to take: then every further wrong product is only refused."""
        registry = self._around.registry
        bonds = Bonds(registry.chain, await registry.bonds())
        return (await bonds.of(signed.signer(self._domain))).is_slashed

    async def _turn(self, product: Product) -> None:
        config = await self._around.registry.config_at(product.epoch)
        await asyncio.sleep(self._around.rank(config, product.epoch) * _SPACING_SECONDS)

    async def _bring(self, call: Call, product: Product) -> Ending:
        what = f"wrong product of facility {product.facility} in epoch {product.epoch}"
        return await bring(self._around.sender, call, what, self._around.timings.poll_seconds)
