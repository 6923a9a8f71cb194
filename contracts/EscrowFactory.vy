# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title EscrowFactory: makes escrows, and knows which are genuine
@license Apache-2.0
@notice Clones one escrow implementation (EIP-1167) per job. A launcher needs a stake; the stake stays locked while its
        escrows are open. Nothing here can be upgraded, and its owner can touch no escrow's money: the owner wires the
        KVStore and the jury once, and sets the minimum stake and the admin's name for later launches.
@dev HUMAN's functions, the event `LaunchedV2` (always this contract's first log) and its revert texts are kept; the
     upgrade functions of its proxy are left out on purpose (docs/adr/0024).
"""


interface Staking:
    def getAvailableStake(_staker: address) -> uint256: view
    def escrowOpened(_staker: address): nonpayable
    def escrowClosed(_staker: address): nonpayable


interface Escrow:
    def initialize(_token: address, _launcher: address): nonpayable
    def setup(
        _reputationOracle: address,
        _recordingOracle: address,
        _exchangeOracle: address,
        _manifest: String[8192],
        _manifestHash: String[256],
    ): nonpayable
    def setupWithFees(
        _reputationOracle: address,
        _recordingOracle: address,
        _exchangeOracle: address,
        _feesBp: uint16[3],
        _manifest: String[8192],
        _manifestHash: String[256],
    ): nonpayable


event LaunchedV2:
    token: address
    escrow: address
    jobRequesterId: String[256]


event SetMinumumStake:  # the spelling is HUMAN's and part of the ABI
    minimumStake: indexed(uint256)


event SetKVStoreAddress:
    kvStoreAddress: indexed(address)


event SetJuryAddress:
    juryAddress: indexed(address)


event OwnershipTransferred:
    previousOwner: indexed(address)
    newOwner: indexed(address)


owner: public(address)
admin: public(immutable(address))
staking: public(immutable(address))
implementation: public(immutable(address))
kvstore: public(address)
jury: public(address)
minimumStake: public(uint256)

_last: uint256  # counter (96 bits) | last escrow (160 bits): one storage word for both
# launcher -> escrows it made so far
launches: public(HashMap[address, uint256])
# escrow -> its number, 0 for strangers
escrowCounters: public(HashMap[address, uint256])


@deploy
def __init__(_implementation: address, _staking: address, _minimumStake: uint256, _admin: address):
    """
    @notice The deployer becomes the owner, who wires KVStore and jury once.
    @param _minimumStake stake, in base units of the staking token, that a launcher needs before its first job
    @param _admin shown by `admin()`; the implementation's own admin is the one with rights
    """
    assert _implementation.is_contract and _staking.is_contract, "Zero address"
    implementation = _implementation
    staking = _staking
    admin = _admin
    self.owner = msg.sender
    self.minimumStake = _minimumStake
    log OwnershipTransferred(previousOwner=empty(address), newOwner=msg.sender)
    log SetMinumumStake(minimumStake=_minimumStake)


@external
def createEscrow(_token: address, _jobRequesterId: String[256]) -> address:
    """
    @notice Makes an empty escrow with the caller as launcher. By anyone with the minimum stake available.
    @dev Emits `LaunchedV2`. Locks stake until the job ends. Stop: `requestCancellation` on the escrow.
    """
    return self._create(_token, _jobRequesterId)


@external
def createFundAndSetupEscrow(
    _token: address,
    _amount: uint256,
    _jobRequesterId: String[256],
    _reputationOracle: address,
    _recordingOracle: address,
    _exchangeOracle: address,
    _url: String[8192],
    _hash: String[256],
) -> address:
    """
    @notice Makes, funds and sets up an escrow in one transaction, with the oracles' published fees. By anyone with the
            minimum stake available who approved this factory for the amount.
    @dev Emits `LaunchedV2` first, then the escrow's `PendingV3`. Stop: `requestCancellation` on the escrow.
    """
    escrow: address = self._create(_token, _jobRequesterId)
    self._fund(_token, escrow, _amount)
    extcall Escrow(escrow).setup(_reputationOracle, _recordingOracle, _exchangeOracle, _url, _hash)
    return escrow


@external
def launch(
    _token: address,
    _amount: uint256,
    _jobRequesterId: String[256],
    _reputationOracle: address,
    _recordingOracle: address,
    _exchangeOracle: address,
    _feesBp: uint16[3],
    _url: String[8192],
    _hash: String[256],
) -> address:
    """
    @notice As `createFundAndSetupEscrow`, with the fees that the signed quote fixed; they follow the pay. The same callers.
    @dev Refuses one key for reserving and paying. Emits `LaunchedV2` first. Stop: `requestCancellation` on the escrow.
    @param _feesBp basis points of the funds, at most, for reputation, recording and exchange oracle, in this order
    """
    escrow: address = self._create(_token, _jobRequesterId)
    self._fund(_token, escrow, _amount)
    extcall Escrow(escrow).setupWithFees(_reputationOracle, _recordingOracle, _exchangeOracle, _feesBp, _url, _hash)
    return escrow


@external
@reentrant
def escrowClosed(_launcher: address):
    """
    @notice Unlocks the launcher's stake when a job has ended. By an escrow of this factory, once, at its end.
    @dev Callable while a launch is under way, because a token may end another job in its transfer: it touches no state
         here. The escrow names its launcher itself, because it is locked while it ends and cannot be asked. Emits nothing.
         Stop: none, on purpose; an escrow must be able to end.
    """
    assert self.escrowCounters[msg.sender] != 0, "Unauthorised"
    extcall Staking(staking).escrowClosed(_launcher)


@external
@view
def hasEscrow(_address: address) -> bool:
    """@notice Whether this factory made that escrow. Anyone."""
    return self.escrowCounters[_address] != 0


@external
@view
def counter() -> uint256:
    """@notice Number of escrows made so far. Anyone."""
    return self._last >> 160


@external
@view
def lastEscrow() -> address:
    """@notice The escrow made last. Anyone."""
    return convert(self._last & (2**160 - 1), address)


@external
def setKVStoreAddress(_kvstore: address):
    """
    @notice Names the KVStore, once. By the owner, right after deployment. Emits `SetKVStoreAddress`.
    @dev Stop: none; a wrong address is cured by a new deployment, escrows read fees from the one of their implementation.
    """
    self._only_owner()
    assert self.kvstore == empty(address), "Already set"
    assert _kvstore != empty(address), "Zero address"
    self.kvstore = _kvstore
    log SetKVStoreAddress(kvStoreAddress=_kvstore)


@external
def setJury(_jury: address):
    """
    @notice Names the jury, once. By the owner, right after deployment. Emits `SetJuryAddress`.
    @dev Once, so that no owner can put a jury of its own over running jobs. Stop: none, for that reason.
    """
    self._only_owner()
    assert self.jury == empty(address), "Already set"
    assert _jury != empty(address), "Zero address"
    self.jury = _jury
    log SetJuryAddress(juryAddress=_jury)


@external
def setMinimumStake(_minimumStake: uint256):
    """
    @notice Sets the stake that later launches need. By the owner. Running jobs are untouched. Emits `SetMinumumStake`.
    @dev Stop: set again.
    """
    self._only_owner()
    self.minimumStake = _minimumStake
    log SetMinumumStake(minimumStake=_minimumStake)


@external
def transferOwnership(newOwner: address):
    """@notice Hands the owner's rights over. By the owner. Emits `OwnershipTransferred`. Stop: the new owner hands back."""
    self._only_owner()
    assert newOwner != empty(address), "Ownable: new owner is the zero address"
    log OwnershipTransferred(previousOwner=self.owner, newOwner=newOwner)
    self.owner = newOwner


