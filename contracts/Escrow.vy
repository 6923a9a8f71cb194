# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Escrow: one job's money
@license Apache-2.0
@notice Holds the funds of one job from its launch to its last payout. Rules it keeps, whoever calls and whenever:

        1. What is reserved belongs to workers. It is never refunded and never expires; only a jury's ruling lowers it.
        2. A recipient that cannot be paid is credited and delays nobody else; the credit never expires.
        3. Reserving and paying need two keys: the recording oracle reserves, the reputation oracle pays.
        4. What fees can be at most is fixed when the job is set up, and capped in sum; they are paid when the job ends.
        5. While a report freezes the job its clock stands still, so that a freeze uses up no time to record work.
        6. Every state has an exit: someone can always bring the balance to 0 within a bounded time.

@dev The functions, events and revert texts follow the escrow of HUMAN Protocol (core 7.1.0), so that its clients work
     unchanged; where behaviour differs, docs/adr/0020 and the following say why. Deployed in two ways: by its
     constructor (HUMAN's five arguments), or as an EIP-1167 clone that the factory initialises.
"""


interface Token:
    def balanceOf(account: address) -> uint256: view


interface Facts:
    def get(_account: address, _key: String[1100]) -> String[1100]: view


interface Factory:
    def jury() -> address: view
    def escrowClosed(_launcher: address): nonpayable


# --- events of HUMAN's escrow, unchanged ---


event PendingV3:
    manifest: String[8192]
    hash: String[256]
    reputationOracle: address
    recordingOracle: address
    exchangeOracle: address
    reputationOracleFeePercentage: uint8
    recordingOracleFeePercentage: uint8
    exchangeOracleFeePercentage: uint8


event Fund:
    amount: uint256


event IntermediateStorage:
    url: String[1024]
    hash: String[256]


event BulkTransferV3:
    payoutId: indexed(bytes32)
    recipients: DynArray[address, 110]
    amounts: DynArray[uint256, 110]
    isPartial: bool
    finalResultsUrl: String[1024]
    finalResultsHash: String[256]


event OracleFeeTransfer:
    oracles: DynArray[address, 3]
    amounts: DynArray[uint256, 3]


event CancellationRequested:
    pass


event CancellationRefund:
    amount: uint256


event Cancelled:
    pass


event Completed:
    pass


event Withdraw:
    token: address
    amount: uint256


# --- events of this platform ---


event FeesFixed:
    reputationFeeBp: uint256
    recordingFeeBp: uint256
    exchangeFeeBp: uint256


event Anchored:
    root: indexed(bytes32)
    count: uint256
    evidenceHash: bytes32
    reserved: uint256


event Reserved:
    amount: uint256
    reason: bytes32
    totalReserved: uint256


event Credited:
    recipient: indexed(address)
    amount: uint256


event Claimed:
    recipient: indexed(address)
    to: address
    amount: uint256


event CreditRedirected:
    recipient: indexed(address)
    to: indexed(address)
    amount: uint256


event CompletionRefund:
    amount: uint256


event Frozen:
    reportHash: indexed(bytes32)
    until: uint256


event Cleared:
    reportHash: indexed(bytes32)


event Upheld:
    reportHash: indexed(bytes32)


event Released:
    reportHash: indexed(bytes32)
    amount: uint256
    totalReserved: uint256


event DailyCapSet:
    parts: uint256


# Statuses carry HUMAN's numbers. 3 (Paid) is never set, here as there.
LAUNCHED: constant(uint8) = 0
PENDING: constant(uint8) = 1
PARTIAL: constant(uint8) = 2
COMPLETE: constant(uint8) = 4
CANCELLED: constant(uint8) = 5
TO_CANCEL: constant(uint8) = 6

BULK_MAX_COUNT: constant(uint256) = 100
MAX_FEES_BP: constant(uint256) = 3_000  # all three oracles together; HUMAN allows 25 % to each
BP_ONE: constant(uint256) = 10_000

FREEZE_SECONDS: constant(uint256) = 7 * 86_400  # a freeze without a ruling ends by itself after this long
MAX_FREEZES: constant(uint256) = 5  # freezes that no jury cleared; bounds what one stolen exchange key can delay
CANCEL_WINDOW_SECONDS: constant(uint256) = 3 * 86_400  # time to record work that was done before a cancellation
LAST_RESORT_SECONDS: constant(uint256) = 30 * 86_400  # after expiry plus this, the exchange oracle may pay what is reserved
MAX_DAILY_CAP_PARTS: constant(uint256) = 30  # a daily cap is never below 1/30 of the funds, so it delays by a month at most
MAX_DURATION_SECONDS: constant(uint256) = 100 * 365 * 86_400  # keeps every time inside its 40 bits

# One transfer may not eat the gas of the others. A plain ERC-20 needs 30-60 thousand.
TRANSFER_GAS: constant(uint256) = 150_000
MAX_AMOUNT: constant(uint256) = 2**96 - 1

# Shared by every clone of this implementation.
ADMIN: immutable(address)
KVSTORE: immutable(address)
DURATION_SECONDS: immutable(uint256)


# Values that are read together are packed into one storage word each: a launch writes 3 words fewer this way,
# and an anchor reads 4 fewer. The structs below are their unpacked form in memory.
struct Head:
    launcher: address  # 160 bits
    status: uint8  # 8
    expires_at: uint256  # 40, seconds
    cancel_deadline: uint256  # 40, seconds; 0 unless ToCancel
    freezes: uint256  # 8, freezes that no jury cleared


struct Purse:
    token: address  # 160 bits
    frozen_until: uint256  # 40, seconds
    is_clone: uint256  # 8, 1 when made by a factory that wants to hear of the end


struct Terms:
    amount: uint256  # 96 bits, balance at setup
    paid: uint256  # 96, paid or credited to workers so far (saturating)
    reputation_bp: uint256  # 16
    recording_bp: uint256  # 16
    exchange_bp: uint256  # 16
    cap_parts: uint256  # 8, 0 = no daily cap, else at most amount/parts a day
    fees_follow_pay: uint256  # 8, 1 when a completed job owes fees for the paid share only (`setupWithFees`)


_head: uint256
_purse: uint256
_factory: address
_fund: uint256
_reserved: uint128
_credited: uint128
_today: uint256  # day (32 bits) | reserved that day (96) | paid that day (96); only used under a daily cap

reputationOracle: public(address)
recordingOracle: public(address)
exchangeOracle: public(address)
manifest: public(String[8192])
manifestHash: public(String[256])
intermediateResultsUrl: public(String[1024])
intermediateResultsHash: public(String[256])
finalResultsUrl: public(String[1024])
finalResultsHash: public(String[256])

# keccak256(payoutId) -> done. A payout happens once, whatever is re-sent.
payouts: public(HashMap[bytes32, bool])
# root -> number of leaves. A batch is anchored, and its pay reserved, once.
anchors: public(HashMap[bytes32, uint256])
# recipient -> token base units that could not be sent and can be claimed for ever
credits: public(HashMap[address, uint256])
frozenReport: public(bytes32)


@deploy
def __init__(_token: address, _launcher: address, _admin: address, _duration: uint256, _kvstore: address):
    """
    @notice Makes one escrow, or the implementation that a factory clones.
    @dev `admin` may ask for cancellation and withdraw in the launcher's place, to the launcher, and nothing else.
    @param _duration seconds from now until unreserved funds can be taken back without the recording oracle
    """
    ADMIN = _admin
    KVSTORE = _kvstore
    DURATION_SECONDS = _duration
    self._open(_token, _launcher, 0)


@external
def initialize(_token: address, _launcher: address):
    """
    @notice Turns a fresh clone into the escrow of one job. Callable once, by the factory in the clone's own transaction.
    @dev Reverts on any escrow that has a launcher, which includes the implementation itself. Emits nothing; the factory
         has said `LaunchedV2`. Stop: none needed, the transaction either makes and initialises the clone or does nothing.
    """
    assert self._head == 0, "Already initialized"
    self._open(_token, _launcher, 1)


@internal
def _open(_token: address, _launcher: address, is_clone: uint256):
    assert _launcher != empty(address), "Zero address"
    assert DURATION_SECONDS <= MAX_DURATION_SECONDS, "Duration too long"
    self._factory = msg.sender
    self._put_head(
        Head(
            launcher=_launcher,
            status=LAUNCHED,
            expires_at=block.timestamp + DURATION_SECONDS,
            cancel_deadline=0,
            freezes=0,
        )
    )
    self._put_purse(Purse(token=_token, frozen_until=0, is_clone=is_clone))


# --- life of a job: set up, record, pay, end ---


@external
def setup(
    _reputationOracle: address,
    _recordingOracle: address,
    _exchangeOracle: address,
    _manifest: String[8192],
    _manifestHash: String[256],
):
    """
    @notice Names the oracles and the manifest of a funded job and opens it. By launcher or factory while Launched.
    @dev Fees are read once from the KVStore (key `fee`, percent with up to two decimals, empty = 0) and fixed for good;
         completion pays them in full, as HUMAN's does.
         Emits `PendingV3`, `FeesFixed`, `Fund`. Stop: `requestCancellation` by the launcher.
    """
    self._setup(
        _reputationOracle,
        _recordingOracle,
        _exchangeOracle,
        self._published_fee_bp(_reputationOracle),
        self._published_fee_bp(_recordingOracle),
        self._published_fee_bp(_exchangeOracle),
        0,
        _manifest,
        _manifestHash,
    )


@external
def setupWithFees(
    _reputationOracle: address,
    _recordingOracle: address,
    _exchangeOracle: address,
    _feesBp: uint16[3],
    _manifest: String[8192],
    _manifestHash: String[256],
):
    """
    @notice As `setup`, with the fees of the signed quote instead of those published. By launcher or factory.
    @dev These fees follow the pay: completion pays the share that the paid share of the workers' funds stands for and
         refunds the rest. Also refuses one key that reserves and pays, now or as the last resort: `setup` allows it only
         for HUMAN's clients. Stop: `requestCancellation` by the launcher.
    @param _feesBp basis points of the funds, at most, for reputation, recording and exchange oracle, in this order
    """
    # The exchange oracle pays as the last resort, long after expiry.
    assert _recordingOracle not in [_reputationOracle, _exchangeOracle], "Reserving and paying need two keys"
    self._setup(
        _reputationOracle,
        _recordingOracle,
        _exchangeOracle,
        convert(_feesBp[0], uint256),
        convert(_feesBp[1], uint256),
        convert(_feesBp[2], uint256),
        1,
        _manifest,
        _manifestHash,
    )


@internal
def _setup(
    reputation: address,
    recording: address,
    exchange: address,
    reputation_bp: uint256,
    recording_bp: uint256,
    exchange_bp: uint256,
    fees_follow_pay: uint256,
    manifest: String[8192],
    manifest_hash: String[256],
):
    head: Head = self._get_head()
    # HUMAN's admin may do this too; then one stolen key names itself as every oracle of whatever is funded and not set up.
    assert msg.sender == head.launcher or msg.sender == self._factory, "Unauthorised"
    assert block.timestamp < head.expires_at, "Expired"
    assert reputation != empty(address), "Invalid reputation oracle"
    assert recording != empty(address), "Invalid recording oracle"
    assert exchange != empty(address), "Invalid exchange oracle"
    assert head.status == LAUNCHED, "Wrong status"
    assert len(manifest) > 0, "Empty URL"
    assert len(manifest_hash) > 0, "Empty hash"
    assert reputation_bp + recording_bp + exchange_bp <= MAX_FEES_BP, "Percentage out of bounds"
    amount: uint256 = self._balance(self._get_purse().token)
    assert amount > 0, "Zero balance"
    assert amount <= MAX_AMOUNT, "Amount too large"

    head.status = PENDING
    self._put_head(head)
    self._put_fund(
        Terms(
            amount=amount,
            paid=0,
            reputation_bp=reputation_bp,
            recording_bp=recording_bp,
            exchange_bp=exchange_bp,
            cap_parts=self._get_fund().cap_parts,
            fees_follow_pay=fees_follow_pay,
        )
    )
    self.reputationOracle = reputation
    self.recordingOracle = recording
    self.exchangeOracle = exchange
    self.manifest = manifest
    self.manifestHash = manifest_hash
    log PendingV3(
        manifest=manifest,
        hash=manifest_hash,
        reputationOracle=reputation,
        recordingOracle=recording,
        exchangeOracle=exchange,
        reputationOracleFeePercentage=convert(reputation_bp // 100, uint8),
        recordingOracleFeePercentage=convert(recording_bp // 100, uint8),
        exchangeOracleFeePercentage=convert(exchange_bp // 100, uint8),
    )
    log FeesFixed(reputationFeeBp=reputation_bp, recordingFeeBp=recording_bp, exchangeFeeBp=exchange_bp)
    log Fund(amount=amount)


@external
def setDailyCap(_parts: uint256):
    """
    @notice Limits what can be reserved, and what can be paid, per day to 1/_parts of the funds. By the launcher, before setup.
    @dev Bounds the loss from one stolen oracle key to a day's share. 0 = no cap; at most 30, so that pay out of the fund
         waits a month at most, and pay out of top-ups as many days as it was reserved in. Emits `DailyCapSet`.
         Stop: set again before setup; afterwards it stays.
    """
    head: Head = self._get_head()
    assert msg.sender == head.launcher, "Unauthorised"
    assert head.status == LAUNCHED, "Wrong status"
    assert _parts <= MAX_DAILY_CAP_PARTS, "Cap too small"
    fund: Terms = self._get_fund()
    fund.cap_parts = _parts
    self._put_fund(fund)
    log DailyCapSet(parts=_parts)


@external
def anchorAndReserve(root: bytes32, count: uint256, evidenceHash: bytes32, amount: uint256):
    """
    @notice Anchors a batch of verdicts and reserves the pay of its accepted answers, in one act. By the recording oracle
            while Pending, Partial or within the window of a cancellation.
    @dev One root is taken once, so a re-sent batch reserves nothing twice. Emits `Anchored`. Moves no funds.
         Stop: `freeze` by the exchange oracle.
    @param root Merkle root over `count` salted commitments
    @param evidenceHash hash of the evidence file that holds the leaves
    @param amount token base units earned by the answers in this batch; 0 is allowed
    """
    self._record(root, count)
    self._reserve(amount)
    log Anchored(root=root, count=count, evidenceHash=evidenceHash, reserved=amount)


@external
def anchor(root: bytes32, count: uint256):
    """
    @notice Anchors a batch of verdicts that earned nothing. By the recording oracle, as `anchorAndReserve`.
    @dev Emits `Anchored` with evidence hash and reserve 0. Moves no funds. Stop: `freeze` by the exchange oracle.
    """
    self._record(root, count)
    self._check_open_for_recording()
    log Anchored(root=root, count=count, evidenceHash=empty(bytes32), reserved=0)


@external
def reserve(amount: uint256, reason: bytes32):
    """
    @notice Reserves pay that no single batch earned: an hourly top-up, a bonus. By the recording oracle, as `anchorAndReserve`.
    @dev Emits `Reserved`. Moves no funds. Stop: `freeze` by the exchange oracle.
    @param reason hash of the record that explains the amount
    """
    assert msg.sender == self.recordingOracle, "Unauthorised"
    assert amount > 0, "Zero amount"
    total: uint256 = self._reserve(amount)
    log Reserved(amount=amount, reason=reason, totalReserved=total)


@external
def storeResults(_url: String[1024], _hash: String[256], _fundsToReserve: uint256 = max_value(uint256)):
    """
    @notice HUMAN's way to record: URL and hash of an interim file, and pay to reserve. By the recording oracle.
    @dev While ToCancel this is the recording oracle's last word: what is then unreserved returns to the launcher, and the
         job is Cancelled if nothing is reserved. Without `_fundsToReserve` it reverts `DEPRECATED_SIGNATURE`, as HUMAN's does.
         Emits `IntermediateStorage`, `Reserved` when something is, and the events of a refund. Stop: `freeze`.
    """
    assert msg.sender == self.recordingOracle, "Unauthorised"
    assert _fundsToReserve != max_value(uint256), "DEPRECATED_SIGNATURE"
    if _fundsToReserve > 0:
        assert len(_url) > 0, "Empty URL"
        assert len(_hash) > 0, "Empty hash"
    total: uint256 = self._reserve(_fundsToReserve)
    self.intermediateResultsUrl = _url
    self.intermediateResultsHash = _hash
    log IntermediateStorage(url=_url, hash=_hash)
    if _fundsToReserve > 0:
        log Reserved(amount=_fundsToReserve, reason=empty(bytes32), totalReserved=total)
    head: Head = self._get_head()
    if head.status == TO_CANCEL:
        self._refund_unreserved(head)


@external
def bulkPayOut(
    _recipients: DynArray[address, 110],
    _amounts: DynArray[uint256, 110],
    _url: String[1024],
    _hash: String[256],
    _payoutId: String[256],
    forceComplete: bool,
):
    """
    @notice Pays workers out of what is reserved. By the reputation oracle at any time, also while frozen and after expiry;
            from 30 days after expiry on also by the exchange oracle, so that a lost key strands nobody's pay.
    @dev At most 100 recipients. A `_payoutId` is taken once. A transfer that fails is credited (`Credited`) and can be claimed.
         The job ends when nothing is reserved any more and either nothing is left or `forceComplete` is set; what is
         reserved is never refunded by `forceComplete`. Emits `BulkTransferV3`. Stop: none, on purpose; earned pay is owed.
    """
    head: Head = self._get_head()
    self._check_payer(head)
    assert head.status == PENDING or head.status == PARTIAL or head.status == TO_CANCEL, "Invalid status"
    assert len(_recipients) == len(_amounts), "Length mismatch"
    assert len(_amounts) > 0, "Empty amounts"
    assert len(_recipients) <= BULK_MAX_COUNT, "Too many recipients"
    assert len(_url) > 0 and len(_hash) > 0, "Empty url/hash"
    payout_key: bytes32 = keccak256(_payoutId)
    assert not self.payouts[payout_key], "payoutId already exists"

    total: uint256 = 0
    for amount: uint256 in _amounts:
        assert amount > 0, "Zero amount"
        total += amount
    reserved: uint256 = convert(self._reserved, uint256)
    assert total <= reserved, "Not enough funds"

    self.payouts[payout_key] = True
    fund: Terms = self._get_fund()
    self._count_today(fund, 0, total)
    fund.paid = min(fund.paid + total, MAX_AMOUNT)
    self._put_fund(fund)
    reserved -= total
    self._reserved = convert(reserved, uint128)
    self.finalResultsUrl = _url
    self.finalResultsHash = _hash
    if head.status == PENDING:
        head.status = PARTIAL
        self._put_head(head)

    purse: Purse = self._get_purse()
    i: uint256 = 0
    for recipient: address in _recipients:
        self._send_or_credit(purse.token, recipient, _amounts[i])
        i += 1

    ends: bool = reserved == 0 and block.timestamp >= purse.frozen_until
    if ends and not forceComplete:
        ends = self._remaining(fund, purse.token) == 0
    log BulkTransferV3(
        payoutId=payout_key,
        recipients=_recipients,
        amounts=_amounts,
        isPartial=not ends,
        finalResultsUrl=_url,
        finalResultsHash=_hash,
    )
    if ends:
        self._end(head)


@external
def complete():
    """
    @notice Ends a job: pays the oracles' fees (of a signed quote: for the part that was paid) and refunds the rest to the
            launcher. By the reputation oracle while Pending or Partial, with nothing reserved.
    @dev Emits `OracleFeeTransfer`, `CompletionRefund`, `Completed`. Stop: `freeze` by the exchange oracle.
    """
    assert msg.sender == self.reputationOracle, "Unauthorised"
    head: Head = self._get_head()
    assert head.status == PENDING or head.status == PARTIAL, "Invalid status"
    self._check_not_frozen()
    assert self._reserved == 0, "Reserved funds"
    self._end(head)


@external
def requestCancellation():
    """
    @notice Asks to end a job early. By launcher or admin. Before setup everything returns at once. While the job runs, the
            recording oracle has three days to record work that was done; then, or after expiry, a second call returns
            what is not reserved. What is reserved stays and is paid.
    @dev Emits `CancellationRequested`, and `CancellationRefund`, `Cancelled` as they happen. Stop: `freeze` by the exchange
         oracle, bounded in time.
    """
    head: Head = self._get_head()
    assert msg.sender == head.launcher or msg.sender == ADMIN, "Unauthorised"
    if head.status == LAUNCHED:
        log CancellationRequested()
        head.status = TO_CANCEL
        self._end(head)
        return
    assert head.status == PENDING or head.status == PARTIAL or head.status == TO_CANCEL, "Invalid status"
    self._check_not_frozen()
    expired: bool = block.timestamp >= head.expires_at
    if head.status != TO_CANCEL:
        log CancellationRequested()
        head.status = TO_CANCEL
        head.cancel_deadline = block.timestamp + CANCEL_WINDOW_SECONDS
        self._put_head(head)
        if not expired:
            return
    assert expired or block.timestamp >= head.cancel_deadline, "Invalid status"
    self._refund_unreserved(head)


@external
def cancel():
    """
    @notice Ends a job whose cancellation was asked for: fees for the part that was paid, the rest to the launcher. By the
            reputation oracle while ToCancel with nothing reserved.
    @dev Emits `OracleFeeTransfer`, `CancellationRefund`, `Cancelled`. Stop: `freeze` by the exchange oracle.
    """
    assert msg.sender == self.reputationOracle, "Unauthorised"
    head: Head = self._get_head()
    assert head.status == TO_CANCEL, "Invalid status"
    self._check_not_frozen()
    assert self._reserved == 0, "Reserved funds"
    self._end(head)


@external
def withdraw(_token: address):
    """
    @notice Sends to the launcher what the escrow holds and owes nobody: a foreign token at any time; the job's own token
            before setup or after the end. By launcher or admin.
    @dev While the job runs a top-up belongs to the job. Emits `Withdraw`. Stop: none needed, it never touches pay.
    """
    head: Head = self._get_head()
    assert msg.sender == head.launcher or msg.sender == ADMIN, "Unauthorised"
    own: address = self._get_purse().token
    held: uint256 = self._balance(own)
    amount: uint256 = self._balance(_token)
    if _token == own:
        if head.status == COMPLETE or head.status == CANCELLED:
            amount = self._less(amount, convert(self._credited, uint256))
        elif head.status != LAUNCHED:
            amount = 0
    assert amount > 0, "No funds"
    assert self._transfer(_token, head.launcher, amount, msg.gas), "Transfer failed"
    # Some tokens answer at two addresses.
    assert _token == own or self._balance(own) >= held, "Token is the job's own"
    log Withdraw(token=_token, amount=amount)


# --- credits: pay that could not be sent ---


@external
def claim(recipient: address):
    """
    @notice Sends a credit to its owner. By anyone, at any time.
    @dev Reverts while the token still refuses; then the owner can use `claimTo`. Emits `Claimed`. Stop: none, on purpose.
    """
    self._claim(recipient, recipient)


@external
def claimTo(to: address):
    """
    @notice Sends the caller's own credit to another address. By the credited recipient, at any time.
    @dev For an owner whose address the token refuses for good. Emits `Claimed`. Stop: none, on purpose.
    """
    self._claim(msg.sender, to)


@external
def redirectCredit(recipient: address, to: address):
    """
    @notice Moves the credit of an address that can have no owner (zero, the token, this escrow) to the worker it was meant
            for. By whoever may pay (see `bulkPayOut`), at any time.
    @dev Without it a mistyped batch would strand money. No worker's credit can be touched. Emits `CreditRedirected`.
         Stop: none; such a credit can have no other use.
    """
    self._check_payer(self._get_head())
    token: address = self._get_purse().token
    assert recipient == empty(address) or recipient == token or recipient == self, "Credit has an owner"
    assert to != empty(address) and to != token and to != self, "Invalid recipient"
    amount: uint256 = self.credits[recipient]
    assert amount > 0, "Nothing to claim"
    self.credits[recipient] = 0
    self.credits[to] += amount
    log CreditRedirected(recipient=recipient, to=to, amount=amount)


# --- misuse: freeze and ruling ---


@external
def freeze(reportHash: bytes32):
    """
    @notice Stops recording, refunds and the end of a running job while a report is judged; never payouts of what is reserved,
            never claims. By this escrow's exchange oracle.
    @dev Ends by the jury's ruling or after seven days; at most five freezes that no jury cleared. The job's clock stands
         still meanwhile: expiry and the end of a cancellation's window move by as much. Emits `Frozen`.
         Stop: `clear` or `uphold` by the jury, or time.
    """
    assert msg.sender == self.exchangeOracle, "Unauthorised"
    head: Head = self._get_head()
    assert head.status == PENDING or head.status == PARTIAL or head.status == TO_CANCEL, "Invalid status"
    purse: Purse = self._get_purse()
    assert block.timestamp >= purse.frozen_until, "Frozen"
    assert head.freezes < MAX_FREEZES, "Too many freezes"
    head.freezes += 1
    # A freeze may not use up the time in which work that was done can be recorded.
    if block.timestamp < head.expires_at:
        head.expires_at += FREEZE_SECONDS
    if block.timestamp < head.cancel_deadline:
        head.cancel_deadline += FREEZE_SECONDS
    self._put_head(head)
    purse.frozen_until = block.timestamp + FREEZE_SECONDS
    self._put_purse(purse)
    self.frozenReport = reportHash
    log Frozen(reportHash=reportHash, until=purse.frozen_until)


@external
def clear(reportHash: bytes32):
    """
    @notice Ends the freeze for a report that the jury found without ground. By the factory's jury.
    @dev Does nothing when that freeze has already ended, so that a late ruling cannot fail. Emits `Cleared`. Moves no funds.
         Stop: none; the case is ruled once.
    """
    self._check_jury()
    if self._thaw(reportHash):
        head: Head = self._get_head()
        head.freezes -= 1
        self._put_head(head)
    log Cleared(reportHash=reportHash)


@external
def uphold(reportHash: bytes32):
    """
    @notice Ends the freeze and the job for a report that the jury upheld: the job goes ToCancel, work done can still be
            recorded for three days, what is reserved is paid. By the factory's jury.
    @dev Does nothing to a job that has ended or was never set up. Emits `Upheld`. Moves no funds.
         Stop: none; the case is ruled once.
    """
    self._check_jury()
    self._thaw(reportHash)
    head: Head = self._get_head()
    if head.status == PENDING or head.status == PARTIAL:
        head.status = TO_CANCEL
        # Another report's freeze may stand; the window follows it.
        head.cancel_deadline = max(block.timestamp, self._get_purse().frozen_until) + CANCEL_WINDOW_SECONDS
        self._put_head(head)
    log Upheld(reportHash=reportHash)


@external
def release(reportHash: bytes32, amount: uint256):
    """
    @notice Lowers the reserve by what a jury found to be reserved without work behind it. By the factory's jury.
    @dev The only way in which a reserve falls without being paid. Takes at most what is reserved. Emits `Released`.
         Stop: pay what is owed first; what is paid cannot be released.
    """
    self._check_jury()
    self._thaw(reportHash)
    reserved: uint256 = convert(self._reserved, uint256)
    taken: uint256 = min(amount, reserved)
    self._reserved = convert(reserved - taken, uint128)
    log Released(reportHash=reportHash, amount=taken, totalReserved=reserved - taken)


# --- views ---


@external
@view
def status() -> uint8:
    """@notice 0 Launched, 1 Pending, 2 Partial, 4 Complete, 5 Cancelled, 6 ToCancel. Anyone."""
    return self._get_head().status


@external
@view
def launcher() -> address:
    """@notice Who launched the job and gets every refund. Anyone."""
    return self._get_head().launcher


@external
@view
def token() -> address:
    """@notice The token that this job is paid in. Anyone."""
    return self._get_purse().token


@external
@view
def admin() -> address:
    """@notice May ask for cancellation in the launcher's place; money goes to the launcher alone. Anyone may ask."""
    return ADMIN


@external
@view
def kvstore() -> address:
    """@notice Where `setup` reads published fees. Anyone."""
    return KVSTORE


@external
@view
def escrowFactory() -> address:
    """@notice Who deployed this escrow: a factory, or an account. Anyone."""
    return self._factory


@external
@view
def duration() -> uint256:
    """@notice Unix time, in seconds, of the expiry (HUMAN's meaning of this name). Anyone."""
    return self._get_head().expires_at


@external
@view
def fundAmount() -> uint256:
    """@notice Token base units held when the job was set up; the base of the fees at most. Anyone."""
    return self._get_fund().amount


@external
@view
def paidAmount() -> uint256:
    """@notice Token base units paid or credited to workers so far. Anyone."""
    return self._get_fund().paid


@external
@view
def reservedFunds() -> uint256:
    """@notice Token base units earned by workers and not yet paid. Anyone."""
    return convert(self._reserved, uint256)


@external
@view
def creditedFunds() -> uint256:
    """@notice Token base units credited and not yet claimed. Anyone."""
    return convert(self._credited, uint256)


@external
@view
def remainingFunds() -> uint256:
    """@notice Token base units for workers, reserved or not, top-ups included, fees and credits excluded. Anyone."""
    status: uint8 = self._get_head().status
    if status == LAUNCHED or status == COMPLETE or status == CANCELLED:
        return 0
    return self._remaining(self._get_fund(), self._get_purse().token)


@external
@view
def getBalance() -> uint256:
    """@notice Token base units that the escrow holds in the job's token. Anyone."""
    return self._balance(self._get_purse().token)


@external
@view
def getTokenBalance(_token: address) -> uint256:
    """@notice Base units that the escrow holds in any token. Anyone."""
    return self._balance(_token)


@external
@view
def reputationOracleFeePercentage() -> uint8:
    """@notice Whole percent, rounded down (HUMAN's unit); `feesBp` is exact. Anyone."""
    return convert(self._get_fund().reputation_bp // 100, uint8)


@external
@view
def recordingOracleFeePercentage() -> uint8:
    """@notice Whole percent, rounded down (HUMAN's unit); `feesBp` is exact. Anyone."""
    return convert(self._get_fund().recording_bp // 100, uint8)


@external
@view
def exchangeOracleFeePercentage() -> uint8:
    """@notice Whole percent, rounded down (HUMAN's unit); `feesBp` is exact. Anyone."""
    return convert(self._get_fund().exchange_bp // 100, uint8)


@external
@view
def feesBp() -> uint256[3]:
    """@notice Fees at most, in basis points of `fundAmount`: reputation, recording, exchange oracle. Anyone."""
    fund: Terms = self._get_fund()
    return [fund.reputation_bp, fund.recording_bp, fund.exchange_bp]


@external
@view
def dailyCap() -> uint256:
    """@notice Token base units that may be reserved, and may be paid, per day; 0 = no cap. Anyone."""
    fund: Terms = self._get_fund()
    if fund.cap_parts == 0:
        return 0
    return fund.amount // fund.cap_parts + 1


@external
@view
def frozenUntil() -> uint256:
    """@notice Unix time, in seconds, at which the last freeze ends by itself; in the past or 0 when not frozen. Anyone."""
    return self._get_purse().frozen_until


@external
@view
def cancelDeadline() -> uint256:
    """@notice Unix time, in seconds, until which work can be recorded while ToCancel; 0 otherwise. Anyone."""
    return self._get_head().cancel_deadline


@external
@view
def freezes() -> uint256:
    """@notice Freezes so far that no jury cleared; the fifth is the last. Anyone."""
    return self._get_head().freezes


@external
def __default__():
    """@dev HUMAN's old payout (a number as payout id) gets HUMAN's answer; anything else is refused by name."""
    if len(msg.data) >= 4:
        assert convert(slice(msg.data, 0, 4), bytes4) != 0x55bf1d6a, "DEPRECATED_SIGNATURE"
    raise "Unknown function"


# --- inside ---


@internal
@view
def _check_payer(head: Head):
    """The reputation oracle; long after expiry also the exchange oracle, so that one lost key strands nobody's pay."""
    if msg.sender != self.reputationOracle:
        assert (
            msg.sender == self.exchangeOracle and block.timestamp >= head.expires_at + LAST_RESORT_SECONDS
        ), "Unauthorised"


@internal
def _record(root: bytes32, count: uint256):
    assert msg.sender == self.recordingOracle, "Unauthorised"
    assert root != empty(bytes32), "Empty hash"
    assert count > 0, "Zero amount"
    assert self.anchors[root] == 0, "Already anchored"
    self.anchors[root] = count


@internal
@view
def _check_open_for_recording() -> Purse:
    head: Head = self._get_head()
    assert head.status == PENDING or head.status == PARTIAL or head.status == TO_CANCEL, "Invalid status"
    assert block.timestamp < head.expires_at, "Expired"
    if head.status == TO_CANCEL:
        assert block.timestamp < head.cancel_deadline, "Expired"
    purse: Purse = self._get_purse()
    assert block.timestamp >= purse.frozen_until, "Frozen"
    return purse


@internal
def _reserve(amount: uint256) -> uint256:
    """Adds to the reserve and returns it. The caller has checked who calls."""
    purse: Purse = self._check_open_for_recording()
    reserved: uint256 = convert(self._reserved, uint256)
    if amount == 0:
        return reserved
    fund: Terms = self._get_fund()
    remaining: uint256 = self._remaining(fund, purse.token)
    assert reserved <= remaining and amount <= remaining - reserved, "Insufficient unreserved funds"
    reserved += amount
    assert reserved <= MAX_AMOUNT, "Amount too large"
    self._count_today(fund, amount, 0)
    self._reserved = convert(reserved, uint128)
    return reserved


@internal
def _count_today(fund: Terms, reserve_amount: uint256, pay_amount: uint256):
    if fund.cap_parts == 0:
        return
    cap: uint256 = fund.amount // fund.cap_parts + 1
    day: uint256 = block.timestamp // 86_400
    reserved_today: uint256 = reserve_amount
    paid_today: uint256 = pay_amount
    word: uint256 = self._today
    if word >> 192 == day:
        reserved_today += (word >> 96) & MAX_AMOUNT
        paid_today += word & MAX_AMOUNT
    assert reserved_today <= cap and paid_today <= cap, "Daily cap"
    self._today = (day << 192) | (reserved_today << 96) | paid_today


@internal
@view
def _fees(fund: Terms) -> uint256[3]:
    """What the oracles get at most, and what is held back for them while the job runs."""
    return [
        fund.amount * fund.reputation_bp // BP_ONE,
        fund.amount * fund.recording_bp // BP_ONE,
        fund.amount * fund.exchange_bp // BP_ONE,
    ]


@internal
@view
def _remaining(fund: Terms, token: address) -> uint256:
    """What is there for workers. Computed from the balance, so that a top-up counts the moment it arrives."""
    fees: uint256[3] = self._fees(fund)
    held: uint256 = fees[0] + fees[1] + fees[2] + convert(self._credited, uint256)
    return self._less(self._balance(token), held)


@internal
def _refund_unreserved(head: Head):
    """While ToCancel: returns what no worker earned; ends the job when nothing is reserved."""
    if self._reserved == 0:
        self._end(head)
        return
    purse: Purse = self._get_purse()
    unreserved: uint256 = self._less(self._remaining(self._get_fund(), purse.token), convert(self._reserved, uint256))
    if unreserved > 0:
        self._send_or_credit(purse.token, head.launcher, unreserved)
        log CancellationRefund(amount=unreserved)


@internal
def _end(head: Head):
    """Pays fees and refunds the rest. Nothing is reserved here, and no transfer can make it fail."""
    cancelled: bool = head.status == TO_CANCEL
    last: Head = head
    last.status = CANCELLED if cancelled else COMPLETE
    last.cancel_deadline = 0
    self._put_head(last)
    purse: Purse = self._get_purse()
    fund: Terms = self._get_fund()

    fees: uint256[3] = self._fees(fund)
    if cancelled or fund.fees_follow_pay == 1:
        # Owed is the share of the fees that the paid share of the work stands for. Only HUMAN's `setup` with an orderly
        # completion owes them in full (ADR 0028).
        for_workers: uint256 = fund.amount - fees[0] - fees[1] - fees[2]
        paid: uint256 = min(fund.paid, for_workers)
        for k: uint256 in range(3):
            fees[k] = 0 if for_workers == 0 else fees[k] * paid // for_workers
    if fees[0] + fees[1] + fees[2] > 0:
        oracles: DynArray[address, 3] = [self.reputationOracle, self.recordingOracle, self.exchangeOracle]
        amounts: DynArray[uint256, 3] = []
        held: uint256 = self._less(self._balance(purse.token), convert(self._credited, uint256))
        for k: uint256 in range(3):
            amount: uint256 = min(fees[k], held)
            held -= amount
            amounts.append(amount)
            if amount > 0:
                self._send_or_credit(purse.token, oracles[k], amount)
        log OracleFeeTransfer(oracles=oracles, amounts=amounts)

    rest: uint256 = self._less(self._balance(purse.token), convert(self._credited, uint256))
    if rest > 0:
        self._send_or_credit(purse.token, head.launcher, rest)
    if cancelled:
        if rest > 0:
            log CancellationRefund(amount=rest)
        log Cancelled()
    else:
        if rest > 0:
            log CompletionRefund(amount=rest)
        log Completed()
    if purse.is_clone == 1:
        extcall Factory(self._factory).escrowClosed(head.launcher)


@internal
def _send_or_credit(token: address, to: address, amount: uint256):
    """Pays, or notes the debt for a later claim: one recipient that cannot be paid delays only itself."""
    # A transfer to the escrow itself would succeed and turn somebody's pay into free funds.
    if to != self and self._transfer(token, to, amount, TRANSFER_GAS):
        return
    self.credits[to] += amount
    self._credited += convert(amount, uint128)
    log Credited(recipient=to, amount=amount)


@internal
def _transfer(token: address, to: address, amount: uint256, gas_most: uint256) -> bool:
    """True when the token says that it paid: no revert, and either `true` or, as some tokens do, no answer at all."""
    if not token.is_contract:
        return False
    ok: bool = False
    answer: Bytes[32] = b""
    ok, answer = raw_call(
        token,
        abi_encode(to, amount, method_id=method_id("transfer(address,uint256)")),
        max_outsize=32,
        gas=gas_most,
        revert_on_failure=False,
    )
    if not ok:
        return False
    if len(answer) == 0:
        return True
    return len(answer) == 32 and convert(answer, uint256) == 1


@internal
def _claim(recipient: address, to: address):
    amount: uint256 = self.credits[recipient]
    assert amount > 0, "Nothing to claim"
    assert to != self, "Invalid recipient"
    self.credits[recipient] = 0
    self._credited -= convert(amount, uint128)
    # Nobody else waits for this transfer: a token that needs more gas than a payout allows it is claimed with all there is.
    assert self._transfer(self._get_purse().token, to, amount, msg.gas), "Transfer failed"
    log Claimed(recipient=recipient, to=to, amount=amount)


@internal
def _thaw(report_hash: bytes32) -> bool:
    """Ends the freeze that stands for this report; false when it had ended or stands for another."""
    purse: Purse = self._get_purse()
    if self.frozenReport != report_hash or block.timestamp >= purse.frozen_until:
        return False
    # What the freeze added to the job's times and did not last is taken back. A time that had passed when it began was
    # not moved, and lies before its end.
    head: Head = self._get_head()
    unused: uint256 = purse.frozen_until - block.timestamp
    if head.expires_at > purse.frozen_until:
        head.expires_at -= unused
    if head.cancel_deadline > purse.frozen_until:
        head.cancel_deadline -= unused
    self._put_head(head)
    purse.frozen_until = block.timestamp
    self._put_purse(purse)
    return True


@internal
@view
def _check_jury():
    assert self._factory.is_contract, "Unauthorised"
    assert msg.sender == staticcall Factory(self._factory).jury(), "Unauthorised"


@internal
@view
def _check_not_frozen():
    assert block.timestamp >= self._get_purse().frozen_until, "Frozen"


@internal
@view
def _balance(token: address) -> uint256:
    return staticcall Token(token).balanceOf(self)


@internal
@pure
def _less(a: uint256, b: uint256) -> uint256:
    """a - b, but 0 when a hostile token shrank the balance below what is owed."""
    return a - b if a > b else 0


@internal
@view
def _published_fee_bp(oracle: address) -> uint256:
    """Basis points from the oracle's `fee` entry: "5" -> 500, "2.5" -> 250, "" -> 0.

    Anything that is not a number with at most two decimals reverts, and so does more than all oracles may take together."""
    if not KVSTORE.is_contract:
        return 0
    text: String[1100] = staticcall Facts(KVSTORE).get(oracle, "fee")
    size: uint256 = len(text)
    if size == 0:
        return 0
    assert size <= 6, "Invalid oracle fee"
    data: Bytes[6] = convert(slice(text, 0, size), Bytes[6])
    bp: uint256 = 0
    decimals: uint256 = 0
    digits: uint256 = 0
    seen_point: bool = False
    for k: uint256 in range(size, bound=6):
        char: uint256 = convert(slice(data, k, 1), uint256)
        if char == 46:
            assert not seen_point, "Invalid oracle fee"
            seen_point = True
        else:
            assert char >= 48 and char <= 57, "Invalid oracle fee"
            bp = bp * 10 + (char - 48)
            digits += 1
            if seen_point:
                decimals += 1
    assert digits > 0 and decimals <= 2 and (decimals > 0 or not seen_point), "Invalid oracle fee"
    bp = bp * 10 ** (2 - decimals)
    assert bp <= MAX_FEES_BP, "Percentage out of bounds"
    return bp


@internal
@view
def _get_head() -> Head:
    word: uint256 = self._head
    return Head(
        launcher=convert(word & (2**160 - 1), address),
        status=convert((word >> 160) & 255, uint8),
        expires_at=(word >> 168) & (2**40 - 1),
        cancel_deadline=(word >> 208) & (2**40 - 1),
        freezes=word >> 248,
    )


@internal
def _put_head(head: Head):
    self._head = (
        convert(head.launcher, uint256)
        | (convert(head.status, uint256) << 160)
        | (head.expires_at << 168)
        | (head.cancel_deadline << 208)
        | (head.freezes << 248)
    )


@internal
@view
def _get_purse() -> Purse:
    word: uint256 = self._purse
    return Purse(
        token=convert(word & (2**160 - 1), address),
        frozen_until=(word >> 160) & (2**40 - 1),
        is_clone=word >> 200,
    )


@internal
def _put_purse(purse: Purse):
    self._purse = convert(purse.token, uint256) | (purse.frozen_until << 160) | (purse.is_clone << 200)


@internal
@view
def _get_fund() -> Terms:
    word: uint256 = self._fund
    return Terms(
        amount=word & MAX_AMOUNT,
        paid=(word >> 96) & MAX_AMOUNT,
        reputation_bp=(word >> 192) & (2**16 - 1),
        recording_bp=(word >> 208) & (2**16 - 1),
        exchange_bp=(word >> 224) & (2**16 - 1),
        cap_parts=(word >> 240) & 255,
        fees_follow_pay=word >> 248,
    )


@internal
def _put_fund(fund: Terms):
    self._fund = (
        fund.amount
        | (fund.paid << 96)
        | (fund.reputation_bp << 192)
        | (fund.recording_bp << 208)
        | (fund.exchange_bp << 224)
        | (fund.cap_parts << 240)
        | (fund.fees_follow_pay << 248)
    )
