// SPDX-License-Identifier: MIT
pragma solidity 0.8.35;

import {AccessManaged} from "@openzeppelin/contracts/access/manager/AccessManaged.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {FacilityTerms, IComputeOracleRegistry} from "./interfaces/IComputeOracleRegistry.sol";
import {IComputeExchange, Voucher} from "./interfaces/IComputeExchange.sol";
import {IDistributionVault} from "./interfaces/IDistributionVault.sol";
import {Authorization, ISBIToken} from "./interfaces/ISBIToken.sol";
import {BpsLib} from "./libraries/BpsLib.sol";
import {EpochLib} from "./libraries/EpochLib.sol";
import {FieldLib} from "./libraries/FieldLib.sol";
import {SignatureLib} from "./libraries/SignatureLib.sol";

// Blanks in a tuple are figures not asked for here.
// Time: see `EpochLib`.
// slither-disable-start unused-return,timestamp

/// @title ComputeExchange
/// @dev The interface is the manual. No reentrancy guard: the token calls nobody, wallets are asked by static calls, and
/// vouchers are minted without calling their receiver.
contract ComputeExchange is IComputeExchange, ERC721, EIP712, AccessManaged {
    using FieldLib for uint256;

    /// @dev | 128 free | sold 64 | offered 64 |, raw nGAICPh.
    struct Offer {
        uint64 offered;
        uint64 sold;
    }

    struct Shares {
        uint16 feeBps;
        uint16 recirculateBps;
    }

    bytes32 private constant RECEIPT_TYPEHASH =
        keccak256("Receipt(uint256 voucher,address holder,uint256 transferCount,uint256 delivered)");
    uint256 private constant CLASSES = 3;

    /// @dev The most of a payment that the operator may keep.
    uint256 public constant MAX_FEE_BPS = 3_000;

    ISBIToken public immutable token;
    IDistributionVault public immutable vault;
    /// @dev Where facilities, capacities and weights are read.
    IComputeOracleRegistry public immutable oracles;
    /// @inheritdoc IComputeExchange
    uint256 public immutable settlementWindow;

    /// @inheritdoc IComputeExchange
    uint256 public escrow;
    /// @inheritdoc IComputeExchange
    uint256 public voucherCount;
    Shares private _shares;
    mapping(uint256 facility => mapping(uint256 computeClass => mapping(uint256 epoch => Offer))) private _offers;
    mapping(uint256 voucher => Voucher) private _vouchers;

    constructor(
        address authority_,
        ISBIToken token_,
        IDistributionVault vault_,
        IComputeOracleRegistry oracles_,
        uint256 settlementWindow_,
        uint256 feeBps,
        uint256 recirculateBps
    ) ERC721("SBI computing voucher", "SBIV") EIP712("ComputeExchange", "1") AccessManaged(authority_) {
        token = token_;
        vault = vault_;
        oracles = oracles_;
        settlementWindow = settlementWindow_;
        _setShares(feeBps, recirculateBps);
    }

    /* OFFERS AND PURCHASES */

    /// @inheritdoc IComputeExchange
    function offer(uint256 facility, uint256 computeClass, uint256 epoch, uint256 units) external {
        (address operator,,) = oracles.facilityOf(facility);
        require(msg.sender == operator, NotOperator(msg.sender, operator));
        _requireOpen(epoch);
        uint256 capacity = _capacityOf(facility, computeClass, epoch.to32());
        require(units <= capacity, OfferAboveCapacity(units, capacity));
        Offer storage made = _offers[facility][computeClass][epoch];
        require(units >= made.sold, OfferBelowSold(units, made.sold));
        emit OfferChanged(facility, computeClass, epoch, made.offered, units);
        // Fits: the capacity does.
        made.offered = uint64(units);
    }

    /// @inheritdoc IComputeExchange
    function buy(uint256 facility, uint256 computeClass, uint256 epoch, uint256 units, uint256 maxPrice)
        external
        returns (uint256 voucher)
    {
        uint256 price = priceOf(computeClass, units);
        require(price <= maxPrice, PriceAboveLimit(price, maxPrice));
        voucher = _sell(msg.sender, facility, computeClass, epoch, units, price);
        // The token returns true or reverts; it is the suite's own, by immutable address.
        // slither-disable-next-line unchecked-transfer
        token.transferFrom(msg.sender, address(this), price);
    }

    /// @inheritdoc IComputeExchange
    function buyWithAuthorization(
        uint256 facility,
        uint256 computeClass,
        uint256 epoch,
        uint256 units,
        bytes32 salt,
        Authorization calldata payment
    ) external returns (uint256 voucher) {
        uint256 price = priceOf(computeClass, units);
        require(payment.value == price, PaymentNotPrice(payment.value, price));
        bytes32 nonce = purchaseNonce(facility, computeClass, epoch, units, salt);
        require(payment.nonce == nonce, PurchaseNotBound(payment.nonce, nonce));
        voucher = _sell(payment.from, facility, computeClass, epoch, units, price);
        token.receiveWithAuthorization(payment);
    }

    function _sell(address buyer, uint256 facility, uint256 computeClass, uint256 epoch, uint256 units, uint256 price)
        private
        returns (uint256 voucher)
    {
        _requireOpen(epoch);
        Offer storage made = _offers[facility][computeClass][epoch];
        uint256 remaining = made.offered - made.sold;
        require(units != 0 && units <= remaining, NotOnOffer(units, remaining));
        // Capacity may have been lowered since the offer was made.
        uint256 capacity = _capacityOf(facility, computeClass, epoch);
        require(made.sold + units <= capacity, NotOnOffer(units, capacity - Math.min(capacity, made.sold)));
        require(price != 0, NothingToPay(computeClass, units));
        made.sold += uint64(units);
        escrow += price;
        voucher = voucherCount++;
        // Casts hold: what is on offer has passed `offer`, whose facility, class and epoch exist.
        _vouchers[voucher] = Voucher({
            units: uint64(units),
            delivered: 0,
            facility: uint32(facility),
            epoch: uint32(epoch),
            computeClass: uint8(computeClass),
            feeBps: _shares.feeBps,
            recirculateBps: _shares.recirculateBps,
            price: price.to112(),
            released: 0,
            transferCount: 0
        });
        _mint(buyer, voucher);
        emit ComputeBought(voucher, buyer, facility, computeClass, epoch, units, price);
    }

    /* DELIVERY AND REFUND */

    /// @inheritdoc IComputeExchange
    function settle(uint256 voucher, uint256 delivered, bytes calldata signature) external {
        address holder = _requireOwned(voucher);
        Voucher storage bought = _vouchers[voucher];
        uint256 expiry = expiryOf(bought.epoch);
        require(block.timestamp <= expiry, VoucherExpired(voucher, expiry, block.timestamp));
        require(
            delivered > bought.delivered && delivered <= bought.units,
            InvalidDelivery(delivered, bought.delivered, bought.units)
        );
        SignatureLib.requireValid(holder, receiptDigest(voucher, delivered), signature);

        // Rounded down on the cumulative amount, so that parts never add up to more than was paid.
        uint256 due = uint256(bought.price) * delivered / bought.units;
        uint256 amount = due - bought.released;
        bought.delivered = uint64(delivered);
        bought.released = uint112(due);
        escrow -= amount;
        _split(voucher, bought, delivered, amount);
    }

    /// @dev Fee and recirculated part are rounded down; the rest is recycled. The three add up to `amount`.
    function _split(uint256 voucher, Voucher storage bought, uint256 delivered, uint256 amount) private {
        uint256 fee = BpsLib.partDown(amount, bought.feeBps);
        uint256 recirculated = BpsLib.partDown(amount, bought.recirculateBps);
        uint256 recycled = amount - fee - recirculated;
        (address operator,,) = oracles.facilityOf(bought.facility);
        emit ComputeDelivered(voucher, bought.facility, delivered, fee, recirculated, recycled);
        // So in `buy`.
        // slither-disable-next-line unchecked-transfer
        if (fee != 0) token.transfer(operator, fee);
        if (recirculated != 0) token.recirculate(recirculated);
        if (recycled != 0) token.recycle(recycled);
    }

    /// @inheritdoc IComputeExchange
    function refund(uint256 voucher) external {
        address holder = _requireOwned(voucher);
        Voucher memory bought = _vouchers[voucher];
        uint256 expiry = expiryOf(bought.epoch);
        require(block.timestamp > expiry, VoucherNotExpired(voucher, expiry, block.timestamp));
        uint256 amount = bought.price - bought.released;
        escrow -= amount;
        delete _vouchers[voucher];
        _burn(voucher);
        emit VoucherRefunded(voucher, holder, amount);
        // So in `buy`.
        // slither-disable-next-line unchecked-transfer
        if (amount != 0) token.transfer(holder, amount);
    }

    /// @inheritdoc IComputeExchange
    function receiptDigest(uint256 voucher, uint256 delivered) public view returns (bytes32) {
        address holder = _requireOwned(voucher);
        uint256 transferCount = _vouchers[voucher].transferCount;
        return _hashTypedDataV4(keccak256(abi.encode(RECEIPT_TYPEHASH, voucher, holder, transferCount, delivered)));
    }

    /// @dev Counts changes of hands, so that a receipt never outlives its holder's time.
    function _update(address to, uint256 voucher, address auth) internal override returns (address from) {
        from = super._update(to, voucher, auth);
        if (from != address(0) && to != address(0)) ++_vouchers[voucher].transferCount;
    }

    /* SHARES */

    /// @inheritdoc IComputeExchange
    function setShares(uint256 feeBps, uint256 recirculateBps) external restricted {
        _setShares(feeBps, recirculateBps);
    }

    function _setShares(uint256 feeBps, uint256 recirculateBps) private {
        require(
            feeBps <= MAX_FEE_BPS && recirculateBps <= BpsLib.WHOLE - feeBps,
            SharesTooLarge(feeBps, recirculateBps, MAX_FEE_BPS)
        );
        emit SharesChanged(_shares.feeBps, _shares.recirculateBps, feeBps, recirculateBps);
        _shares = Shares(uint16(feeBps), uint16(recirculateBps));
    }

    /* VIEWS */

    /// @inheritdoc IComputeExchange
    function priceOf(uint256 computeClass, uint256 units) public view returns (uint256) {
        _requireClass(computeClass);
        uint256 epoch = vault.currentEpoch();
        uint256 weightX16 = oracles.weightsAt(epoch)[computeClass];
        return Math.ceilDiv(uint256(units.to64()) * weightX16 * vault.rateAt(epoch), 16);
    }

    /// @inheritdoc IComputeExchange
    function purchaseNonce(uint256 facility, uint256 computeClass, uint256 epoch, uint256 units, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(facility, computeClass, epoch, units, salt));
    }

    /// @inheritdoc IComputeExchange
    function voucherOf(uint256 voucher) external view returns (Voucher memory) {
        return _vouchers[voucher];
    }

    /// @inheritdoc IComputeExchange
    function offerOf(uint256 facility, uint256 computeClass, uint256 epoch)
        external
        view
        returns (uint256 offered, uint256 sold)
    {
        Offer memory made = _offers[facility][computeClass][epoch];
        return (made.offered, made.sold);
    }

    /// @inheritdoc IComputeExchange
    function expiryOf(uint256 epoch) public view returns (uint256) {
        return EpochLib.endOf(epoch.to32(), vault.genesis(), vault.epochLength()) + settlementWindow;
    }

    /// @inheritdoc IComputeExchange
    function shares() external view returns (uint256 feeBps, uint256 recirculateBps) {
        return (_shares.feeBps, _shares.recirculateBps);
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

    function _capacityOf(uint256 facility, uint256 computeClass, uint256 epoch) private view returns (uint256) {
        _requireClass(computeClass);
        FacilityTerms memory terms = oracles.facilityTermsAt(facility, epoch);
        if (!terms.active) return 0;
        if (computeClass == 0) return terms.capacityGeneral;
        return computeClass == 1 ? terms.capacityIntelligent : terms.capacitySuper;
    }

    function _requireOpen(uint256 epoch) private view {
        uint256 current = vault.currentEpoch();
        require(epoch >= current, EpochOver(epoch, current));
    }

    function _requireClass(uint256 computeClass) private pure {
        require(computeClass < CLASSES, UnknownClass(computeClass, CLASSES - 1));
    }
}
// slither-disable-end unused-return,timestamp
