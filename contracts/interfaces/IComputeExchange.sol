// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {Authorization} from "./ISBIToken.sol";

/// @dev A right to computing at a facility, bought with SBI that lies in escrow against it.
struct Voucher {
    /// Raw nGAICPh bought.
    uint64 units;
    /// Raw nGAICPh delivered so far, as signed for.
    uint64 delivered;
    uint32 facility;
    /// The epoch of delivery.
    uint32 epoch;
    /// 0 general, 1 intelligent, 2 super.
    uint8 computeClass;
    /// The operator's fee, basis points of what was paid, as it stood at purchase.
    uint16 feeBps;
    /// The part that is recirculated, basis points of what was paid, as it stood at purchase.
    uint16 recirculateBps;
    /// What was paid, wei.
    uint112 price;
    /// What has left the escrow so far, wei.
    uint112 released;
    /// How often the voucher changed hands; a receipt holds for one holder's time only.
    uint32 transferCount;
}

/// @title IComputeExchange
/// @dev Where SBI buys computing from the facilities that it was issued for.
///
/// A facility's operator offers raw output of a class in an epoch, within the facility's audited capacity. The price is
/// weight × the rate in force at purchase, so SBI buys what it was issued for. Payment lies in escrow against a voucher
/// (ERC-721). The present holder signs cumulative receipts for what was delivered; against them the escrow is split into
/// the operator's fee, a part that is recirculated, and the rest, which is recycled. What has no receipt by the
/// voucher's expiry returns to its holder.
interface IComputeExchange is IERC721, IERC5267 {
    /// @dev Thrown when a caller is not the facility's operator.
    /// @param caller Who called.
    /// @param operator Who may.
    error NotOperator(address caller, address operator);

    /// @dev Thrown when a class number is not known.
    /// @param given The number given.
    /// @param last The last known.
    error UnknownClass(uint256 given, uint256 last);

    /// @dev Thrown when an epoch is over.
    /// @param epoch The epoch.
    /// @param current The epoch now running.
    error EpochOver(uint256 epoch, uint256 current);

    /// @dev Thrown when more is offered than the facility's audited capacity.
    /// @param given Raw nGAICPh offered.
    /// @param capacity The capacity of that class in that epoch; zero if the facility is not active.
    error OfferAboveCapacity(uint256 given, uint256 capacity);

    /// @dev Thrown when less is offered than has been sold.
    /// @param given Raw nGAICPh offered.
    /// @param sold Raw nGAICPh sold.
    error OfferBelowSold(uint256 given, uint256 sold);

    /// @dev Thrown when more is bought than remains on offer, or nothing.
    /// @param given Raw nGAICPh asked for.
    /// @param remaining Raw nGAICPh left.
    error NotOnOffer(uint256 given, uint256 remaining);

    /// @dev Thrown when the price is above what the buyer accepts.
    /// @param price The price, wei.
    /// @param maxPrice The most the buyer accepts, wei.
    error PriceAboveLimit(uint256 price, uint256 maxPrice);

    /// @dev Thrown when computing would be sold for nothing: the rate or the weight in force is zero.
    /// @param computeClass The class.
    /// @param units Raw nGAICPh asked for.
    error NothingToPay(uint256 computeClass, uint256 units);

    /// @dev Thrown when a signed payment is not exactly the price.
    /// @param given The amount signed, wei.
    /// @param price The price, wei.
    error PaymentNotPrice(uint256 given, uint256 price);

    /// @dev Thrown when a signed payment's nonce does not bind this purchase.
    /// @param given The nonce signed.
    /// @param expected keccak256(abi.encode(facility, computeClass, epoch, units, salt)).
    error PurchaseNotBound(bytes32 given, bytes32 expected);

    /// @dev Thrown when a voucher is settled after its expiry.
    /// @param voucher Its number.
    /// @param expiry Last second at which it could be settled.
    /// @param time The block's time, seconds.
    error VoucherExpired(uint256 voucher, uint256 expiry, uint256 time);

    /// @dev Thrown when a voucher is refunded before its expiry.
    /// @param voucher Its number.
    /// @param expiry Last second at which it can be settled.
    /// @param time The block's time, seconds.
    error VoucherNotExpired(uint256 voucher, uint256 expiry, uint256 time);

    /// @dev Thrown when a receipt adds nothing to what was delivered, or more than was bought.
    /// @param given Cumulative raw nGAICPh in the receipt.
    /// @param delivered Delivered so far.
    /// @param units Bought.
    error InvalidDelivery(uint256 given, uint256 delivered, uint256 units);

    /// @dev Thrown when shares of what was paid exceed their ceilings.
    /// @param feeBps The operator's fee given, basis points.
    /// @param recirculateBps The recirculated part given, basis points.
    /// @param maxFeeBps The most the fee may be; both together are at most 10,000.
    error SharesTooLarge(uint256 feeBps, uint256 recirculateBps, uint256 maxFeeBps);

    /// @dev A facility's offer changed.
    /// @param facility The facility.
    /// @param computeClass The class.
    /// @param epoch The epoch of delivery.
    /// @param previous Raw nGAICPh offered before, sold ones included.
    /// @param offered Raw nGAICPh offered now, sold ones included.
    event OfferChanged(
        uint256 indexed facility, uint256 indexed computeClass, uint256 indexed epoch, uint256 previous, uint256 offered
    );

    /// @dev Computing was bought.
    /// @param voucher The new voucher.
    /// @param buyer Its holder.
    /// @param facility The facility.
    /// @param computeClass The class.
    /// @param epoch The epoch of delivery.
    /// @param units Raw nGAICPh.
    /// @param price What was paid into escrow, wei.
    event ComputeBought(
        uint256 indexed voucher,
        address indexed buyer,
        uint256 indexed facility,
        uint256 computeClass,
        uint256 epoch,
        uint256 units,
        uint256 price
    );

