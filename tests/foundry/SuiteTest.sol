// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {Test} from "forge-std/Test.sol";

import {CitizenRegistry} from "../../contracts/CitizenRegistry.sol";
import {AuditTerms} from "../../contracts/AuditTerms.sol";
import {ComputeDisputes} from "../../contracts/ComputeDisputes.sol";
import {ComputeExchange} from "../../contracts/ComputeExchange.sol";
import {ComputeOracleRegistry} from "../../contracts/ComputeOracleRegistry.sol";
import {DistributionVault} from "../../contracts/DistributionVault.sol";
import {EcdsaVerifier} from "../../contracts/EcdsaVerifier.sol";
import {IssuancePolicy} from "../../contracts/IssuancePolicy.sol";
import {ProductDisputes} from "../../contracts/ProductDisputes.sol";
import {SBIToken} from "../../contracts/SBIToken.sol";
import {SignerBonds} from "../../contracts/SignerBonds.sol";
import {CitizenVotes} from "../../contracts/governance/CitizenVotes.sol";
import {SecondChamber} from "../../contracts/governance/SecondChamber.sol";
import {SuiteAccessManager} from "../../contracts/governance/SuiteAccessManager.sol";
import {SuiteGovernor} from "../../contracts/governance/SuiteGovernor.sol";
import {SuiteTimelock} from "../../contracts/governance/SuiteTimelock.sol";
import {Report, Verifiers} from "../../contracts/interfaces/IComputeOracleRegistry.sol";
import {Authorization} from "../../contracts/interfaces/ISBIToken.sol";
import {VoteTerms} from "../../contracts/interfaces/ISuiteGovernor.sol";

