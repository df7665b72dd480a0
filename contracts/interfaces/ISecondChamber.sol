// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

/// @dev Who sits in the second chamber.
enum Seat {
    Operators,
    Oracles,
    Registrars,
    CivilSociety
}

/// @title ISecondChamber
/// @dev Four seats, one each for those who operate facilities, attest output, keep the roll, and for civil society. It can
/// delay what citizens decided, once, by `delay`; it can neither decide nor prevent anything. A proposal to which
/// `objectionsNeeded` of the four object is executed that much later, which leaves time to talk, and to vote again.
///
/// A vote appoints who holds a seat. Whoever holds one may pass it on.
interface ISecondChamber {
    /// @dev Thrown when somebody acts for a seat who does not hold it.
    /// @param caller Who.
    /// @param holder Who does.
    error NotSeatHolder(address caller, address holder);

    /// @dev Thrown when a seat objects to a proposal a second time.
    /// @param proposal The proposal.
    /// @param seat The seat.
    error ObjectedBefore(uint256 proposal, Seat seat);

    /// @dev Thrown when there is nothing to delay any more: the proposal has been executed, defeated, cancelled, or expired.
    /// @param proposal The proposal.
    /// @param state How it stands, as the governor says.
    error NothingToDelay(uint256 proposal, uint8 state);

    /// @dev Thrown by the constructor when the chamber could not, or too easily, delay.
    /// @param given The objections given.
    /// @param min The least accepted.
    /// @param max The most accepted.
    error ObjectionsOutOfRange(uint256 given, uint256 min, uint256 max);

    /// @dev A seat got another holder.
    /// @param seat The seat.
    /// @param previous The holder before.
    /// @param holder The holder now.
    event SeatAppointed(Seat indexed seat, address indexed previous, address indexed holder);

    /// @dev A seat objected to a proposal.
    /// @param proposal The proposal.
    /// @param seat The seat.
    /// @param objections How many have by now.
    event SeatObjected(uint256 indexed proposal, Seat indexed seat, uint256 objections);

    /// @dev Objects to a proposal that was not executed yet. The seat's holder only.
    /// @param proposal The proposal.
    /// @param seat The seat.
    function objectTo(uint256 proposal, Seat seat) external;

    /// @dev Passes a seat on. Its holder only.
    /// @param seat The seat.
    /// @param holder Who holds it from now on.
    function passOn(Seat seat, address holder) external;

    /// @dev Appoints a seat's holder.
    /// @param seat The seat.
    /// @param holder Who holds it from now on.
    function appoint(Seat seat, address holder) external;

    /// @dev By how much a proposal is to be executed later.
    /// @param proposal The proposal.
    /// @return seconds: zero, or `delay`
    function delayOf(uint256 proposal) external view returns (uint256);

    /// @dev How many seats have objected to a proposal.
    /// @param proposal The proposal.
    function objectionsTo(uint256 proposal) external view returns (uint256);

    /// @dev Who holds a seat.
    /// @param seat The seat.
    function holderOf(Seat seat) external view returns (address);

    /// @dev The delay that objections bring about.
    /// @return seconds
    function delay() external view returns (uint256);

    /// @dev How many of the four seats must object.
    function objectionsNeeded() external view returns (uint256);
}
