// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Test} from "forge-std/Test.sol";

import {CitizenRegistry} from "../../../contracts/CitizenRegistry.sol";
import {ComputeExchange} from "../../../contracts/ComputeExchange.sol";
import {ComputeOracleRegistry} from "../../../contracts/ComputeOracleRegistry.sol";
import {DistributionVault} from "../../../contracts/DistributionVault.sol";
import {Record} from "../../../contracts/interfaces/IComputeOracleRegistry.sol";
import {SBIToken} from "../../../contracts/SBIToken.sol";
import {Acts} from "./Acts.sol";

/// @title InvariantsTest
/// @dev Invariants 1 to 11 of docs/architecture.md, by number, after every act of a random sequence: each is held against
/// what the ghosts' books and the acts themselves say. `make fuzz` runs the long campaign.
contract InvariantsTest is Test {
    Acts private nation;
    SBIToken private token;
    DistributionVault private vault;
    CitizenRegistry private citizens;
    ComputeOracleRegistry private oracles;
    ComputeExchange private exchange;

    function setUp() public {
        nation = new Acts();
        nation.setUp();
        address[6] memory suite = nation.suite();
        token = SBIToken(suite[0]);
        vault = DistributionVault(suite[1]);
        citizens = CitizenRegistry(suite[2]);
        oracles = ComputeOracleRegistry(suite[3]);
        exchange = ComputeExchange(suite[4]);
        _peopleIt();
        bytes4[] memory acts = _acts();
        targetSelector(FuzzSelector(address(nation), acts));
        targetContract(address(nation));
    }

    /// @dev A nation that has begun: people on the roll, income in their purses, something bought.
    function _peopleIt() private {
        for (uint256 i = 0; i < 4; ++i) {
            nation.registrar_enrols(7 * i + 2);
            // One whose account is active on an earlier leaf is refused.
            try nation.citizen_activates(i) {} catch {}
        }
        nation.oracle_reports(1);
        nation.time_passes(3000);
        nation.stranger_distributes(0);
        nation.buyer_buys(0, 3);
    }

    function _acts() private pure returns (bytes4[] memory acts) {
        bytes4[32] memory all = [
            Acts.registrar_enrols.selector,
            Acts.registrar_retires.selector,
            Acts.registrar_recovers.selector,
            Acts.citizen_activates.selector,
            Acts.citizen_presentsLate.selector,
            Acts.citizen_chooses.selector,
            Acts.citizen_objects.selector,
            Acts.citizen_transfers.selector,
            Acts.citizen_overdraws.selector,
            Acts.citizen_allows.selector,
            Acts.citizen_recycles.selector,
            Acts.citizen_recirculates.selector,
            Acts.relayer_pays.selector,
            Acts.relayer_paysBatch.selector,
            Acts.oracle_reports.selector,
            Acts.oracle_lies.selector,
            Acts.oracle_minorityReports.selector,
            Acts.stranger_distributes.selector,
            Acts.stranger_disputes.selector,
            Acts.stranger_voids.selector,
            Acts.stranger_overreaches.selector,
            Acts.guardian_halts.selector,
            Acts.governor_resumes.selector,
            Acts.governor_schedulesTerms.selector,
            Acts.governor_setsShares.selector,
            Acts.operator_offers.selector,
            Acts.buyer_buys.selector,
            Acts.buyer_buysBySignature.selector,
            Acts.operator_settles.selector,
            Acts.operator_settlesForged.selector,
            Acts.buyer_handsOn.selector,
            Acts.buyer_isRefunded.selector
        ];
        acts = new bytes4[](all.length + 2);
        for (uint256 i = 0; i < all.length; ++i) {
            acts[i] = all[i];
        }
        (acts[all.length], acts[all.length + 1]) = (Acts.governor_renewsOracles.selector, Acts.time_passes.selector);
    }

    /// @dev All of them after every act, in one campaign: each is held against as many states as in one of its own, for an
    /// eleventh of the work. What breaks names itself.
    function invariant_1_to_11() public view {
        (uint256 income, uint256 waiting) = nation.unactivated();
        (uint256 alive, bool onlyTheyAccrue) = nation.living();
        _invariant_1_supply();
        _invariant_2_balances(income);
        _invariant_3_issue();
        _invariant_4_equalDividends();
        _invariant_5_ownWill();
        _invariant_6_noOverreach();
        _invariant_7_quorum();
        _invariant_8_sums();
        _invariant_9_retired(onlyTheyAccrue);
        _invariant_10_heads(alive + waiting);
        _invariant_11_escrow();
    }

    /// totalSupply = issued − recycled, and recycled is what people recycled.
    function _invariant_1_supply() private view {
        assertEq(token.totalSupply(), vault.issued() - token.recycled(), "invariant_1_supply");
        assertEq(token.recycled(), nation.recycledGhost(), "invariant_1_supply");
    }

    /// All balances are within the supply; what is missing is income of leaves not activated, to the wei.
    function _invariant_2_balances(uint256 income) private view {
        assertEq(nation.sumOfBalances() + income, token.totalSupply(), "invariant_2_balances");
    }

    /// Everything issued, held back or waiting comes from entitlement or from what was recirculated.
    function _invariant_3_issue() private view {
        assertEq(nation.fault(3), "", "invariant_3_issue");
        assertEq(
            vault.issued() + vault.reserve() + vault.recirculated(),
            nation.entitled() + nation.recirculated(),
            "invariant_3_issue"
        );
    }

    function _invariant_4_equalDividends() private view {
        assertEq(nation.fault(4), "", "invariant_4_equalDividends");
    }

    function _invariant_5_ownWill() private view {
        assertEq(nation.fault(5), "", "invariant_5_ownWill");
    }

    function _invariant_6_noOverreach() private view {
        assertEq(nation.fault(6), "", "invariant_6_noOverreach");
    }

    /// Each record bears a quorum of distinct signers.
    function _invariant_7_quorum() private view {
        assertEq(nation.fault(7), "", "invariant_7_quorum");
        uint256[] memory epochs = nation.keptEpochs();
        for (uint256 i = 0; i < epochs.length; ++i) {
            uint256 signers = oracles.recordOf(epochs[i]).signers;
            assertEq(signers >> 4, 0, "invariant_7_quorum: a signer that is not in the set");
            assertGe(
                (signers & 1) + (signers >> 1 & 1) + (signers >> 2 & 1) + (signers >> 3 & 1), 3, "invariant_7_quorum"
            );
        }
    }

    /// The accepted total is the sum of the readings, less what was taken out.
    function _invariant_8_sums() private view {
        assertEq(nation.fault(8), "", "invariant_8_sums");
        uint256[] memory epochs = nation.keptEpochs();
        for (uint256 i = 0; i < epochs.length; ++i) {
            Record memory record = oracles.recordOf(epochs[i]);
            assertEq(record.publicOutput, nation.outputOf(epochs[i]), "invariant_8_sums");
        }
    }

    /// Exactly those accrue who live.
    function _invariant_9_retired(bool onlyTheyAccrue) private view {
        assertEq(nation.fault(9), "", "invariant_9_retired");
        assertTrue(onlyTheyAccrue, "invariant_9_retired");
    }

    /// Each head is a living citizen or a leaf not used yet.
    function _invariant_10_heads(uint256 heads) private view {
        assertEq(nation.fault(10), "", "invariant_10_heads");
        assertEq(vault.headcount(), heads, "invariant_10_heads");
    }

    /// The escrow is what outstanding vouchers are worth, and is there.
    function _invariant_11_escrow() private view {
        assertEq(nation.fault(11), "", "invariant_11_escrow");
        assertEq(exchange.escrow(), nation.outstanding(), "invariant_11_escrow");
        assertGe(token.balanceOf(address(exchange)), exchange.escrow(), "invariant_11_escrow");
    }
}
