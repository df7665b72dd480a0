// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {Authorization} from "./ISBIToken.sol";

/// @dev Citizens enrolled together.
struct Batch {
    /// Root of the standard Merkle tree over (index, account, person).
    bytes32 root;
    /// Dividend index at which the batch entered, units of 1e6 wei: its citizens receive everything since.
    uint80 entryIndex;
    /// Leaves; each counts in the headcount from enrolment on.
    uint32 size;
    /// The region its citizens belong to.
    uint32 region;
    /// Number of the registrar who enrolled it.
    uint32 registrar;
    /// When it was enrolled, seconds.
    uint40 enrolledAt;
}

/// @dev A citizen's standing.
struct Citizen {
    /// When the account activated, seconds; zero if it never did.
    uint40 since;
    /// When its income ended, seconds; zero while it goes on.
    uint40 until;
    /// The batch of its leaf.
    uint32 batch;
    /// The index of its leaf.
    uint32 leaf;
    /// Its region.
    uint32 region;
    /// The account signed for this leaf: no earlier one replaces it.
    bool chosen;
}

/// @dev A region's roll.
struct Region {
    /// Citizens enrolled and not retired.
    uint40 headcount;
    /// The most there may be.
    uint40 cap;
    /// Retirements and recoveries in `period`.
    uint40 turnover;
    /// The most there may be in a period.
    uint40 turnoverCap;
    /// The period that `turnover` and `enrolled` count: time over `turnoverPeriod`, rounded down.
    uint40 period;
    /// Citizens enrolled in `period`, or since a vote last set the cap.
    uint40 enrolled;
}

/// @dev What a registrar may do about a citizen, in time and unless the citizen objects.
enum ActKind {
    None,
    Retirement,
    Recovery
}

/// @dev An act about one leaf.
struct Act {
    ActKind kind;
    /// When it can be carried out, seconds; of no account while referred.
    uint40 dueAt;
    /// The citizen has objected to an act about this leaf. Kept when an act ends without effect.
    bool objected;
    /// The citizen objected again: the second office decides.
    bool referred;
    /// The second office let it go on: no objection is heard any more.
    bool upheld;
    /// Of a recovery: the account that takes over.
    address successor;
}

/// @title ICitizenRegistry
/// @dev The roll: who shares in the income. One person, one leaf; one leaf, one share.
///
/// **Enrolment.** A registrar enrols a batch of any size in one transaction. Every leaf counts from that moment on.
/// Enrolment is bounded by a cap on each region's headcount. `docs/protocol.md` gives the leaf's bytes. A region that grows
/// in one period by more than the greater of `jumpFloor` and `jumpBps` / 10,000 of what it was has *jumped*: its enrolment,
/// and no other region's, rests until the next period, or until a vote sets its cap.
///
/// **Activation.** A citizen, or anyone for the citizen, activates a leaf by its proof; the account then holds
/// everything that the leaf has received since the batch was enrolled, and accrues from there. Nothing lapses while
/// nobody activates. An account is active once, ever.
///
/// **One life per account.** If several leaves name one account, the earliest enrolled (by batch, then index) holds:
/// presented late, it replaces the active one and the account is paid what it received in between. Only the account
/// itself can settle on another leaf, by signing `LeafChoice`. It keeps what it has received; who wants an earlier leaf's
/// income activates that one before choosing. Leaves that do not hold can be voided by anyone, after `objectionDelay`
/// since activation and enrolment, in which the account may choose: what they had received is un-issued and returns to
/// the reserve.
///
/// **Retirement and recovery.** Only the batch's registrar starts either, and it takes at least `objectionDelay`. Until it
/// is carried out the account may object by its key; an objection ends the act. An objection to a later act about the
/// same leaf refers it to a second office, which dismisses it or lets it go on without further objection. A retired
/// citizen accrues nothing more and loses nothing accrued; a leaf that was never activated is activated and retired in
/// one step. A recovery moves the share, the vote and all future accrual to an account that signs `Succession` and was
/// never active; no balance moves, accrued income included. The signature settles the successor on that leaf, as
/// `LeafChoice` would. Acts are about a leaf, so activation does not escape them. A cap per region and `turnoverPeriod`
/// bounds how many retirements and recoveries are carried out, hence what a bad registrar can do.
///
/// An end reaches the leaves of the office that decided it, none of another's: where the account's earliest leaf is
/// another office's, presenting it lets the account live on, its income going on where it ended. An office that enrolled
/// an account before the person's own office did can end it for good; the person is then enrolled by another account.
///
/// Signatures are EIP-712 (domain "CitizenRegistry", version "1"; ERC-5267), by ECDSA or an ERC-1271 wallet:
///
///     LeafChoice(uint256 batch,uint256 index,address account)
///     Succession(uint256 batch,uint256 index,address previous,address successor)
///     Objection(uint256 batch,uint256 index,uint256 dueAt)
interface ICitizenRegistry is IERC5267 {
    /// @dev Thrown when an address is not a registrar in office, or has no office to move.
    /// @param account Who called, or who was named.
    error NotRegistrar(address account);

