# pragma version 0.4.3
# pragma evm-version cancun
# pragma nonreentrancy on
"""
@title Jury: workers' signatures decide a report
@license Apache-2.0
@notice A case names an escrow, a report and the workers drawn as jurors. More than half of those drawn must sign the same
        ruling. Clearing lets the job go on; upholding ends it and slashes the launcher's stake. Who benefits is fixed:
        half goes to the first reporter, half in equal parts to the jurors who signed with the majority, dust to the reporter.
@dev The operator's key opens cases with the draw; it cannot rule. It hands in the signatures; when it has not after a
     week, anyone may. A reserve is lowered only with the escrow's exchange oracle, a key that is not the operator's.
"""


interface Staking:
    def token() -> address: view
    def getStakedTokens(_staker: address) -> uint256: view
    def slash(_slashRequester: address, _staker: address, _escrowAddress: address, _tokens: uint256): nonpayable


interface Token:
    def balanceOf(account: address) -> uint256: view


interface Factory:
    def hasEscrow(_address: address) -> bool: view


interface Escrow:
    def launcher() -> address: view
    def frozenReport() -> bytes32: view
    def clear(reportHash: bytes32): nonpayable
    def uphold(reportHash: bytes32): nonpayable
    def release(reportHash: bytes32, amount: uint256): nonpayable


event CaseOpened:
    caseId: indexed(bytes32)
    escrow: indexed(address)
    reportHash: bytes32
    jurors: DynArray[address, 15]


event Ruled:
    caseId: indexed(bytes32)
    escrow: indexed(address)
    uphold: bool
    votesFor: uint256
    votesAgainst: uint256


event Shared:
    caseId: indexed(bytes32)
    recipient: indexed(address)
    amount: uint256


event Credited:
    recipient: indexed(address)
    amount: uint256


event Claimed:
    recipient: indexed(address)
    to: address
    amount: uint256


event OperatorSet:
    operator: indexed(address)


event OwnershipTransferred:
    previousOwner: indexed(address)
    newOwner: indexed(address)


struct Case:
    escrow: address
    reportHash: bytes32
    reporter: address
    releaseAmount: uint256  # token base units to take out of the reserve; 0 = a report about the job
    deadline: uint256  # seconds
    ruled: bool
    jurors: DynArray[address, 15]


CASE_SECONDS: constant(uint256) = 14 * 86_400  # a ruling must come within this time; then the case lapses
HAND_IN_SECONDS: constant(uint256) = 7 * 86_400  # so long only the operator hands signatures in; then anyone may
MIN_JURORS: constant(uint256) = 3
REPORTER_SHARE_BP: constant(uint256) = 5_000
BP_ONE: constant(uint256) = 10_000
TRANSFER_GAS: constant(uint256) = 150_000

DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
VOTE_TYPEHASH: constant(bytes32) = keccak256("Vote(bytes32 caseId,bool uphold)")
# Half of the curve's order: a signature above it is the mirror of one below and is refused.
MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

owner: public(address)
operator: public(address)
staking: public(immutable(address))
factory: public(immutable(address))
# base units of the staking token that an upheld report costs a launcher, as far as it has them
slashAmount: public(immutable(uint256))

_cases: HashMap[bytes32, Case]
credits: public(HashMap[address, uint256])


@deploy
def __init__(_staking: address, _factory: address, _slashAmount: uint256, _operator: address):
    """
    @notice The deployer becomes the owner, whose only right is to name the operator.
    @param _slashAmount base units of the staking token
    """
    assert _staking.is_contract and _factory.is_contract, "Zero address"
    assert _slashAmount > 0, "Zero amount"
    staking = _staking
    factory = _factory
    slashAmount = _slashAmount
    self.owner = msg.sender
    self.operator = _operator
    log OwnershipTransferred(previousOwner=empty(address), newOwner=msg.sender)
    log OperatorSet(operator=_operator)


@external
def openCase(escrow: address, reportHash: bytes32, jurors: DynArray[address, 15], reporter: address) -> bytes32:
    """
    @notice Opens the case of a misuse report with the jurors drawn for it. By the operator, once per escrow and report.
    @dev The number of jurors is odd and at least three, none appears twice, neither reporter nor launcher is among them.
         Emits `CaseOpened`. Stop: the case lapses after fourteen days without a ruling.
    @return the case's id, `caseIdOf(escrow, reportHash, 0)`
    """
    return self._open(escrow, reportHash, jurors, reporter, 0)


