# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Staking: money that operators lock as a promise
@license Apache-2.0
@notice Rules it keeps:

        1. The contract always holds at least all stakes plus the fees it booked.
        2. Stake is locked while the staker's escrows are open: `minimumStake` for each of them, as far as it is there.
        3. A slash hits a party of a genuine escrow only, takes its whole amount from the stake, and bricks nobody.

@dev HUMAN's ABI (core 7.1.0) with three behaviours changed on purpose, see docs/adr/0023 and docs/adr/0025.
"""


interface Token:
    def balanceOf(account: address) -> uint256: view


interface Factory:
    def hasEscrow(_address: address) -> bool: view


interface Escrow:
    def launcher() -> address: view
    def reputationOracle() -> address: view
    def recordingOracle() -> address: view
    def exchangeOracle() -> address: view


event StakeDeposited:
    staker: indexed(address)
    tokens: uint256


event StakeLocked:
    staker: indexed(address)
    tokens: uint256
    until: uint256


event StakeWithdrawn:
    staker: indexed(address)
    tokens: uint256


event StakeSlashed:
    staker: indexed(address)
    tokens: uint256
    escrowAddress: indexed(address)
    slashRequester: address


event FeeWithdrawn:
    amount: uint256


event SlasherSet:
    slasher: indexed(address)
    allowed: bool


event FactorySet:
    factory: indexed(address)


event OwnershipTransferred:
    previousOwner: indexed(address)
    newOwner: indexed(address)


struct Stake:
    tokensStaked: uint256  # base units, those being unstaked included
    tokensLocked: uint256  # base units being unstaked
    tokensLockedUntil: uint256  # block number; 0 when nothing is being unstaked


# All that is known of a staker is packed into one storage word: a first stake writes three words fewer this way, and a
# launch finds the count of open escrows in the word it has just asked for the stake. This is its unpacked form.
struct Held:
    staked: uint256  # 96 bits
    unstaking: uint256  # 96
    until: uint256  # 40, block number
    open: uint256  # 23, escrows of this launcher that have not ended
    listed: uint256  # 1, set with the first stake and never taken back


MAX_FEE_PERCENTAGE: constant(uint8) = 25
MAX_LOCK_PERIOD_BLOCKS: constant(uint32) = 5_000_000  # about two years of twelve-second blocks
MAX_AMOUNT: constant(uint256) = 2**96 - 1
MAX_OPEN: constant(uint256) = 2**23 - 1

owner: public(address)
token: public(immutable(address))
factory: public(address)
minimumStake: public(uint256)
lockPeriod: public(uint32)
feePercentage: public(uint8)
feeBalance: public(uint256)
slashers: public(HashMap[address, bool])
stakers: public(HashMap[uint256, address])
stakerCount: public(uint256)
_stakes: HashMap[address, uint256]


@deploy
def __init__(_token: address, _minimumStake: uint256, _lockPeriod: uint32, _feePercentage: uint8):
    """
    @notice HUMAN's four arguments. The deployer becomes the owner, who wires the factory once and names slashers.
    @param _minimumStake base units of the staking token
    @param _lockPeriod blocks between unstaking and withdrawing
    @param _feePercentage whole percent of a slash that this contract keeps as a fee
    """
    assert _token.is_contract, "Zero address"
    token = _token
    self.owner = msg.sender
    self._set_minimum_stake(_minimumStake)
    self._set_lock_period(_lockPeriod)
    self._set_fee_percentage(_feePercentage)
    log OwnershipTransferred(previousOwner=empty(address), newOwner=msg.sender)


@external
def stake(_tokens: uint256):
    """
    @notice Adds to the caller's stake. By anyone who approved this contract for the amount.
    @dev Counts what arrives, so a token that keeps a fee cannot make the stakes exceed the balance.
         Emits `StakeDeposited`. Stop: `unstake`.
    """
    assert _tokens > 0, "Must be a positive number"
    before: uint256 = staticcall Token(token).balanceOf(self)
    answer: Bytes[32] = raw_call(
        token,
        abi_encode(msg.sender, self, _tokens, method_id=method_id("transferFrom(address,address,uint256)")),
        max_outsize=32,
    )
    assert len(answer) == 0 or convert(answer, uint256) == 1, "Transfer failed"
    arrived: uint256 = staticcall Token(token).balanceOf(self) - before
    held: Held = self._held(msg.sender)
    held.staked += arrived
    assert arrived > 0 and held.staked - held.unstaking >= self.minimumStake, "Total stake is below the minimum threshold"
    assert held.staked <= MAX_AMOUNT, "Stake is too large"
    if held.listed == 0:
        held.listed = 1
        count: uint256 = self.stakerCount
        self.stakers[count] = msg.sender
        self.stakerCount = count + 1
    self._hold(msg.sender, held)
    log StakeDeposited(staker=msg.sender, tokens=arrived)


@external
def unstake(_tokens: uint256):
    """
    @notice Begins to take stake back: it can be withdrawn after `lockPeriod` blocks. By a staker, for stake that no open
            escrow locks.
    @dev Pays out what an earlier call has released. Emits `StakeLocked`. Stop: none; `stake` again.
    """
    assert _tokens > 0, "Must be a positive number"
    self._pay_matured(msg.sender)
    # Read after the transfer: a staker who is a contract may end a job in it, and that count must stand.
    held: Held = self._held(msg.sender)
    free: uint256 = held.staked - held.unstaking
    assert free >= _tokens, "Insufficient amount to unstake"
    left: uint256 = free - _tokens
    minimum: uint256 = self.minimumStake
    assert left == 0 or left >= minimum, "Total stake is below the minimum threshold"
    assert left >= self._locked_by_escrows(held, minimum), "Stake locked by open escrows"
    held.unstaking += _tokens
    held.until = block.number + convert(self.lockPeriod, uint256)
    self._hold(msg.sender, held)
    log StakeLocked(staker=msg.sender, tokens=held.unstaking, until=held.until)


@external
def withdraw():
    """
    @notice Pays out unstaked tokens once the lock period is over. By the staker.
    @dev Emits `StakeWithdrawn`. Stop: none; what has matured is the staker's. A slash before it takes its part.
    """
    assert self._pay_matured(msg.sender) > 0, "Stake has no available tokens for withdrawal"


@external
def slash(_slashRequester: address, _staker: address, _escrowAddress: address, _tokens: uint256):
    """
    @notice Takes stake from a party of an escrow and gives it, less the fee, to the requester of the slash. By a slasher:
            the jury's contract, and on a development chain the deployer.
    @dev The stake falls by the whole amount. Emits `StakeSlashed`. Stop: the owner can remove a slasher.
    """
    assert self.slashers[msg.sender], "Caller is not a slasher"
    assert _tokens > 0, "Must be a positive number"
    assert _slashRequester != empty(address) and _slashRequester != self, "Must be a valid address"
    assert self.factory != empty(address) and staticcall Factory(self.factory).hasEscrow(_escrowAddress), "Must be a valid address"
    assert (
        _staker == staticcall Escrow(_escrowAddress).launcher()
        or _staker == staticcall Escrow(_escrowAddress).reputationOracle()
        or _staker == staticcall Escrow(_escrowAddress).recordingOracle()
        or _staker == staticcall Escrow(_escrowAddress).exchangeOracle()
    ), "Staker is no party of the escrow"
    held: Held = self._held(_staker)
    assert _tokens <= held.staked, "Slash tokens exceed staked ones"
    held.staked -= _tokens
    if held.unstaking > held.staked:
        held.unstaking = held.staked
        if held.unstaking == 0:
            held.until = 0
    self._hold(_staker, held)
    fee: uint256 = _tokens * convert(self.feePercentage, uint256) // 100
    self.feeBalance += fee
    if _tokens > fee:
        self._pay(_slashRequester, _tokens - fee)
    log StakeSlashed(staker=_staker, tokens=_tokens, escrowAddress=_escrowAddress, slashRequester=_slashRequester)


@external
def escrowOpened(_staker: address):
    """
    @notice Locks `minimumStake` for one more escrow of a launcher. By the factory, in the launch.
    @dev Emits nothing; the factory says `LaunchedV2`. Stop: the escrow's end unlocks it.
    """
    assert msg.sender == self.factory, "Unauthorised"
    held: Held = self._held(_staker)
    assert held.open < MAX_OPEN, "Too many open escrows"
    held.open += 1
    self._hold(_staker, held)


@external
@reentrant
def escrowClosed(_staker: address):
    """
    @notice Unlocks the stake of one escrow that ended. By the factory.
    @dev Not behind the lock, so that an escrow can end in any transaction; it moves no tokens. Emits nothing.
         Stop: none, on purpose; an escrow must be able to end.
    """
    assert msg.sender == self.factory, "Unauthorised"
    held: Held = self._held(_staker)
    held.open -= 1
    self._hold(_staker, held)


@external
@view
def getStakedTokens(_staker: address) -> uint256:
    """@notice Base units staked, those being unstaked included. Anyone."""
    return self._held(_staker).staked


@external
@view
def getAvailableStake(_staker: address) -> uint256:
    """@notice Base units staked and not being unstaked. Never reverts. Anyone."""
    held: Held = self._held(_staker)
    return held.staked - held.unstaking


@external
@view
def lockedByEscrows(_staker: address) -> uint256:
    """@notice Base units that open escrows keep from being unstaked. Anyone."""
    return self._locked_by_escrows(self._held(_staker), self.minimumStake)


@external
@view
def openEscrows(_staker: address) -> uint256:
    """@notice Escrows of a launcher that have not ended. Anyone."""
    return self._held(_staker).open


@external
@view
def stakes(_staker: address) -> Stake:
    """@notice What an address staked, what of it is being unstaked, and until which block. Anyone."""
    return self._stake(_staker)


@external
@view
def getListOfStakers(_startIndex: uint256, _limit: uint256) -> (DynArray[address, 100], DynArray[Stake, 100]):
    """@notice A page of at most 100 stakers with their stakes, in order of first staking. Anyone."""
    assert _startIndex < self.stakerCount, "Start index out of bounds"
    addresses: DynArray[address, 100] = []
    held: DynArray[Stake, 100] = []
    size: uint256 = min(min(_limit, 100), self.stakerCount - _startIndex)
    for i: uint256 in range(size, bound=100):
        staker: address = self.stakers[_startIndex + i]
        addresses.append(staker)
        held.append(self._stake(staker))
    return addresses, held


@external
def withdrawFees():
    """@notice Pays the booked fees to the owner. By the owner. Emits `FeeWithdrawn`. Stop: none; no stake is touched."""
    self._only_owner()
    amount: uint256 = self.feeBalance
    assert amount > 0, "No fees to withdraw"
    self.feeBalance = 0
    self._pay(self.owner, amount)
    log FeeWithdrawn(amount=amount)


@external
def setFactory(_factory: address):
    """
    @notice Names the factory, once. By the owner, right after deployment. Emits `FactorySet`.
    @dev Stop: none; a wrong address is cured by a new deployment.
    """
    self._only_owner()
    assert self.factory == empty(address), "Already set"
    assert _factory.is_contract, "Must be a valid address"
    self.factory = _factory
    log FactorySet(factory=_factory)


@external
def addSlasher(_slasher: address):
    """@notice Allows an address to slash. By the owner. Emits `SlasherSet`. Stop: `removeSlasher`."""
    self._only_owner()
    assert _slasher != empty(address), "Must be a valid address"
    assert not self.slashers[_slasher], "Address is already a slasher"
    self.slashers[_slasher] = True
    log SlasherSet(slasher=_slasher, allowed=True)


@external
def removeSlasher(_slasher: address):
    """@notice Forbids an address to slash. By the owner. Emits `SlasherSet`. Stop: `addSlasher`."""
    self._only_owner()
    assert self.slashers[_slasher], "Address is not a slasher"
    self.slashers[_slasher] = False
    log SlasherSet(slasher=_slasher, allowed=False)


@external
def setMinimumStake(_minimumStake: uint256):
    """@notice Sets the minimum stake, which is also what one open escrow locks. By the owner. Emits nothing. Stop: set again."""
    self._only_owner()
    self._set_minimum_stake(_minimumStake)


@external
def setLockPeriod(_lockPeriod: uint32):
    """
    @notice Sets the blocks between a later `unstake` and its withdrawal, at most five million. By the owner. Emits nothing.
    @dev Stop: set again.
    """
    self._only_owner()
    self._set_lock_period(_lockPeriod)


@external
def setFeePercentage(_feePercentage: uint8):
    """@notice Sets the whole percent kept of a later slash, at most 25. By the owner. Emits nothing. Stop: set again."""
    self._only_owner()
    self._set_fee_percentage(_feePercentage)


@external
def transferOwnership(newOwner: address):
    """@notice Hands the owner's rights over. By the owner. Emits `OwnershipTransferred`. Stop: the new owner hands back."""
    self._only_owner()
    if newOwner == empty(address):
        raw_revert(abi_encode(newOwner, method_id=method_id("OwnableInvalidOwner(address)")))
    log OwnershipTransferred(previousOwner=self.owner, newOwner=newOwner)
    self.owner = newOwner