    /// @dev Thrown when an address is a registrar already.
    /// @param registrar The address.
    error AlreadyRegistrar(address registrar);

    /// @dev Thrown when a batch has no root or no leaf.
    /// @param root The root given.
    /// @param size The size given.
    error EmptyBatch(bytes32 root, uint256 size);

    /// @dev Thrown when a batch would take its region past the cap.
    /// @param region The region.
    /// @param headcount What the headcount would be.
    /// @param cap The most it may be.
    error RegionFull(uint256 region, uint256 headcount, uint256 cap);

    /// @dev Thrown while the brake holds a region's enrolment.
    /// @param region The region.
    /// @param enrolled Citizens enrolled in this period.
    /// @param most The most that would not have been a jump.
    error EnrolmentHeld(uint256 region, uint256 enrolled, uint256 most);

    /// @dev Thrown when a batch number was never given out.
    /// @param batch The number.
    /// @param batches How many there are.
    error UnknownBatch(uint256 batch, uint256 batches);

    /// @dev Thrown when a leaf's index is not below its batch's size.
    /// @param index The index.
    /// @param size The size.
    error IndexOutOfBatch(uint256 index, uint256 size);

    /// @dev Thrown when a leaf was used before.
    /// @param batch Its batch.
    /// @param index Its index.
    error LeafUsed(uint256 batch, uint256 index);

    /// @dev Thrown when an account has been active before: an account lives once.
    /// @param account The account.
    /// @param since When it activated, seconds.
    error AlreadyActivated(address account, uint256 since);

    /// @dev Thrown when a proof does not lead from the leaf to the batch's root.
    /// @param computed The root it leads to.
    /// @param expected The batch's root.
    error InvalidProof(bytes32 computed, bytes32 expected);

    /// @dev Thrown when a leaf names the zero address.
    /// @param batch Its batch.
    /// @param index Its index.
    error ZeroAccount(uint256 batch, uint256 index);

    /// @dev Thrown when a leaf is to be voided that is its account's own, or should take the place of the active one.
    /// @param batch Its batch.
    /// @param index Its index.
    error LeafHolds(uint256 batch, uint256 index);

    /// @dev Thrown when a leaf is to be voided whose account never activated.
    /// @param account The account.
    error NeverActivated(address account);

    /// @dev Thrown when a leaf is to be voided while its account may still choose it.
    /// @param allowedFrom The first second at which it may be voided.
    /// @param time The block's time, seconds.
    error VoidTooSoon(uint256 allowedFrom, uint256 time);

    /// @dev Thrown when a payment that comes with an activation is another account's.
    /// @param payer Who pays.
    /// @param account Who activates.
    error PayerNotCitizen(address payer, address account);

    /// @dev Thrown when an account does not hold a leaf, or its income has ended.
    /// @param account The account.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    error NotHolder(address account, uint256 batch, uint256 index);

    /// @dev Thrown when another than a batch's registrar acts on it.
    /// @param given Number of the registrar who called; zero if it never was one.
    /// @param expected Number of the batch's registrar.
    error NotBatchRegistrar(uint256 given, uint256 expected);

    /// @dev Thrown when the registrar who started an act has left office.
    /// @param number Its number.
    error RegistrarOutOfOffice(uint256 number);

