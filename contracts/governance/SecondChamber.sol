// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {IGovernor} from "@openzeppelin/contracts/governance/IGovernor.sol";

import {ISecondChamber, Seat} from "../interfaces/ISecondChamber.sol";
import {BitLib} from "../libraries/BitLib.sol";
import {RangeLib} from "../libraries/RangeLib.sol";

/// @title SecondChamber
/// @dev The interface is the manual.
contract SecondChamber is ISecondChamber, AccessManaged {
    uint256 private constant SEATS = 4;
    /// @dev One seat alone delays nothing.
    uint256 private constant MIN_OBJECTIONS = 2;

    /// @dev Whose proposals it looks at.
    IGovernor public immutable governor;
    /// @inheritdoc ISecondChamber
    uint256 public immutable delay;
    /// @inheritdoc ISecondChamber
    uint256 public immutable objectionsNeeded;

    /// @inheritdoc ISecondChamber
    mapping(Seat seat => address) public holderOf;
    /// @dev Bit `seat` of a proposal's word: it objected.
    mapping(uint256 proposal => uint256) private _objections;

    constructor(
        address authority_,
        IGovernor governor_,
        uint256 delay_,
        uint256 objectionsNeeded_,
        address[SEATS] memory holders
    ) AccessManaged(authority_) {
        RangeLib.requireSpan(delay_);
        require(
            objectionsNeeded_ >= MIN_OBJECTIONS && objectionsNeeded_ <= SEATS,
            ObjectionsOutOfRange(objectionsNeeded_, MIN_OBJECTIONS, SEATS)
        );
        (governor, delay, objectionsNeeded) = (governor_, delay_, objectionsNeeded_);
        for (uint256 i = 0; i < SEATS; ++i) {
            _appoint(Seat(i), holders[i]);
        }
    }

    /// @inheritdoc ISecondChamber
    function objectTo(uint256 proposal, Seat seat) external {
        _requireHolder(seat);
        _requireUndone(proposal);
        uint256 objections = _objections[proposal];
        uint256 bit = 1 << uint256(seat);
        require(objections & bit == 0, ObjectedBefore(proposal, seat));
        _objections[proposal] = objections | bit;
        emit SeatObjected(proposal, seat, BitLib.count(objections | bit));
    }

    /// @inheritdoc ISecondChamber
    function passOn(Seat seat, address holder) external {
        _requireHolder(seat);
        _appoint(seat, holder);
    }

    /// @inheritdoc ISecondChamber
    function appoint(Seat seat, address holder) external restricted {
        _appoint(seat, holder);
    }

    function _appoint(Seat seat, address holder) private {
        emit SeatAppointed(seat, holderOf[seat], holder);
        holderOf[seat] = holder;
    }

    function _requireHolder(Seat seat) private view {
        require(msg.sender == holderOf[seat], NotSeatHolder(msg.sender, holderOf[seat]));
    }

    function _requireUndone(uint256 proposal) private view {
        IGovernor.ProposalState state = governor.state(proposal);
        bool undone = state == IGovernor.ProposalState.Pending || state == IGovernor.ProposalState.Active
            || state == IGovernor.ProposalState.Succeeded || state == IGovernor.ProposalState.Queued;
        require(undone, NothingToDelay(proposal, uint8(state)));
    }

    /// @inheritdoc ISecondChamber
    function delayOf(uint256 proposal) external view returns (uint256) {
        return objectionsTo(proposal) >= objectionsNeeded ? delay : 0;
    }

    /// @inheritdoc ISecondChamber
    function objectionsTo(uint256 proposal) public view returns (uint256) {
        return BitLib.count(_objections[proposal]);
    }
}
