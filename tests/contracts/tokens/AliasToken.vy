# pragma version 0.4.3
"""A second address of another token, as a few tokens in the wild have one: it answers for and moves the first one's
balances. The first token must name it (`HostileToken.alias`). For tests only."""

interface First:
    def balanceOf(account: address) -> uint256: view
    def moveFor(_from: address, _to: address, _value: uint256): nonpayable

first: immutable(address)


@deploy
def __init__(_first: address):
    first = _first


@external
@view
def balanceOf(account: address) -> uint256:
    return staticcall First(first).balanceOf(account)


@external
def transfer(_to: address, _value: uint256) -> bool:
    extcall First(first).moveFor(msg.sender, _to, _value)
    return True