    /// @dev Thrown when there is an act about a leaf already.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param kind The act.
    error ActPending(uint256 batch, uint256 index, ActKind kind);

    /// @dev Thrown when there is no act about a leaf.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    error NoAct(uint256 batch, uint256 index);

    /// @dev Thrown when an objection comes to an act that the second office has upheld.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    error ObjectionDecided(uint256 batch, uint256 index);

    /// @dev Thrown when the act about a leaf is another than the one meant.
    /// @param given The act there is; `None` if there is none.
    /// @param expected The act meant.
    error WrongAct(ActKind given, ActKind expected);

    /// @dev Thrown when an act is carried out before it is due.
    /// @param dueAt When it is, seconds.
    /// @param time The block's time, seconds.
    error ActNotDue(uint256 dueAt, uint256 time);

    /// @dev Thrown when an act lies with the second office, or is to be decided there and does not.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param referred Whether it lies there.
    error ActReferred(uint256 batch, uint256 index, bool referred);

    /// @dev Thrown when a region has had as many retirements and recoveries as it may in this period.
    /// @param region The region.
    /// @param turnover How many there were.
    /// @param cap The most there may be.
    error TurnoverReached(uint256 region, uint256 turnover, uint256 cap);

    /// @dev Thrown by the constructor when a span of time is zero.
    /// @param objectionDelay The delay given, seconds.
    /// @param turnoverPeriod The period given, seconds.
    error ZeroSpan(uint256 objectionDelay, uint256 turnoverPeriod);

    /// @dev A batch was enrolled.
    /// @param batch Its number.
    /// @param registrar Who enrolled it.
    /// @param region Its region.
    /// @param root Its Merkle root.
    /// @param size Its leaves.
    /// @param entryIndex The dividend index at which it entered, units of 1e6 wei.
    event BatchEnrolled(
        uint256 indexed batch,
        address indexed registrar,
        uint256 indexed region,
        bytes32 root,
        uint256 size,
        uint256 entryIndex
    );

    /// @dev A region's headcount jumped: nobody else is enrolled there in this period.
    /// @param region The region.
    /// @param enrolled Citizens enrolled in this period.
    /// @param most The most that would not have been a jump.
    event EnrolmentBraked(uint256 indexed region, uint256 enrolled, uint256 most);

    /// @dev A citizen activated.
    /// @param account The citizen's account.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    event CitizenActivated(address indexed account, uint256 indexed batch, uint256 index);

    /// @dev A leaf took the place of another of the same account.
    /// @param account The account.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param previousBatch The batch of the leaf before.
    /// @param previousIndex The index of the leaf before.
    event LeafReplaced(
        address indexed account, uint256 indexed batch, uint256 index, uint256 previousBatch, uint256 previousIndex
    );

    /// @dev An account whose income had ended on a leaf of another office lives on, on a leaf enrolled earlier. Its income
    /// goes on where it ended.
    /// @param account The account.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    event CitizenReturned(address indexed account, uint256 indexed batch, uint256 index);

    /// @dev A leaf that does not hold was voided; what it had received returned to the reserve.
    /// @param account Its account, which holds another leaf or did.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    event LeafVoided(address indexed account, uint256 indexed batch, uint256 index);

    /// @dev A registrar started an act.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param kind Retirement or recovery.
    /// @param dueAt When it can be carried out, seconds.
    /// @param successor Of a recovery: the account that takes over.
    event ActStarted(uint256 indexed batch, uint256 indexed index, ActKind kind, uint256 dueAt, address successor);

    /// @dev A citizen objected to an act.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param account The citizen's account.
    /// @param referred Whether the act now lies with the second office; it ended otherwise.
    event ActObjected(uint256 indexed batch, uint256 indexed index, address indexed account, bool referred);

    /// @dev An act ended without effect: its registrar withdrew it or the second office dismissed it.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param kind The act.
    event ActDropped(uint256 indexed batch, uint256 indexed index, ActKind kind);

    /// @dev The second office let an act go on; it is due at once.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param kind The act.
    event ActUpheld(uint256 indexed batch, uint256 indexed index, ActKind kind);

