# pragma version 0.4.3
# pragma evm-version cancun
"""
@title TestToken: play money for development chains
@license Apache-2.0
@notice An ERC-20 with permit (EIP-2612) that its owner can mint. Worth nothing; a real chain brings its own token.
@dev Shown as USD with six decimals. Refuses transfers to the zero address and to itself, where nobody could spend them.
"""


event Transfer:
    _from: indexed(address)
    _to: indexed(address)
    _value: uint256


event Approval:
    _owner: indexed(address)
    _spender: indexed(address)
    _value: uint256


event OwnershipTransferred:
    previousOwner: indexed(address)
    newOwner: indexed(address)


DOMAIN_TYPEHASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
PERMIT_TYPEHASH: constant(bytes32) = keccak256(
    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
)
# Half of the curve's order: a signature above it is the mirror of one below and is refused.
MAX_S: constant(uint256) = 57896044618658097711785492504343953926418782139537452191302581570759080747168

name: public(String[64])
symbol: public(String[16])
decimals: public(immutable(uint8))
totalSupply: public(uint256)
owner: public(address)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
nonces: public(HashMap[address, uint256])


@deploy
def __init__(_totalSupply: uint256, _name: String[64], _decimals: uint8, _symbol: String[16]):
    """
    @notice Mints the supply to the deployer, who becomes the owner. HUMAN's argument order.
    @param _totalSupply base units
    """
    self.name = _name
    self.symbol = _symbol
    decimals = _decimals
    self.owner = msg.sender
    log OwnershipTransferred(previousOwner=empty(address), newOwner=msg.sender)
    self._mint(msg.sender, _totalSupply)


@external
def transfer(_to: address, _value: uint256) -> bool:
    """@notice Sends the caller's own tokens. By anyone. Emits `Transfer`. Stop: none; only the receiver can send back."""
    self._move(msg.sender, _to, _value)
    return True


@external
def transferFrom(_from: address, _to: address, _value: uint256) -> bool:
    """@notice Sends tokens of an account. By a spender it approved. Emits `Transfer`. Stop: `approve` with 0."""
    allowed: uint256 = self.allowance[_from][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= _value, "Insufficient allowance"
        self.allowance[_from][msg.sender] = allowed - _value
    self._move(_from, _to, _value)
    return True


@external
def approve(_spender: address, _value: uint256) -> bool:
    """@notice Lets a spender send up to so many of the caller's tokens. By anyone. Emits `Approval`. Stop: approve 0."""
    self._approve(msg.sender, _spender, _value)
    return True


@external
def permit(owner: address, spender: address, amount: uint256, deadline: uint256, v: uint8, r: bytes32, s: bytes32):
    """
    @notice `approve` by signature, so that the owner needs no gas. By anyone who holds the owner's signature (EIP-2612).
    @dev Emits `Approval`. Stop: the deadline, or any later permit, which uses the nonce up.
    """
    assert block.timestamp <= deadline, "Expired"
    nonce: uint256 = self.nonces[owner]
    digest: bytes32 = keccak256(
        concat(
            x"1901",
            self._domain_separator(),
            keccak256(abi_encode(PERMIT_TYPEHASH, owner, spender, amount, nonce, deadline)),
        )
    )
    assert convert(s, uint256) <= MAX_S, "Invalid signature"
    signer: address = ecrecover(digest, v, r, s)
    assert signer != empty(address) and signer == owner, "Invalid signature"
    self.nonces[owner] = nonce + 1
    self._approve(owner, spender, amount)


@external
def mint(_to: address, _value: uint256) -> bool:
    """@notice Makes new play money. By the owner. Emits `Transfer` from the zero address. Stop: give up ownership."""
    assert msg.sender == self.owner, "Unauthorised"
    self._mint(_to, _value)
    return True


@external
def transferOwnership(newOwner: address):
    """
    @notice Hands the right to mint over, or gives it up (zero address). By the owner. Emits `OwnershipTransferred`.
    @dev Stop: the new owner hands back; given up, it is for good.
    """
    assert msg.sender == self.owner, "Unauthorised"
    log OwnershipTransferred(previousOwner=self.owner, newOwner=newOwner)
    self.owner = newOwner


@external
@view
def DOMAIN_SEPARATOR() -> bytes32:
    """@notice EIP-712 domain of `permit`: name, version "1", chain id, this address. Anyone."""
    return self._domain_separator()


@internal
@view
def _domain_separator() -> bytes32:
    # Computed each time, so that a permit stays bound to one chain even when the chain splits.
    return keccak256(abi_encode(DOMAIN_TYPEHASH, keccak256(self.name), keccak256("1"), chain.id, self))


@internal
def _move(sender: address, to: address, amount: uint256):
    assert to != empty(address) and to != self, "Invalid recipient"
    held: uint256 = self.balanceOf[sender]
    assert held >= amount, "Insufficient balance"
    self.balanceOf[sender] = held - amount
    self.balanceOf[to] += amount
    log Transfer(_from=sender, _to=to, _value=amount)


@internal
def _approve(owner: address, spender: address, amount: uint256):
    self.allowance[owner][spender] = amount
    log Approval(_owner=owner, _spender=spender, _value=amount)


@internal
def _mint(to: address, amount: uint256):
    assert to != empty(address), "Invalid recipient"
    self.totalSupply += amount
    self.balanceOf[to] += amount
    log Transfer(_from=empty(address), _to=to, _value=amount)