@external
def renounceOwnership():
    """@notice Gives the owner's rights up. By the owner. Emits `OwnershipTransferred`. Stop: none, it is for good."""
    self._only_owner()
    log OwnershipTransferred(previousOwner=self.owner, newOwner=empty(address))
    self.owner = empty(address)


@internal
def _pay_matured(staker: address) -> uint256:
    """Pays out what the lock period has released and returns how much that was."""
    held: Held = self._held(staker)
    if held.unstaking == 0 or block.number < held.until:
        return 0
    amount: uint256 = held.unstaking
    held.staked -= amount
    held.unstaking = 0
    held.until = 0
    self._hold(staker, held)
    self._pay(staker, amount)
    log StakeWithdrawn(staker=staker, tokens=amount)
    return amount


@internal
@pure
def _locked_by_escrows(held: Held, minimum: uint256) -> uint256:
    """Capped at what is there: a slashed launcher must not be bricked by escrows that are still open."""
    return min(held.staked - held.unstaking, held.open * minimum)


@internal
@view
def _stake(staker: address) -> Stake:
    held: Held = self._held(staker)
    return Stake(tokensStaked=held.staked, tokensLocked=held.unstaking, tokensLockedUntil=held.until)


@internal
@view
def _held(staker: address) -> Held:
    word: uint256 = self._stakes[staker]
    return Held(
        staked=word & MAX_AMOUNT,
        unstaking=(word >> 96) & MAX_AMOUNT,
        until=(word >> 192) & (2**40 - 1),
        open=(word >> 232) & MAX_OPEN,
        listed=word >> 255,
    )


@internal
def _hold(staker: address, held: Held):
    self._stakes[staker] = (
        held.staked | (held.unstaking << 96) | (held.until << 192) | (held.open << 232) | (held.listed << 255)
    )


@internal
def _pay(to: address, amount: uint256):
    answer: Bytes[32] = raw_call(
        token, abi_encode(to, amount, method_id=method_id("transfer(address,uint256)")), max_outsize=32
    )
    assert len(answer) == 0 or convert(answer, uint256) == 1, "Transfer failed"


@internal
def _set_minimum_stake(amount: uint256):
    assert amount > 0 and amount <= 2**96 - 1, "Must be a positive number"
    self.minimumStake = amount


@internal
def _set_lock_period(blocks: uint32):
    assert blocks > 0 and blocks <= MAX_LOCK_PERIOD_BLOCKS, "Must be a positive number"
    self.lockPeriod = blocks


@internal
def _set_fee_percentage(percentage: uint8):
    assert percentage <= MAX_FEE_PERCENTAGE, "Fee cannot exceed 25 percent"
    self.feePercentage = percentage


@internal
@view
def _only_owner():
    if msg.sender != self.owner:
        raw_revert(abi_encode(msg.sender, method_id=method_id("OwnableUnauthorizedAccount(address)")))