    /// @dev A citizen retired.
    /// @param account The citizen's account.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    event CitizenRetired(address indexed account, uint256 indexed batch, uint256 index);

    /// @dev A citizen's share moved to another account.
    /// @param previous The account before. Its balance stays its own.
    /// @param successor The account now.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    event CitizenRecovered(address indexed previous, address indexed successor, uint256 indexed batch, uint256 index);

    /// @dev A registrar's office moved to another address.
    /// @param number Its number.
    /// @param previous The address before.
    /// @param registrar The address now.
    event RegistrarMoved(uint256 indexed number, address indexed previous, address indexed registrar);

    /// @dev A registrar came into office.
    /// @param registrar The address.
    /// @param number Its number.
    event RegistrarAdded(address indexed registrar, uint256 indexed number);

    /// @dev A registrar left office. Its batches stand.
    /// @param registrar The address.
    /// @param number Its number.
    event RegistrarRemoved(address indexed registrar, uint256 indexed number);

    /// @dev A region's cap changed.
    /// @param region The region.
    /// @param previous The cap before.
    /// @param cap The cap now.
    event RegionCapChanged(uint256 indexed region, uint256 previous, uint256 cap);

    /// @dev A region's cap on turnover changed.
    /// @param region The region.
    /// @param previous The cap before.
    /// @param cap The cap now.
    event TurnoverCapChanged(uint256 indexed region, uint256 previous, uint256 cap);

    /// @dev Enrols a batch of citizens. Registrars only.
    /// @param root Root of the standard Merkle tree over (index, account, person).
    /// @param size Number of leaves.
    /// @param region The citizens' region.
    /// @return batch The batch's number.
    function enrol(bytes32 root, uint256 size, uint256 region) external returns (uint256 batch);

