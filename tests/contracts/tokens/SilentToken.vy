# pragma version 0.4.3
"""A token whose transfer answers nothing, as some old ones do. For tests only."""

balanceOf: public(HashMap[address, uint256])
blocked: public(HashMap[address, bool])


@deploy
def __init__(supply: uint256, holder: address):
    self.balanceOf[holder] = supply


@external
def block(who: address):
    self.blocked[who] = True


@external
def transfer(_to: address, _value: uint256):
    assert not self.blocked[_to]
    self.balanceOf[msg.sender] -= _value
    self.balanceOf[_to] += _value
