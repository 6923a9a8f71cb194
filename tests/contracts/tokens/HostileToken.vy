# pragma version 0.4.3
"""A token that turns on its users in every way that was seen in the wild, one at a time. For tests only."""

event Transfer:
    _from: indexed(address)
    _to: indexed(address)
    _value: uint256

owner: address
totalSupply: public(uint256)
decimals: public(uint8)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
blocked: public(HashMap[address, bool])
answersFalse: public(bool)  # to the blocked: return false instead of reverting
burnsGas: public(bool)  # to the blocked: use all gas instead of reverting
paused: public(bool)
words: uint256  # storage words that every transfer fills anew, 22,100 gas each
filled: uint256
ballast: HashMap[uint256, uint256]
alias: public(address)  # a second address of this token, which may move anyone's balance
feeBp: public(uint256)
hookTarget: address
hookData: Bytes[4096]
hookWorked: public(bool)
hookTried: public(bool)


@deploy
def __init__(supply: uint256, holder: address):
    self.owner = msg.sender
    self.balanceOf[holder] = supply
    self.totalSupply = supply
    self.decimals = 6


@external
def block(who: address):
    self.blocked[who] = True


@external
def unblock(who: address):
    self.blocked[who] = False


@external
def behave(answers_false: bool, burns_gas: bool, paused: bool, fee_bp: uint256):
    self.answersFalse = answers_false
    self.burnsGas = burns_gas
    self.paused = paused
    self.feeBp = fee_bp


@external
def weigh(words: uint256):
    self.words = words


@external
def name_alias(other: address):
    self.alias = other


@external
def moveFor(_from: address, _to: address, _value: uint256):
    assert msg.sender == self.alias
    self._move(_from, _to, _value)


@external
def hook(target: address, data: Bytes[4096]):
    self.hookTarget = target
    self.hookData = data
    self.hookWorked = False
    self.hookTried = False


@external
def approve(_spender: address, _value: uint256) -> bool:
    self.allowance[msg.sender][_spender] = _value
    return True


@external
def transfer(_to: address, _value: uint256) -> bool:
    return self._move(msg.sender, _to, _value)


@external
def transferFrom(_from: address, _to: address, _value: uint256) -> bool:
    self.allowance[_from][msg.sender] -= _value
    return self._move(_from, _to, _value)


@internal
def _move(sender: address, to: address, amount: uint256) -> bool:
    assert not self.paused, "paused"
    if self.blocked[to]:
        if self.answersFalse:
            return False
        if self.burnsGas:
            for i: uint256 in range(1_000_000):
                self.balanceOf[convert(i, address)] += 0
        raise "blocked"
    if self.hookTarget != empty(address):
        self.hookTried = True
        self.hookWorked = raw_call(self.hookTarget, self.hookData, revert_on_failure=False)
    for i: uint256 in range(self.words, bound=100):
        self.ballast[self.filled] = 1
        self.filled += 1
    fee: uint256 = amount * self.feeBp // 10_000
    self.balanceOf[sender] -= amount
    self.balanceOf[to] += amount - fee
    self.balanceOf[self.owner] += fee
    log Transfer(_from=sender, _to=to, _value=amount - fee)
    return True