    /// @dev Activates a citizen by proof, or lets an earlier leaf take the place of the active one. Anyone may send it.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param account The leaf's account.
    /// @param person The leaf's person commitment.
    /// @param proof Sibling hashes from the leaf up.
    function activate(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] calldata proof) external;

    /// @dev Activates a citizen and makes a payment that the citizen signed, in one transaction: the first spending of
    /// somebody who has no ether. If the account holds this very leaf already, only the payment is made.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param account The leaf's account, who pays.
    /// @param person The leaf's person commitment.
    /// @param proof Sibling hashes from the leaf up.
    /// @param payment The signed payment.
    function activateAndPay(
        uint256 batch,
        uint256 index,
        address account,
        bytes32 person,
        bytes32[] calldata proof,
        Authorization calldata payment
    ) external;

    /// @dev Settles on one of an account's leaves for good, before or after activation. An earlier start of income is
    /// kept. The account sends it or signs for it.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param account The leaf's account.
    /// @param person The leaf's person commitment.
    /// @param proof Sibling hashes from the leaf up.
    /// @param signature The account's over `LeafChoice`; not looked at when the account itself sends.
    function chooseLeaf(
        uint256 batch,
        uint256 index,
        address account,
        bytes32 person,
        bytes32[] calldata proof,
        bytes calldata signature
    ) external;

    /// @dev Voids a leaf whose account holds, or held, another one. Anyone may send it.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param account The leaf's account.
    /// @param person The leaf's person commitment.
    /// @param proof Sibling hashes from the leaf up.
    function voidLeaf(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] calldata proof) external;

    /// @dev Starts the retirement of a leaf's citizen, activated or not. The batch's registrar only.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    function startRetirement(uint256 batch, uint256 index) external;

    /// @dev Starts the recovery of an active citizen's share by another account. The batch's registrar only.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param previous The citizen's account.
    /// @param successor The account that takes over; never active.
    /// @param signature The successor's over `Succession`.
    function startRecovery(uint256 batch, uint256 index, address previous, address successor, bytes calldata signature)
        external;

    /// @dev Objects to an act that was not carried out yet. The citizen's account, activated before, sends it or signs for
    /// it. The first objection ends the act; a later one, to a new act about the same leaf, refers it to the second office.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param account The citizen's account.
    /// @param signature The account's over `Objection`; not looked at when the account itself sends.
    function objectTo(uint256 batch, uint256 index, address account, bytes calldata signature) external;

    /// @dev Withdraws an act. The batch's registrar only.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    function withdrawAct(uint256 batch, uint256 index) external;

    /// @dev Decides about an act that was referred. The second office only.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param upheld Whether it goes on.
    function decideAct(uint256 batch, uint256 index, bool upheld) external;

    /// @dev Carries out the retirement of an active citizen when it is due. Anyone may send it.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param account The citizen's account.
    function retire(uint256 batch, uint256 index, address account) external;

    /// @dev Carries out the retirement of a leaf that was never activated: its account receives everything up to now,
    /// and nothing more. Anyone may send it.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param account The leaf's account, never active.
    /// @param person The leaf's person commitment.
    /// @param proof Sibling hashes from the leaf up.
    function retireByProof(uint256 batch, uint256 index, address account, bytes32 person, bytes32[] calldata proof)
        external;

    /// @dev Carries out a recovery when it is due. Anyone may send it.
    /// @param batch The leaf's batch.
    /// @param index The leaf's index.
    /// @param previous The citizen's account.
    function recover(uint256 batch, uint256 index, address previous) external;

    /// @dev Moves a registrar's office, with its batches, to another address, as when its key changes. An office that was
    /// suspended stays so.
    /// @param previous The address that holds the office.
    /// @param registrar The address that follows; never a registrar.
    function moveRegistrar(address previous, address registrar) external;

    /// @dev Takes a registrar into office.
    /// @param registrar The address.
    function addRegistrar(address registrar) external;

    /// @dev Puts a registrar out of office.
    /// @param registrar The address.
    function removeRegistrar(address registrar) external;

    /// @dev Sets the most citizens a region may have, and releases its brake. Below the present headcount it only stops
    /// further enrolment.
    /// @param region The region.
    /// @param cap The cap.
    function setRegionCap(uint256 region, uint256 cap) external;

    /// @dev Sets the most retirements and recoveries a region may have in a period.
    /// @param region The region.
    /// @param cap The cap.
    function setTurnoverCap(uint256 region, uint256 cap) external;

    /// @dev A citizen's standing; all zero for an account that never activated.
    /// @param account Any account.
    function citizenOf(address account) external view returns (Citizen memory);

    /// @dev A batch.
    /// @param batch Its number.
    function batchOf(uint256 batch) external view returns (Batch memory);

    /// @dev A region's roll: headcount, turnover and their caps.
    /// @param region Any region.
    function regionOf(uint256 region) external view returns (Region memory);

    /// @dev Whether a leaf has been used.
    /// @param batch Its batch.
    /// @param index Its index.
    function isLeafUsed(uint256 batch, uint256 index) external view returns (bool);

    /// @dev The act about a leaf; its kind is `None` if there is none.
    /// @param batch Its batch.
    /// @param index Its index.
    function actOf(uint256 batch, uint256 index) external view returns (Act memory);

    /// @dev Time to object to an act, and to choose between leaves.
    /// @return seconds
    function objectionDelay() external view returns (uint256);

    /// @dev Span over which turnover is counted.
    /// @return seconds
    function turnoverPeriod() external view returns (uint256);

    /// @dev Number of a registrar, and whether it is in office; zero if it never was.
    /// @param registrar The address.
    function registrarOf(address registrar) external view returns (uint256 number, bool inOffice);

    /// @dev The most a region may grow in a period, at least, without having jumped.
    /// @return heads
    function jumpFloor() external view returns (uint256);

    /// @dev The same as a share of what it was.
    /// @return basis points
    function jumpBps() external view returns (uint256);

    /// @dev How many citizens are active: activated, and not retired since.
    /// @return active How many.
    /// @return day Since which day, counted from the Unix epoch.
    /// @return counts How many earlier counts are on record.
    function activity() external view returns (uint256 active, uint256 day, uint256 counts);

    /// @dev An earlier count, in ascending order of days.
    /// @param place Below `counts`.
    /// @return active How many were active at the end of that day, and until the day of the next count began.
    /// @return day The day, counted from the Unix epoch.
    function activityAt(uint256 place) external view returns (uint256 active, uint256 day);

    /// @dev How many batches were enrolled; numbers run from 0.
    function batchCount() external view returns (uint256);
}