    /// @dev A delivery was signed for and settled.
    /// @param voucher The voucher.
    /// @param facility The facility.
    /// @param delivered Cumulative raw nGAICPh.
    /// @param fee Paid to the operator, wei.
    /// @param recirculated Given to all citizens, wei.
    /// @param recycled Destroyed, wei.
    event ComputeDelivered(
        uint256 indexed voucher,
        uint256 indexed facility,
        uint256 delivered,
        uint256 fee,
        uint256 recirculated,
        uint256 recycled
    );

    /// @dev What was not delivered returned to the holder; the voucher is gone.
    /// @param voucher The voucher.
    /// @param holder Its last holder.
    /// @param amount What returned, wei.
    event VoucherRefunded(uint256 indexed voucher, address indexed holder, uint256 amount);

    /// @dev The shares of later purchases changed.
    /// @param previousFeeBps The fee before.
    /// @param previousRecirculateBps The recirculated part before.
    /// @param feeBps The fee now.
    /// @param recirculateBps The recirculated part now.
    event SharesChanged(uint256 previousFeeBps, uint256 previousRecirculateBps, uint256 feeBps, uint256 recirculateBps);

    /// @dev Sets how much of a class a facility offers in an epoch, sold amounts included. Its operator only.
    /// @param facility The facility.
    /// @param computeClass 0 general, 1 intelligent, 2 super.
    /// @param epoch The epoch of delivery, not over.
    /// @param units Raw nGAICPh; at least what is sold, at most the capacity.
    function offer(uint256 facility, uint256 computeClass, uint256 epoch, uint256 units) external;

    /// @dev Buys computing; the caller has approved the price.
    /// @param facility The facility.
    /// @param computeClass The class.
    /// @param epoch The epoch of delivery, not over.
    /// @param units Raw nGAICPh.
    /// @param maxPrice The most the caller will pay, wei.
    /// @return voucher The voucher's number.
    function buy(uint256 facility, uint256 computeClass, uint256 epoch, uint256 units, uint256 maxPrice)
        external
        returns (uint256 voucher);

    /// @dev Buys computing for whoever signed the payment. Anyone may send it; the signature binds what is bought.
    /// @param facility The facility.
    /// @param computeClass The class.
    /// @param epoch The epoch of delivery, not over.
    /// @param units Raw nGAICPh.
    /// @param salt Any number; makes the nonce new.
    /// @param payment ERC-3009 `ReceiveWithAuthorization` to this contract over exactly the price, with the nonce
    /// `purchaseNonce(facility, computeClass, epoch, units, salt)`.
    /// @return voucher The voucher's number.
    function buyWithAuthorization(
        uint256 facility,
        uint256 computeClass,
        uint256 epoch,
        uint256 units,
        bytes32 salt,
        Authorization calldata payment
    ) external returns (uint256 voucher);

    /// @dev Settles a delivery against the holder's receipt. Anyone may send it.
    /// @param voucher The voucher.
    /// @param delivered Cumulative raw nGAICPh delivered.
    /// @param signature The holder's over `Receipt(voucher, holder, transferCount, delivered)`.
    function settle(uint256 voucher, uint256 delivered, bytes calldata signature) external;

    /// @dev Returns what was not delivered to the holder, after the voucher's expiry. Anyone may send it.
    /// @param voucher The voucher.
    function refund(uint256 voucher) external;

    /// @dev Sets the shares of later purchases.
    /// @param feeBps The operator's fee, basis points of what is paid.
    /// @param recirculateBps The recirculated part, basis points of what is paid.
    function setShares(uint256 feeBps, uint256 recirculateBps) external;

    /// @dev The price at this moment.
    /// @param computeClass The class.
    /// @param units Raw nGAICPh.
    /// @return wei, rounded up
    function priceOf(uint256 computeClass, uint256 units) external view returns (uint256);

    /// @dev The nonce that binds a signed payment to a purchase.
    function purchaseNonce(uint256 facility, uint256 computeClass, uint256 epoch, uint256 units, bytes32 salt)
        external
        pure
        returns (bytes32);

    /// @dev What the present holder signs for a delivery: an EIP-712 digest.
    /// @param voucher The voucher.
    /// @param delivered Cumulative raw nGAICPh.
    function receiptDigest(uint256 voucher, uint256 delivered) external view returns (bytes32);

    /// @dev A voucher; all zero if it was refunded or never existed.
    /// @param voucher Its number.
    function voucherOf(uint256 voucher) external view returns (Voucher memory);

    /// @dev What a facility offers and has sold.
    /// @param facility The facility.
    /// @param computeClass The class.
    /// @param epoch The epoch of delivery.
    /// @return offered Raw nGAICPh, sold ones included.
    /// @return sold Raw nGAICPh.
    function offerOf(uint256 facility, uint256 computeClass, uint256 epoch)
        external
        view
        returns (uint256 offered, uint256 sold);

    /// @dev The last second at which a voucher for an epoch can be settled.
    /// @param epoch The epoch of delivery.
    function expiryOf(uint256 epoch) external view returns (uint256);

    /// @dev What all outstanding vouchers still hold in escrow.
    /// @return wei
    function escrow() external view returns (uint256);

    /// @dev How many vouchers were ever sold; numbers run from 0.
    function voucherCount() external view returns (uint256);

    /// @dev The shares of later purchases, basis points.
    function shares() external view returns (uint256 feeBps, uint256 recirculateBps);

    /// @dev How long after its epoch's end a voucher can be settled.
    /// @return seconds
    function settlementWindow() external view returns (uint256);
}