@external
def openReleaseCase(
    escrow: address, reportHash: bytes32, jurors: DynArray[address, 15], reporter: address, amount: uint256
) -> bytes32:
    """
    @notice Opens the case of a reserve that has no work behind it. By the operator, once per escrow, report and amount, for
            the report with which the escrow's exchange oracle froze the job last.
    @dev Upheld, it lowers the escrow's reserve by `amount` and slashes nobody. Without that freeze the operator's key and
         jurors of its own choice could give workers' pay back. Emits `CaseOpened`. Stop: as `openCase`.
    @param amount token base units of the escrow's token
    """
    assert amount > 0, "Zero amount"
    case_id: bytes32 = self._open(escrow, reportHash, jurors, reporter, amount)
    assert reportHash != empty(bytes32) and staticcall Escrow(escrow).frozenReport() == reportHash, "Not frozen"
    return case_id


@external
def rule(caseId: bytes32, uphold: bool, signatures: DynArray[Bytes[65], 15]):
    """
    @notice Carries out a ruling that more than half of the drawn jurors signed. By the operator in the case's first seven
            days, after them by anyone who holds the signatures.
    @dev Only who signed for the ruling and is handed in gets a share: open to all at once, a juror who saw the
         signatures travel could hand in a bare majority first. Signatures of the other side may be handed in and are counted as against. A signature by anyone else, or a second
         one by the same juror, reverts. Emits `Ruled`, and `Shared` for each share of a slash. Stop: none.
    @param signatures 65 bytes each (r, s, v) over the EIP-712 digest of Vote(caseId, uphold)
    """
    case: Case = self._cases[caseId]
    assert case.escrow != empty(address), "Unknown case"
    assert not case.ruled, "Already ruled"
    assert block.timestamp <= case.deadline, "Case lapsed"
    assert (
        msg.sender == self.operator or block.timestamp > case.deadline - CASE_SECONDS + HAND_IN_SECONDS
    ), "Unauthorised"
    voted: uint256 = 0  # bit i: juror i has voted
    sided: uint256 = 0  # bit i: juror i voted for this ruling
    votes_for: uint256 = 0
    votes_against: uint256 = 0
    digest_for: bytes32 = self._vote_digest(caseId, uphold)
    digest_against: bytes32 = self._vote_digest(caseId, not uphold)
    for signature: Bytes[65] in signatures:
        seat: uint256 = self._seat(case.jurors, self._recover(digest_for, signature))
        is_for: bool = seat != max_value(uint256)
        if not is_for:
            seat = self._seat(case.jurors, self._recover(digest_against, signature))
            assert seat != max_value(uint256), "Invalid signature"
        assert (voted >> seat) & 1 == 0, "Juror voted twice"
        voted |= 1 << seat
        if is_for:
            sided |= 1 << seat
            votes_for += 1
        else:
            votes_against += 1
    assert votes_for * 2 > len(case.jurors), "No quorum"

    self._cases[caseId].ruled = True
    log Ruled(caseId=caseId, escrow=case.escrow, uphold=uphold, votesFor=votes_for, votesAgainst=votes_against)
    if not uphold:
        extcall Escrow(case.escrow).clear(case.reportHash)
    elif case.releaseAmount > 0:
        extcall Escrow(case.escrow).release(case.reportHash, case.releaseAmount)
    else:
        extcall Escrow(case.escrow).uphold(case.reportHash)
        self._slash_and_share(caseId, case, sided, votes_for)


@external
def claim(recipient: address):
    """
    @notice Sends a share that could not be sent at the ruling. By anyone, at any time. Emits `Claimed`.
    @dev Stop: none, on purpose.
    """
    self._claim(recipient, recipient)


@external
def claimTo(to: address):
    """
    @notice Sends the caller's own credited share to another address. By the credited. Emits `Claimed`.
    @dev Stop: none, on purpose.
    """
    self._claim(msg.sender, to)


@external
@view
def getCase(caseId: bytes32) -> Case:
    """@notice All that was stored of a case; escrow zero when there is none. Anyone."""
    return self._cases[caseId]


@external
@view
def caseIdOf(escrow: address, reportHash: bytes32, releaseAmount: uint256) -> bytes32:
    """@notice The id that a case of this escrow and report has or would have; `releaseAmount` is 0 for misuse. Anyone."""
    return self._case_id(escrow, reportHash, releaseAmount)


@external
@view
def voteDigest(caseId: bytes32, uphold: bool) -> bytes32:
    """@notice The 32 bytes that a juror signs. Anyone."""
    return self._vote_digest(caseId, uphold)


@external
def setOperator(_operator: address):
    """@notice Names the key that opens cases. By the owner. Emits `OperatorSet`. Stop: set again."""
    assert msg.sender == self.owner, "Unauthorised"
    self.operator = _operator
    log OperatorSet(operator=_operator)


@external
def transferOwnership(newOwner: address):
    """
    @notice Hands the right to name the operator over. By the owner. Emits `OwnershipTransferred`.
    @dev Stop: the new owner hands back.
    """
    assert msg.sender == self.owner, "Unauthorised"
    log OwnershipTransferred(previousOwner=self.owner, newOwner=newOwner)
    self.owner = newOwner


