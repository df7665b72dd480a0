// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";

import {Act, ActKind, Batch, Citizen, ICitizenRegistry, Region} from "./interfaces/ICitizenRegistry.sol";
import {IDistributionVault} from "./interfaces/IDistributionVault.sol";
import {Authorization, ISBIToken} from "./interfaces/ISBIToken.sol";
import {BpsLib} from "./libraries/BpsLib.sol";
import {FieldLib} from "./libraries/FieldLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

// Compared are dates and numbers that this contract alone writes: nobody can shift one by a wei to dodge a rule.
// Blanks in a tuple are figures not asked for here.
// Time: see `EpochLib`.
// slither-disable-start incorrect-equality,unused-return,timestamp

/// @title CitizenRegistry
/// @dev The interface is the manual.
contract CitizenRegistry is ICitizenRegistry, AccessManaged, EIP712 {
    using FieldLib for uint256;

    struct Registrar {
        uint32 number;
        bool inOffice;
    }

    /// @dev | 120 free | countedOn 32 | counts 32 | active 40 | batches 32 |: how many batches there are, and how many citizens
    /// are active, since the day `countedOn`; what it was before then is on record, `counts` times. One slot, so that an
    /// activation, which reads it for the batches, counts for little more.
    struct Roll {
        uint32 batches;
        uint40 active;
        uint32 counts;
        uint32 countedOn;
    }

    /// @dev How many citizens were active at the end of a day that changed it.
    struct Count {
        uint32 day;
        uint40 active;
    }

    bytes32 private constant CHOICE_TYPEHASH = keccak256("LeafChoice(uint256 batch,uint256 index,address account)");
    bytes32 private constant SUCCESSION_TYPEHASH =
        keccak256("Succession(uint256 batch,uint256 index,address previous,address successor)");
    bytes32 private constant OBJECTION_TYPEHASH = keccak256("Objection(uint256 batch,uint256 index,uint256 dueAt)");

    /// @dev Where a citizen's income is paid.
    ISBIToken public immutable token;
    /// @dev Where citizens are counted.
    IDistributionVault public immutable vault;
    /// @inheritdoc ICitizenRegistry
    uint256 public immutable objectionDelay;
    /// @inheritdoc ICitizenRegistry
    uint256 public immutable turnoverPeriod;

    /// @inheritdoc ICitizenRegistry
    uint256 public immutable jumpFloor;
    /// @inheritdoc ICitizenRegistry
    uint256 public immutable jumpBps;

    Roll private _roll;
    uint256 private _registrarCount;
    mapping(uint256 place => Count) private _counts;

    mapping(uint256 batch => Batch) private _batches;
    /// @dev Bit `index & 0xff` of word `index >> 8`: neighbours share a slot.
    mapping(uint256 batch => mapping(uint256 word => uint256)) private _usedLeaves;
    mapping(uint256 batch => mapping(uint256 index => Act)) private _acts;
    mapping(address account => Citizen) private _citizens;
    mapping(uint256 region => Region) private _regions;
    mapping(address registrar => Registrar) private _registrars;
    mapping(uint256 number => address) private _registrarByNumber;

    constructor(
        address authority_,
        ISBIToken token_,
        IDistributionVault vault_,
        uint256 objectionDelay_,
        uint256 turnoverPeriod_,
        uint256 jumpFloor_,
        uint256 jumpBps_
    ) AccessManaged(authority_) EIP712("CitizenRegistry", "1") {
        require(objectionDelay_ != 0 && turnoverPeriod_ != 0, ZeroSpan(objectionDelay_, turnoverPeriod_));
        jumpFloor = jumpFloor_;
        jumpBps = jumpBps_.to32();
        token = token_;
        vault = vault_;
        // In 32 bits, so that no date computed from it passes its field.
        objectionDelay = objectionDelay_.to32();
        turnoverPeriod = turnoverPeriod_;
    }

    /* ENROLMENT */

    /// @inheritdoc ICitizenRegistry
    // The vault calls nobody.
    // slither-disable-next-line reentrancy-benign,reentrancy-events
    function enrol(bytes32 root, uint256 size, uint256 region) external returns (uint256 batch) {
        Registrar memory registrar = _registrars[msg.sender];
        require(registrar.inOffice, NotRegistrar(msg.sender));
        require(root != 0 && size != 0, EmptyBatch(root, size));
        uint32 heads = size.to32();

        _admit(region, heads);
        batch = _roll.batches++;
        uint256 entryIndex = vault.admit(heads);
        _batches[batch] = Batch({
            root: root,
            // The vault keeps its index in 80 bits.
            entryIndex: uint80(entryIndex),
            size: heads,
            region: region.to32(),
            registrar: registrar.number,
            enrolledAt: uint40(block.timestamp)
        });
        emit BatchEnrolled(batch, msg.sender, region, root, size, entryIndex);
    }

    /// @dev Counts heads in a region, within its cap and unless the brake holds it. Nothing overflows: headcounts fit 40
    /// bits and are below a cap that does, heads and `jumpBps` fit 32.
    function _admit(uint256 region, uint256 heads) private {
        Region memory roll = _thisPeriod(region);
        unchecked {
            uint256 headcount = roll.headcount + heads;
            require(headcount <= roll.cap, RegionFull(region, headcount, roll.cap));
            // Of those that were there when the period began, but for who has left since.
            uint256 most = roll.headcount > roll.enrolled ? roll.headcount - roll.enrolled : 0;
            most = most * jumpBps / BpsLib.WHOLE;
            if (most < jumpFloor) most = jumpFloor;
            require(roll.enrolled <= most, EnrolmentHeld(region, roll.enrolled, most));
            roll.headcount = uint40(headcount);
            roll.enrolled += uint40(heads);
            if (roll.enrolled > most) emit EnrolmentBraked(region, roll.enrolled, most);
        }
        _regions[region] = roll;
    }

    /// @dev A region's roll, with what is counted by the period counted anew if another has begun.
    function _thisPeriod(uint256 region) private view returns (Region memory roll) {
        roll = _regions[region];
        uint40 period = uint40(block.timestamp / turnoverPeriod);
        if (roll.period != period) (roll.period, roll.turnover, roll.enrolled) = (period, 0, 0);
    }

    /* ACTIVATION */

    /// @inheritdoc ICitizenRegistry
    function activate(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] calldata proof)
        external
    {
        Batch memory enrolled = _useLeaf(batch, index, account, person, proof);
        _hold(batch, index, account, enrolled, false);
    }

    /// @inheritdoc ICitizenRegistry
    function activateAndPay(
        uint256 batch,
        uint256 index,
        address account,
        bytes32 person,
        bytes32[] calldata proof,
        Authorization calldata payment
    ) external {
        require(payment.from == account, PayerNotCitizen(payment.from, account));
        // Somebody else may have sent the activation in the meantime: no reason to fail the payment.
        if (!_holds(account, batch, index)) {
            Batch memory enrolled = _useLeaf(batch, index, account, person, proof);
            _hold(batch, index, account, enrolled, false);
        }
        token.transferWithAuthorization(payment);
    }

    /// @inheritdoc ICitizenRegistry
    function chooseLeaf(
        uint256 batch,
        uint256 index,
        address account,
        bytes32 person,
        bytes32[] calldata proof,
        bytes calldata signature
    ) external {
        _requireConsent(account, keccak256(abi.encode(CHOICE_TYPEHASH, batch, index, account)), signature);
        if (_holds(account, batch, index)) {
            _citizens[account].chosen = true;
        } else {
            Batch memory enrolled = _useLeaf(batch, index, account, person, proof);
            _hold(batch, index, account, enrolled, true);
        }
    }

    /// @inheritdoc ICitizenRegistry
    function voidLeaf(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] calldata proof)
        external
    {
        Citizen memory citizen = _citizens[account];
        require(citizen.since != 0, NeverActivated(account));
        require(citizen.chosen || !_isEarlier(batch, index, citizen), LeafHolds(batch, index));
        Batch memory enrolled = _useLeaf(batch, index, account, person, proof);
        uint256 last = enrolled.enrolledAt > citizen.since ? enrolled.enrolledAt : citizen.since;
        uint256 allowedFrom = citizen.chosen || citizen.until != 0 ? 0 : last + objectionDelay;
        require(block.timestamp >= allowedFrom, VoidTooSoon(allowedFrom, block.timestamp));
        emit LeafVoided(account, batch, index);
        _dismiss(enrolled.region, enrolled.entryIndex);
    }

    /// @dev Lets an account hold a leaf that was just used: as its first, or in the place of the one it holds.
    function _hold(uint256 batch, uint256 index, address account, Batch memory enrolled, bool chosen) private {
        Citizen memory citizen = _citizens[account];
        if (citizen.since != 0) {
            _replace(batch, index, account, enrolled, citizen, chosen);
            return;
        }
        _citizens[account] = Citizen({
            since: uint40(block.timestamp),
            until: 0,
            // Casts hold: the batch exists, the index is below its size.
            batch: uint32(batch),
            leaf: uint32(index),
            region: enrolled.region,
            chosen: chosen
        });
        _countActive(1);
        emit CitizenActivated(account, batch, index);
        _startAccrual(account, enrolled.entryIndex);
    }

    /// @dev Of two leaves the account keeps the earlier start of income; what the later one received returns.
    // Token and vault call nobody.
    // slither-disable-next-line reentrancy-benign
    function _replace(
        uint256 batch,
        uint256 index,
        address account,
        Batch memory enrolled,
        Citizen memory citizen,
        bool chosen
    ) private {
        bool lives = citizen.until == 0;
        bool allowed = _isEarlier(batch, index, citizen) || chosen && lives;
        require(allowed && !citizen.chosen, AlreadyActivated(account, citizen.since));
        Batch memory held = _batches[citizen.batch];
        emit LeafReplaced(account, batch, index, citizen.batch, citizen.leaf);
        if (lives || enrolled.registrar == held.registrar) {
            // One head too many: of a citizen in the region left, of one who ended (and is counted no more) in this one.
            _dismiss(
                lives ? citizen.region : enrolled.region,
                held.entryIndex > enrolled.entryIndex ? held.entryIndex : enrolled.entryIndex
            );
        } else {
            emit CitizenReturned(account, batch, index);
            (citizen.since, citizen.until) = (uint40(block.timestamp), 0);
            _countActive(1);
            _resume(account, held.entryIndex);
        }
        if (enrolled.entryIndex < held.entryIndex) token.payRange(account, enrolled.entryIndex, held.entryIndex);
        (citizen.batch, citizen.leaf) = (uint32(batch), uint32(index));
        (citizen.region, citizen.chosen) = (enrolled.region, chosen);
        _citizens[account] = citizen;
    }

    /// @dev Income goes on where it ended: on a leaf that counted all the while, as the one held before did since
    /// `heldSince`. What both received until then, one of them received for nobody.
    function _resume(address account, uint256 heldSince) private {
        (, uint256 endedAt,) = token.accountOf(account);
        vault.unissue(heldSince, endedAt);
        _startAccrual(account, endedAt);
    }

    /* CALLS BELOW, each in one place: a call is much code, and there is little room. */

    function _startAccrual(address account, uint256 index) private {
        token.startAccrual(account, index);
    }

    function _endAccrual(address account) private {
        token.endAccrual(account);
    }

    function _index() private view returns (uint256) {
        return vault.dividendIndex();
    }

    /// @dev A head counts no more; what it received since `from` reached no account.
    function _dismiss(uint256 region, uint256 from) private {
        --_regions[region].headcount;
        vault.dismiss(from);
    }

    /// @dev Counts a citizen who begins (1) or ends (-1). The first of a day puts on record what the day before left.
    function _countActive(int8 change) private {
        Roll memory roll = _roll;
        uint32 today = uint32(block.timestamp / 1 days);
        unchecked {
            if (roll.countedOn != today) {
                _counts[roll.counts++] = Count(roll.countedOn, roll.active);
                roll.countedOn = today;
            }
            // Two's complement: adding -1 takes one away.
            roll.active += uint40(int40(change));
        }
        _roll = roll;
    }

    function _holds(address account, uint256 batch, uint256 index) private view returns (bool) {
        Citizen memory citizen = _citizens[account];
        return citizen.since != 0 && citizen.until == 0 && citizen.batch == batch && citizen.leaf == index;
    }

    /// @dev Batches are numbered in the order of their enrolment.
    function _isEarlier(uint256 batch, uint256 index, Citizen memory citizen) private pure returns (bool) {
        return batch < citizen.batch || batch == citizen.batch && index < citizen.leaf;
    }

    /* LEAVES */

    /// @dev Marks a leaf as used, once, if the proof leads to it.
    function _useLeaf(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] calldata proof)
        private
        returns (Batch memory enrolled)
    {
        _requireBatch(batch);
        require(account != address(0), ZeroAccount(batch, index));
        enrolled = _batches[batch];
        require(index < enrolled.size, IndexOutOfBatch(index, enrolled.size));
        uint256 used = _usedLeaves[batch][index >> 8];
        uint256 bit = 1 << (index & 0xff);
        require(used & bit == 0, LeafUsed(batch, index));
        _usedLeaves[batch][index >> 8] = used | bit;
        bytes32 computed = MerkleProof.processProofCalldata(proof, _leafHash(index, account, person));
        require(computed == enrolled.root, InvalidProof(computed, enrolled.root));
    }

    /// @dev Hashed twice, as OpenZeppelin's standard Merkle tree does, so that no inner node can pass for a leaf.
    function _leafHash(uint256 index, address account, bytes32 person) private pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(index, account, person))));
    }

    /* RETIREMENT AND RECOVERY */

    /// @inheritdoc ICitizenRegistry
    function startRetirement(uint256 batch, uint256 index) external {
        _requireLeafOfRegistrar(batch, index);
        _start(batch, index, ActKind.Retirement, address(0));
    }

    /// @inheritdoc ICitizenRegistry
    function startRecovery(uint256 batch, uint256 index, address previous, address successor, bytes calldata signature)
        external
    {
        _requireLeafOfRegistrar(batch, index);
        _requireHolder(previous, batch, index);
        _requireNeverActive(successor);
        bytes32 structHash = keccak256(abi.encode(SUCCESSION_TYPEHASH, batch, index, previous, successor));
        SignatureLib.requireValid(successor, _hashTypedDataV4(structHash), signature);
        _start(batch, index, ActKind.Recovery, successor);
    }

    /// @inheritdoc ICitizenRegistry
    function objectTo(uint256 batch, uint256 index, address account, bytes calldata signature) external {
        _requireHolder(account, batch, index);
        Act memory act = _acts[batch][index];
        require(act.kind != ActKind.None, NoAct(batch, index));
        require(!act.referred, ActReferred(batch, index, true));
        require(!act.upheld, ObjectionDecided(batch, index));
        _requireConsent(account, keccak256(abi.encode(OBJECTION_TYPEHASH, batch, index, act.dueAt)), signature);
        if (act.objected) act.referred = true;
        else (act.kind, act.objected) = (ActKind.None, true);
        _acts[batch][index] = act;
        emit ActObjected(batch, index, account, act.referred);
    }

    /// @inheritdoc ICitizenRegistry
    function withdrawAct(uint256 batch, uint256 index) external {
        _requireLeafOfRegistrar(batch, index);
        _drop(batch, index);
    }

    /// @inheritdoc ICitizenRegistry
    function decideAct(uint256 batch, uint256 index, bool upheld) external restricted {
        Act storage act = _acts[batch][index];
        require(act.referred, ActReferred(batch, index, false));
        if (upheld) {
            (act.referred, act.upheld) = (false, true);
            act.dueAt = uint40(block.timestamp);
            emit ActUpheld(batch, index, act.kind);
        } else {
            _drop(batch, index);
        }
    }

    /// @inheritdoc ICitizenRegistry
    function retire(uint256 batch, uint256 index, address account) external {
        _requireHolder(account, batch, index);
        Batch memory enrolled = _carryOut(batch, index, ActKind.Retirement);
        _end(batch, index, account, enrolled.region);
    }

    /// @inheritdoc ICitizenRegistry
    // Token and vault call nobody. `_hold` and `_end` are two acts, each with its calls at its end.
    // slither-disable-next-line reentrancy-no-eth,reentrancy-benign,reentrancy-events
    function retireByProof(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] calldata proof)
        external
    {
        _requireNeverActive(account);
        Batch memory enrolled = _useLeaf(batch, index, account, person, proof);
        _carryOut(batch, index, ActKind.Retirement);
        _hold(batch, index, account, enrolled, false);
        _end(batch, index, account, enrolled.region);
    }

    function _end(uint256 batch, uint256 index, address account, uint256 region) private {
        _citizens[account].until = uint40(block.timestamp);
        _countActive(-1);
        emit CitizenRetired(account, batch, index);
        _dismiss(region, _index());
        _endAccrual(account);
    }

    /// @inheritdoc ICitizenRegistry
    function recover(uint256 batch, uint256 index, address previous) external {
        _requireHolder(previous, batch, index);
        address successor = _acts[batch][index].successor;
        _carryOut(batch, index, ActKind.Recovery);
        _requireNeverActive(successor);
        Citizen memory citizen = _citizens[previous];
        // By its signature the successor has settled on this leaf.
        (citizen.since, citizen.chosen) = (uint40(block.timestamp), true);
        _citizens[successor] = citizen;
        _citizens[previous].until = uint40(block.timestamp);
        emit CitizenRecovered(previous, successor, batch, index);
        _endAccrual(previous);
        _startAccrual(successor, _index());
    }

    function _start(uint256 batch, uint256 index, ActKind kind, address successor) private {
        Act memory act = _acts[batch][index];
        require(act.kind == ActKind.None, ActPending(batch, index, act.kind));
        uint256 dueAt = block.timestamp + objectionDelay;
        _acts[batch][index] = Act(kind, uint40(dueAt), act.objected, false, false, successor);
        emit ActStarted(batch, index, kind, dueAt, successor);
    }

    /// @dev Ends an act without effect. What was objected before is remembered.
    function _drop(uint256 batch, uint256 index) private {
        Act storage act = _acts[batch][index];
        require(act.kind != ActKind.None, NoAct(batch, index));
        emit ActDropped(batch, index, act.kind);
        (act.kind, act.referred, act.upheld) = (ActKind.None, false, false);
    }

    /// @dev Ends an act that is due, and counts it.
    function _carryOut(uint256 batch, uint256 index, ActKind kind) private returns (Batch memory enrolled) {
        Act memory act = _acts[batch][index];
        require(act.kind == kind, WrongAct(act.kind, kind));
        require(!act.referred, ActReferred(batch, index, true));
        require(block.timestamp >= act.dueAt, ActNotDue(act.dueAt, block.timestamp));
        enrolled = _batches[batch];
        require(_registrars[_registrarByNumber[enrolled.registrar]].inOffice, RegistrarOutOfOffice(enrolled.registrar));
        delete _acts[batch][index];
        _countTurnover(enrolled.region);
    }

    function _countTurnover(uint256 region) private {
        Region memory roll = _thisPeriod(region);
        require(roll.turnover < roll.turnoverCap, TurnoverReached(region, roll.turnover, roll.turnoverCap));
        ++roll.turnover;
        _regions[region] = roll;
    }

    function _requireLeafOfRegistrar(uint256 batch, uint256 index) private view {
        Registrar memory registrar = _registrars[msg.sender];
        require(registrar.inOffice, NotRegistrar(msg.sender));
        _requireBatch(batch);
        Batch memory enrolled = _batches[batch];
        require(registrar.number == enrolled.registrar, NotBatchRegistrar(registrar.number, enrolled.registrar));
        require(index < enrolled.size, IndexOutOfBatch(index, enrolled.size));
    }

    function _requireBatch(uint256 batch) private view {
        uint256 batches = _roll.batches;
        require(batch < batches, UnknownBatch(batch, batches));
    }

    function _requireHolder(address account, uint256 batch, uint256 index) private view {
        require(_holds(account, batch, index), NotHolder(account, batch, index));
    }

    function _requireNeverActive(address account) private view {
        uint256 since = _citizens[account].since;
        require(since == 0, AlreadyActivated(account, since));
    }

    /// @dev The account itself sends, or has signed.
    function _requireConsent(address account, bytes32 structHash, bytes calldata signature) private view {
        if (msg.sender != account) SignatureLib.requireValid(account, _hashTypedDataV4(structHash), signature);
    }

    /* OFFICES AND CAPS */

    /// @inheritdoc ICitizenRegistry
    function addRegistrar(address registrar) external restricted {
        Registrar storage office = _registrars[registrar];
        require(!office.inOffice, AlreadyRegistrar(registrar));
        // An office that returns keeps its number: its batches are still its own.
        if (office.number == 0) {
            office.number = (++_registrarCount).to32();
            _registrarByNumber[office.number] = registrar;
        }
        office.inOffice = true;
        emit RegistrarAdded(registrar, office.number);
    }

    /// @inheritdoc ICitizenRegistry
    function removeRegistrar(address registrar) external restricted {
        Registrar storage office = _registrars[registrar];
        require(office.inOffice, NotRegistrar(registrar));
        office.inOffice = false;
        emit RegistrarRemoved(registrar, office.number);
    }

    /// @inheritdoc ICitizenRegistry
    function moveRegistrar(address previous, address registrar) external restricted {
        Registrar memory office = _registrars[previous];
        require(office.number != 0, NotRegistrar(previous));
        require(_registrars[registrar].number == 0, AlreadyRegistrar(registrar));
        delete _registrars[previous];
        _registrars[registrar] = office;
        _registrarByNumber[office.number] = registrar;
        emit RegistrarMoved(office.number, previous, registrar);
    }

    /// @inheritdoc ICitizenRegistry
    function setRegionCap(uint256 region, uint256 cap) external restricted {
        Region storage roll = _regions[region.to32()];
        emit RegionCapChanged(region, roll.cap, cap);
        roll.cap = cap.to40();
        roll.enrolled = 0;
    }

    /// @inheritdoc ICitizenRegistry
    function setTurnoverCap(uint256 region, uint256 cap) external restricted {
        Region storage roll = _regions[region.to32()];
        emit TurnoverCapChanged(region, roll.turnoverCap, cap);
        roll.turnoverCap = cap.to40();
    }

    /* VIEWS */

    /// @inheritdoc ICitizenRegistry
    function batchCount() external view returns (uint256) {
        return _roll.batches;
    }

    /// @inheritdoc ICitizenRegistry
    function activity() external view returns (uint256 active, uint256 day, uint256 counts) {
        return (_roll.active, _roll.countedOn, _roll.counts);
    }

    /// @inheritdoc ICitizenRegistry
    function activityAt(uint256 place) external view returns (uint256 active, uint256 day) {
        return (_counts[place].active, _counts[place].day);
    }

    /// @inheritdoc ICitizenRegistry
    function citizenOf(address account) external view returns (Citizen memory) {
        return _citizens[account];
    }

    /// @inheritdoc ICitizenRegistry
    function batchOf(uint256 batch) external view returns (Batch memory) {
        _requireBatch(batch);
        return _batches[batch];
    }

    /// @inheritdoc ICitizenRegistry
    function regionOf(uint256 region) external view returns (Region memory) {
        return _regions[region];
    }

    /// @inheritdoc ICitizenRegistry
    function isLeafUsed(uint256 batch, uint256 index) external view returns (bool) {
        return _usedLeaves[batch][index >> 8] & (1 << (index & 0xff)) != 0;
    }

    /// @inheritdoc ICitizenRegistry
    function actOf(uint256 batch, uint256 index) external view returns (Act memory) {
        return _acts[batch][index];
    }

    /// @inheritdoc ICitizenRegistry
    function registrarOf(address registrar) external view returns (uint256 number, bool inOffice) {
        Registrar memory office = _registrars[registrar];
        return (office.number, office.inOffice);
    }

    /// @inheritdoc IERC5267
    function eip712Domain()
        public
        view
        override(EIP712, IERC5267)
        returns (bytes1, string memory, string memory, uint256, address, bytes32, uint256[] memory)
    {
        return super.eip712Domain();
    }
}
// slither-disable-end incorrect-equality,unused-return,timestamp