@external
def renounceOwnership():
    """@notice Gives the owner's rights up. By the owner. Emits `OwnershipTransferred`. Stop: none, it is for good."""
    self._only_owner()
    log OwnershipTransferred(previousOwner=self.owner, newOwner=empty(address))
    self.owner = empty(address)


@internal
def _create(token: address, job_requester_id: String[256]) -> address:
    assert token.is_contract, "Invalid token"
    assert staticcall Staking(staking).getAvailableStake(msg.sender) >= self.minimumStake, "Insufficient stake"
    # The address follows from the launcher's own launches alone: when the chain rewrites its last blocks, no other
    # launcher's escrow can come to stand where this one was and be funded in its place.
    launched: uint256 = self.launches[msg.sender]
    self.launches[msg.sender] = launched + 1
    escrow: address = create_minimal_proxy_to(implementation, salt=keccak256(abi_encode(msg.sender, launched)))
    number: uint256 = (self._last >> 160) + 1
    self._last = (number << 160) | convert(escrow, uint256)
    self.escrowCounters[escrow] = number
    log LaunchedV2(token=token, escrow=escrow, jobRequesterId=job_requester_id)
    extcall Escrow(escrow).initialize(token, msg.sender)
    extcall Staking(staking).escrowOpened(msg.sender)
    return escrow


@internal
def _fund(token: address, escrow: address, amount: uint256):
    assert amount > 0, "Zero amount"
    answer: Bytes[32] = raw_call(
        token,
        abi_encode(msg.sender, escrow, amount, method_id=method_id("transferFrom(address,address,uint256)")),
        max_outsize=32,
    )
    assert len(answer) == 0 or convert(answer, uint256) == 1, "Transfer failed"


@internal
@view
def _only_owner():
    assert msg.sender == self.owner, "Ownable: caller is not the owner"