@internal
def _open(
    escrow: address, report_hash: bytes32, jurors: DynArray[address, 15], reporter: address, amount: uint256
) -> bytes32:
    assert msg.sender == self.operator, "Unauthorised"
    assert staticcall Factory(factory).hasEscrow(escrow), "Unknown escrow"
    assert reporter != empty(address), "Zero address"
    assert len(jurors) >= MIN_JURORS and len(jurors) % 2 == 1, "Jurors must be odd in number"
    launcher: address = staticcall Escrow(escrow).launcher()
    i: uint256 = 0
    for juror: address in jurors:
        assert juror != empty(address) and juror != reporter and juror != launcher, "Juror is a party"
        for j: uint256 in range(i, bound=15):
            assert jurors[j] != juror, "Juror drawn twice"
        i += 1
    case_id: bytes32 = self._case_id(escrow, report_hash, amount)
    assert self._cases[case_id].escrow == empty(address), "Case exists"
    self._cases[case_id] = Case(
        escrow=escrow,
        reportHash=report_hash,
        reporter=reporter,
        releaseAmount=amount,
        deadline=block.timestamp + CASE_SECONDS,
        ruled=False,
        jurors=jurors,
    )
    log CaseOpened(caseId=case_id, escrow=escrow, reportHash=report_hash, jurors=jurors)
    return case_id


@internal
def _slash_and_share(case_id: bytes32, case: Case, sided: uint256, votes_for: uint256):
    """Half to the reporter, half to the majority in equal parts. A launcher with less stake loses what it has."""
    launcher: address = staticcall Escrow(case.escrow).launcher()
    amount: uint256 = min(slashAmount, staticcall Staking(staking).getStakedTokens(launcher))
    if amount == 0:
        return
    token: address = staticcall Staking(staking).token()
    before: uint256 = staticcall Token(token).balanceOf(self)
    extcall Staking(staking).slash(self, launcher, case.escrow, amount)
    received: uint256 = staticcall Token(token).balanceOf(self) - before
    each: uint256 = (received - received * REPORTER_SHARE_BP // BP_ONE) // votes_for
    self._send_or_credit(case_id, token, case.reporter, received - each * votes_for)
    if each == 0:
        return
    seat: uint256 = 0
    for juror: address in case.jurors:
        if (sided >> seat) & 1 == 1:
            self._send_or_credit(case_id, token, juror, each)
        seat += 1


@internal
def _send_or_credit(case_id: bytes32, token: address, to: address, amount: uint256):
    if amount == 0:
        return
    log Shared(caseId=case_id, recipient=to, amount=amount)
    if not self._transfer(token, to, amount, TRANSFER_GAS):
        self.credits[to] += amount
        log Credited(recipient=to, amount=amount)


@internal
def _transfer(token: address, to: address, amount: uint256, gas_most: uint256) -> bool:
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
    return len(answer) == 0 or (len(answer) == 32 and convert(answer, uint256) == 1)


@internal
def _claim(recipient: address, to: address):
    amount: uint256 = self.credits[recipient]
    assert amount > 0, "Nothing to claim"
    assert to != self, "Invalid recipient"
    self.credits[recipient] = 0
    assert self._transfer(staticcall Staking(staking).token(), to, amount, msg.gas), "Transfer failed"
    log Claimed(recipient=recipient, to=to, amount=amount)


@internal
@view
def _case_id(escrow: address, report_hash: bytes32, amount: uint256) -> bytes32:
    return keccak256(abi_encode(chain.id, self, escrow, report_hash, amount))


@internal
@view
def _vote_digest(case_id: bytes32, uphold: bool) -> bytes32:
    domain: bytes32 = keccak256(
        abi_encode(DOMAIN_TYPEHASH, keccak256("Manyhands Jury"), keccak256("1"), chain.id, self)
    )
    return keccak256(concat(x"1901", domain, keccak256(abi_encode(VOTE_TYPEHASH, case_id, uphold))))


@internal
@pure
def _seat(jurors: DynArray[address, 15], signer: address) -> uint256:
    """The juror's place in the draw; the greatest number for anyone else."""
    if signer != empty(address):
        i: uint256 = 0
        for juror: address in jurors:
            if juror == signer:
                return i
            i += 1
    return max_value(uint256)


@internal
@pure
def _recover(digest: bytes32, signature: Bytes[65]) -> address:
    """The signer, or zero for what is no signature at all."""
    if len(signature) != 65:
        return empty(address)
    r: bytes32 = extract32(signature, 0)
    s: bytes32 = extract32(signature, 32)
    v: uint256 = convert(slice(signature, 64, 1), uint256)
    if convert(s, uint256) > MAX_S or (v != 27 and v != 28):
        return empty(address)
    return ecrecover(digest, convert(v, uint8), r, s)