/// @title SuiteTest
/// @dev The ground of all contract tests: the real suite, deployed in the order and with the predicted addresses of
/// `scripts/_deploy.py`, accounts by role, and what people do as verbs. No helper knows a formula of the contracts: what
/// an act should bring about is written out, in figures, where it is tested.
///
/// Contracts are deployed from their artifacts, not with `new`, so that a change of a contract recompiles no test.
///
/// With the settings as they are, figures come out round: a reading of 1 nGAICPh entitles to 1 SBI, half of the reserve
/// is released each epoch, an hour is an epoch.
abstract contract SuiteTest is Test {
    struct Settings {
        uint256 genesis;
        uint256 epochLength;
        uint256 reportWindow;
        uint256 disputeWindow;
        uint256 maxExtension;
        uint256 ringSize;
        uint256[3] weightsX16;
        uint256 oracleCount;
        uint256 rate;
        uint256 releaseBps;
        uint256 expiryAge;
        uint256 maxRate;
        uint256 releaseFloor;
        uint256 growthBps;
        uint256 minNotice;
        uint256 haltSpan;
        uint256 brakeSpan;
        uint256 jumpFloor;
        uint256 jumpBps;
        uint256 regionJumpFloor;
        uint256 settlementWindow;
        uint256 feeBps;
        uint256 recirculateBps;
        // Zero: the suite's own.
        address policy;
        address source;
    }

    /// @dev A roll of citizens as its registrar keeps it.
    struct Roll {
        uint256 batch;
        bytes32 root;
        address[] accounts;
        bytes32[] persons;
    }

    uint256 internal constant GENESIS = 1_800_000_000;
    uint256 internal constant HOUR = 3600;
    uint256 internal constant SBI = 1e18;
    uint256 internal constant OBJECTION_DELAY = 1800;
    uint256 internal constant TURNOVER_PERIOD = 10 days;
    /// @dev A region may grow by half in a period.
    uint256 internal constant REGION_JUMP_BPS = 5000;
    uint256 internal constant SET_UP = 1 days;
    uint256 internal constant FOUNDING = 60 days;
    uint256 internal constant TIMELOCK_DELAY = 1 days;
    uint256 internal constant RIPENING = 7 days;
    uint256 internal constant VOTING_DELAY = 1 days;
    uint256 internal constant VOTING_PERIOD = 4 days;
    uint256 internal constant GRACE = 10 days;
    uint256 internal constant QUORUM_FLOOR = 3;
    uint256 internal constant QUORUM_BPS = 2500;
    uint256 internal constant CHAMBER_DELAY = 5 days;
    uint64 internal constant GUARDIAN_ROLE = 1;
    /// @dev What an oracle needs to stand, and what a demand costs while no other is open.
    uint256 internal constant BOND = 10 ether;
    uint256 internal constant DEMAND_BOND = 0.1 ether;
    uint256 internal constant REWARD_BPS = 4000;
    /// @dev Above report and dispute windows and extension, 3,300 s; bonds are locked for that and an epoch.
    uint256 internal constant HORIZON = 3900;
    uint256 internal constant LOCK = 7500;
    /// @dev With the dispute window, the extension.
    uint256 internal constant REVEAL_WINDOW = 300;
    uint256 internal constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;
    uint256 internal constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    SuiteAccessManager internal manager;
    SuiteTimelock internal timelock;
    ComputeOracleRegistry internal oracles;
    IssuancePolicy internal policy;
    DistributionVault internal vault;
    SBIToken internal token;
    CitizenRegistry internal citizens;
    ComputeExchange internal exchange;
    EcdsaVerifier internal ecdsa;
    SignerBonds internal bonds;
    ComputeDisputes internal disputes;
    ProductDisputes internal products;
    CitizenVotes internal votes;
    SecondChamber internal chamber;
    SuiteGovernor internal governor;
    AuditTerms internal audits;

    address internal deployer = makeAddr("deployer");
    address internal proposer = makeAddr("proposer");
    address internal registrar = makeAddr("registrar");
    address internal operator = makeAddr("operator");
    address internal readingKey = makeAddr("reading key");
    address internal stranger = makeAddr("stranger");
    address internal relayer = makeAddr("relayer");
    address internal bondOwner = makeAddr("bond owner");
    address internal guardian = makeAddr("guardian");
    /// @dev Who holds the seats of the second chamber, in their order.
    address[4] internal seated =
        [makeAddr("operators"), makeAddr("oracles"), makeAddr("registrars"), makeAddr("civil society")];

    uint256[] internal oracleKeys;
    Settings internal settings;

    function setUp() public virtual {
        _deploySuite(_defaults());
    }

    /* DEPLOYMENT */

    function _defaults() internal pure returns (Settings memory) {
        return Settings({
            genesis: GENESIS,
            epochLength: HOUR,
            reportWindow: 1800,
            disputeWindow: 600,
            maxExtension: 900,
            ringSize: 48,
            weightsX16: [uint256(32), 16, 64],
            oracleCount: 4,
            rate: 1e18,
            releaseBps: 5000,
            expiryAge: 24 * HOUR,
            maxRate: 1e18,
            releaseFloor: 1e6 * SBI,
            growthBps: 12_500,
            minNotice: 3,
            haltSpan: 6 * HOUR,
            brakeSpan: 3 * HOUR,
            // Most tests want any output at any time; those of the brake set what they need.
            jumpFloor: type(uint64).max,
            jumpBps: 20_000,
            regionJumpFloor: type(uint40).max,
            settlementWindow: 2 * HOUR,
            feeBps: 1000,
            recirculateBps: 2000,
            policy: address(0),
            source: address(0)
        });
    }

    /// @dev Deploys a minute before genesis, as a recipe does, and leaves the clock at genesis.
    function _deploySuite(Settings memory chosen) internal {
        settings = chosen;
        vm.warp(chosen.genesis - 60);
        vm.prank(deployer);
        ecdsa = EcdsaVerifier(_create("EcdsaVerifier", ""));
        address[15] memory places = _predict();
        // Known before they are there: the registry names them.
        (bonds, disputes, products) = (SignerBonds(places[8]), ComputeDisputes(places[9]), ProductDisputes(places[10]));
        address source = chosen.source == address(0) ? places[2] : chosen.source;
        address rule = chosen.policy == address(0) ? places[3] : chosen.policy;

        vm.startPrank(deployer);
        manager = SuiteAccessManager(_create("SuiteAccessManager", abi.encode(deployer, block.timestamp + SET_UP)));
        timelock = SuiteTimelock(
            payable(_create(
                    "SuiteTimelock", abi.encode(TIMELOCK_DELAY, places[13], proposer, block.timestamp + FOUNDING)
                ))
        );
        oracles = ComputeOracleRegistry(
            _create(
                "ComputeOracleRegistry", _registryArguments(places[0], chosen, _oracleSet("oracle", chosen.oracleCount))
            )
        );
        policy = IssuancePolicy(_create("IssuancePolicy", abi.encode(chosen.rate, chosen.releaseBps)));
        vault = DistributionVault(
            _create("DistributionVault", abi.encode(places[0], places[5], places[6], rule, source, _bounds(chosen)))
        );
        token = SBIToken(_create("SBIToken", abi.encode(places[4], places[6])));
        citizens = CitizenRegistry(
            _create(
                "CitizenRegistry",
                abi.encode(
                    places[0],
                    places[5],
                    places[4],
                    OBJECTION_DELAY,
                    TURNOVER_PERIOD,
                    chosen.regionJumpFloor,
                    REGION_JUMP_BPS
                )
            )
        );
        exchange = ComputeExchange(
            _create(
                "ComputeExchange",
                abi.encode(
                    places[0],
                    places[5],
                    places[4],
                    places[2],
                    chosen.settlementWindow,
                    chosen.feeBps,
                    chosen.recirculateBps
                )
            )
        );
        _create("SignerBonds", abi.encode(oracles, BOND, REWARD_BPS, LOCK));
        _create("ComputeDisputes", abi.encode(oracles, bonds, products, HORIZON, REVEAL_WINDOW, DEMAND_BOND));
        _create("ProductDisputes", abi.encode(disputes, places[14]));
        _deployGovernance(places);
        audits = AuditTerms(_create("AuditTerms", abi.encode(manager, oracles, exchange)));
        citizens.addRegistrar(registrar);
        citizens.setRegionCap(1, 1e6);
        citizens.setRegionCap(2, 2e9);
        citizens.setTurnoverCap(1, 3);
        oracles.registerFacility(operator, readingKey, 1, [uint256(1000), 2000, 3000], 10_000);
        oracles.registerFacility(operator, readingKey, 1, [uint256(1000), 0, 0], 5000);
        manager.setTargetFunctionRole(address(vault), _selectors(vault.halt.selector), GUARDIAN_ROLE);
        manager.grantRole(GUARDIAN_ROLE, guardian, 0);
        manager.grantRole(0, address(timelock), 0);
        manager.renounceRole(0, deployer);
        vm.stopPrank();

        require(address(exchange) == places[7] && address(audits) == places[14], "addresses moved");
        _bondSet("oracle", chosen.oracleCount);
        for (uint256 i = 0; i < chosen.oracleCount; ++i) {
            if (oracleKeys.length <= i) oracleKeys.push(_oracleKey("oracle", i));
        }
        vm.warp(chosen.genesis);
    }

    function _predict() private view returns (address[15] memory places) {
        uint256 nonce = vm.getNonce(deployer);
        for (uint256 i = 0; i < places.length; ++i) {
            places[i] = vm.computeCreateAddress(deployer, nonce + i);
        }
    }

    function _deployGovernance(address[15] memory places) private {
        votes = CitizenVotes(_create("CitizenVotes", abi.encode(citizens, RIPENING)));
        chamber = SecondChamber(
            _create("SecondChamber", abi.encode(places[0], places[13], CHAMBER_DELAY, uint256(2), seated))
        );
        governor =
            SuiteGovernor(payable(_create("SuiteGovernor", abi.encode(votes, timelock, chamber, GRACE, _voteTerms()))));
    }

    function _voteTerms() internal pure returns (VoteTerms memory) {
        return VoteTerms(uint48(VOTING_DELAY), uint32(VOTING_PERIOD), uint64(QUORUM_FLOOR), uint16(QUORUM_BPS));
    }

    function _selectors(bytes4 selector) internal pure returns (bytes4[] memory list) {
        list = new bytes4[](1);
        list[0] = selector;
    }

    function _registryArguments(address authority, Settings memory chosen, address[] memory set)
        internal
        view
        returns (bytes memory)
    {
        return abi.encode(authority, _timing(chosen), bonds, set, chosen.weightsX16, _verifiers());
    }

    /// @dev Whom the suite's configurations trust beside their oracles.
    function _verifiers() internal view returns (Verifiers memory) {
        return _verifiersWith(address(disputes));
    }

    function _verifiersWith(address disputes_) internal view returns (Verifiers memory) {
        return Verifiers(address(ecdsa), disputes_);
    }

    function _timing(Settings memory chosen) internal pure returns (ComputeOracleRegistry.Timing memory) {
        return ComputeOracleRegistry.Timing(
            chosen.genesis,
            chosen.epochLength,
            chosen.reportWindow,
            chosen.disputeWindow,
            chosen.maxExtension,
            chosen.ringSize
        );
    }

    function _bounds(Settings memory chosen) internal pure returns (DistributionVault.Bounds memory) {
        return DistributionVault.Bounds(
            chosen.genesis,
            chosen.epochLength,
            chosen.expiryAge,
            chosen.maxRate,
            chosen.releaseFloor,
            chosen.growthBps,
            chosen.minNotice,
            chosen.haltSpan,
            chosen.brakeSpan,
            chosen.jumpFloor,
            chosen.jumpBps
        );
    }

    function _create(string memory name, bytes memory arguments) internal returns (address) {
        return _run(_initCode(name, arguments));
    }

    /// @dev A deployment that must fail with exactly this error.
    function _expectCreateReverts(bytes memory expected, string memory name, bytes memory arguments) internal {
        bytes memory code = _initCode(name, arguments);
        vm.expectRevert(expected);
        _run(code);
    }

    function _initCode(string memory name, bytes memory arguments) private view returns (bytes memory) {
        return bytes.concat(vm.getCode(string.concat(name, ".sol:", name)), arguments);
    }

    function _run(bytes memory code) private returns (address created) {
        assembly ("memory-safe") {
            created := create(0, add(code, 0x20), mload(code))
            if iszero(created) {
                returndatacopy(0, 0, returndatasize())
                revert(0, returndatasize())
            }
        }
    }

    function _one(address account) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = account;
    }

    /* GOVERNANCE AND TIME */

    /// @dev The next call is one that the timelock makes.
    function _asGovernor() internal {
        vm.prank(address(timelock));
    }

    /// @dev What a managed contract throws at a caller without permission.
    function _unauthorized(address caller) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("AccessManagedUnauthorized(address)", caller);
    }

    /// @dev The first second after an epoch.
    function _endOf(uint256 epoch) internal view returns (uint256) {
        return settings.genesis + (epoch + 1) * settings.epochLength;
    }

    function _warpToEndOf(uint256 epoch) internal {
        if (block.timestamp < _endOf(epoch)) vm.warp(_endOf(epoch));
    }

    /// @dev Goes to the first second of an epoch.
    function _warpTo(uint256 epoch) internal {
        vm.warp(settings.genesis + epoch * settings.epochLength);
    }

    /* CITIZENS */

    function _citizenKey(string memory who) internal pure returns (uint256) {
        return uint256(keccak256(bytes(who)));
    }

    function _citizen(uint256 number) internal pure returns (address) {
        return vm.addr(_citizenKey(string.concat("citizen ", vm.toString(number))));
    }

    /// @dev A registrar lists people and enrols them in region 1.
    function _enrol(address[] memory accounts) internal returns (Roll memory roll) {
        roll = _list(accounts);
        vm.prank(registrar);
        roll.batch = citizens.enrol(roll.root, accounts.length, 1);
    }

    /// @dev A registrar enrols `count` people whom nobody else mentions.
    function _enrolMany(uint256 count) internal returns (Roll memory roll) {
        address[] memory accounts = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            accounts[i] = _citizen(i);
        }
        return _enrol(accounts);
    }

    /// @dev A registrar enrols a large batch, of which only one leaf is written down, with its proof.
    function _enrolLarge(uint256 size, uint256 index, address account, uint256 depth)
        internal
        returns (uint256 batch, bytes32 person, bytes32[] memory proof)
    {
        person = keccak256("somebody");
        proof = new bytes32[](depth);
        bytes32 node = _leaf(index, account, person);
        for (uint256 i = 0; i < depth; ++i) {
            proof[i] = keccak256(abi.encode("sibling", i));
            node = _pair(node, proof[i]);
        }
        vm.prank(registrar);
        batch = citizens.enrol(node, size, 2);
    }

    function _activate(Roll memory roll, uint256 index) internal {
        bytes32[] memory proof = _proof(roll, index);
        vm.prank(relayer);
        citizens.activate(roll.batch, index, roll.accounts[index], roll.persons[index], proof);
    }

    function _activateAll(Roll memory roll) internal {
        for (uint256 i = 0; i < roll.accounts.length; ++i) {
            _activate(roll, i);
        }
    }

    function _list(address[] memory accounts) internal pure returns (Roll memory roll) {
        roll.accounts = accounts;
        roll.persons = new bytes32[](accounts.length);
        for (uint256 i = 0; i < accounts.length; ++i) {
            roll.persons[i] = keccak256(abi.encode("person", accounts[i]));
        }
        bytes32[] memory layer = _leaves(roll);
        while (layer.length > 1) layer = _parents(layer);
        roll.root = layer[0];
    }

    function _proof(Roll memory roll, uint256 index) internal pure returns (bytes32[] memory proof) {
        bytes32[] memory found = new bytes32[](32);
        uint256 depth;
        for (bytes32[] memory layer = _leaves(roll); layer.length > 1; layer = _parents(layer)) {
            if (index ^ 1 < layer.length) found[depth++] = layer[index ^ 1];
            index >>= 1;
        }
        proof = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            proof[i] = found[i];
        }
    }

    function _leaf(uint256 index, address account, bytes32 person) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(index, account, person))));
    }

    function _pair(bytes32 a, bytes32 b) internal pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function _leaves(Roll memory roll) private pure returns (bytes32[] memory leaves) {
        leaves = new bytes32[](roll.accounts.length);
        for (uint256 i = 0; i < leaves.length; ++i) {
            leaves[i] = _leaf(i, roll.accounts[i], roll.persons[i]);
        }
    }

    /// @dev The layer above; one that is left over goes up as it is.
    function _parents(bytes32[] memory layer) private pure returns (bytes32[] memory above) {
        above = new bytes32[]((layer.length + 1) / 2);
        for (uint256 i = 0; i < above.length; ++i) {
            bool paired = 2 * i + 1 < layer.length;
            above[i] = paired ? _pair(layer[2 * i], layer[2 * i + 1]) : layer[2 * i];
        }
    }

    /* ORACLES AND INCOME */

    function _oracleKey(string memory set, uint256 number) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(set, number)));
    }

    function _oracleSet(string memory set, uint256 count) internal pure returns (address[] memory accounts) {
        accounts = new address[](count);
        for (uint256 i = 0; i < count; ++i) {
            accounts[i] = vm.addr(_oracleKey(set, i));
        }
    }

    /// @dev Puts up the required bond for every member of a set, so that it stands.
    function _bondSet(string memory set, uint256 count) internal {
        for (uint256 i = 0; i < count; ++i) {
            _bond(_oracleKey(set, i), BOND);
        }
    }

    /// @dev The bonds' owner puts up a bond, to which the signer consents.
    function _bond(uint256 key, uint256 amount) internal {
        bytes memory consent = _sign(key, bonds.bondDigest(vm.addr(key), bondOwner));
        vm.deal(bondOwner, bondOwner.balance + amount);
        vm.prank(bondOwner);
        bonds.bond{value: amount}(vm.addr(key), consent);
    }

    /// @dev The report that the epoch's oracles would agree on if its output were this.
    function _reportOf(uint256 epoch, uint256 output) internal view returns (Report memory) {
        (, bytes32 digest, uint256 weightsVersion,,) = oracles.configAt(epoch);
        return Report({
            configDigest: digest,
            epoch: epoch,
            viewNumber: 0,
            weightsVersion: weightsVersion,
            facilityCount: oracles.facilityCount(),
            root: keccak256(abi.encode("readings", epoch, output)),
            rawGeneral: 1,
            rawIntelligent: 2,
            rawSuper: 3,
            publicOutput: output
        });
    }

    /// @dev Signatures of the oracles with these numbers, in this order.
    function _signedBy(Report memory report, uint256[] memory numbers) internal view returns (bytes memory signatures) {
        bytes32 digest = oracles.reportDigest(report);
        for (uint256 i = 0; i < numbers.length; ++i) {
            signatures = bytes.concat(signatures, _entry(numbers[i], oracleKeys[numbers[i]], digest));
        }
    }

    function _entry(uint256 number, uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (bytes32 r, bytes32 vs) = vm.signCompact(key, digest);
        return abi.encodePacked(uint8(number), r, vs);
    }

    function _signedByQuorum(Report memory report) internal view returns (bytes memory) {
        return _signedBy(report, _firstOracles(settings.oracleCount == 4 ? 3 : settings.oracleCount));
    }

    function _firstOracles(uint256 count) internal pure returns (uint256[] memory numbers) {
        numbers = new uint256[](count);
        for (uint256 i = 0; i < count; ++i) {
            numbers[i] = i;
        }
    }

    /// @dev A quorum reports an epoch, which is over.
    function _report(uint256 epoch, uint256 output) internal {
        Report memory report = _reportOf(epoch, output);
        bytes memory signatures = _signedByQuorum(report);
        vm.prank(relayer);
        oracles.submitReport(report, signatures);
    }

    /// @dev Lets the vault's next epoch end, has it reported and waits until that is final.
    function _attest(uint256 output) internal returns (uint256 epoch) {
        epoch = vault.nextEpoch();
        _warpToEndOf(epoch);
        _report(epoch, output);
        vm.warp(block.timestamp + settings.disputeWindow + 1);
    }

    /// @dev An epoch brings this output, and its income reaches people.
    function _income(uint256 output) internal {
        _attest(output);
        vault.distribute();
    }

    /* SIGNED PAYMENTS */

    /// @dev A payment that is valid now, not yet signed.
    function _payment(address from, address to, uint256 value, bytes32 nonce)
        internal
        view
        returns (Authorization memory)
    {
        return Authorization(from, to, value, 0, block.timestamp + 1 days, nonce, "");
    }

    /// @dev The digest of a payment by ERC-3009; `verb` is `Transfer` or `Receive`.
    function _paymentDigest(string memory verb, Authorization memory item) internal view returns (bytes32) {
        bytes32 typehash = keccak256(
            abi.encodePacked(
                verb,
                "WithAuthorization(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)"
            )
        );
        return _digest(
            "Smart Basic Income",
            address(token),
            keccak256(
                abi.encode(typehash, item.from, item.to, item.value, item.validAfter, item.validBefore, item.nonce)
            )
        );
    }

    function _signPayment(string memory verb, uint256 key, Authorization memory item)
        internal
        view
        returns (Authorization memory)
    {
        item.signature = _sign(key, _paymentDigest(verb, item));
        return item;
    }

    /// @dev EIP-712, for a domain of version 1 on this chain.
    function _digest(string memory name, address verifier, bytes32 structHash) internal view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256("1"),
                block.chainid,
                verifier
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function _sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    /// @dev The second form that every ECDSA signature has: s mirrored, v flipped.
    function _malleated(bytes memory signature) internal pure returns (bytes memory other, uint256 highS) {
        (bytes32 r, bytes32 s, uint8 v) = _parts(signature);
        highS = ORDER - uint256(s);
        return (abi.encodePacked(r, highS, v == 27 ? uint8(28) : uint8(27)), highS);
    }

    function _parts(bytes memory signature) internal pure returns (bytes32 r, bytes32 s, uint8 v) {
        assembly ("memory-safe") {
            r := mload(add(signature, 0x20))
            s := mload(add(signature, 0x40))
            v := byte(0, mload(add(signature, 0x60)))
        }
    }

    /// @dev Whose the signature is by ECDSA alone.
    function _recover(bytes32 digest, bytes memory signature) internal pure returns (address) {
        (bytes32 r, bytes32 s, uint8 v) = _parts(signature);
        return ecrecover(digest, v, r, s);
    }

    function _refusedSignature(address expected, address recovered) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("InvalidSignature(address,address)", expected, recovered);
    }

    function _refusedHighS(uint256 s) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("MalleableSignature(uint256,uint256)", s, HALF_ORDER);
    }

    function _aboveField(uint256 given, uint256 max) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("AboveField(uint256,uint256)", given, max);
    }

    function _panic() internal pure returns (bytes memory) {
        return abi.encodeWithSignature("Panic(uint256)", 0x11);
    }
}
