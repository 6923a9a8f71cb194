# pragma version 0.4.3
# pragma evm-version cancun
"""
@title KVStore: what each address says about itself
@license Apache-2.0
@notice Public, unverified text by key, written by its owner only: an oracle's fee, address, public key, role.
@dev HUMAN's ABI and revert texts. A key or value may have 1,000 bytes; up to 1,100 the refusal carries its text.
"""


event DataSaved:
    sender: indexed(address)
    key: String[1100]
    value: String[1100]


MAX_BYTES: constant(uint256) = 1_000
MAX_ENTRIES: constant(uint256) = 20

SHORT_BYTES: constant(uint256) = 31

# A text of up to 31 bytes lies in one word, its size in the last byte; a longer one in `_long`, and its word is 0.
_short: HashMap[address, HashMap[String[1100], bytes32]]
_long: HashMap[address, HashMap[String[1100], String[1100]]]


@external
@view
def get(_account: address, _key: String[1100]) -> String[1100]:
    """@notice The value that an account saved under a key; empty when it saved none. Anyone."""
    word: bytes32 = self._short[_account][_key]
    size: uint256 = convert(word, uint256) & 255
    if size == 0:
        return self._long[_account][_key]
    return convert(slice(word, 0, size), String[32])


@external
def set(_key: String[1100], _value: String[1100]):
    """
    @notice Saves one of the caller's own values, in place of the earlier one. By anyone. Emits `DataSaved`.
    @dev Stop: save again; an empty text takes a value back.
    """
    self._save(_key, _value)


@external
def setBulk(_keys: DynArray[String[1100], 25], _values: DynArray[String[1100], 25]):
    """
    @notice Saves up to 20 of the caller's own values. By anyone. Emits one `DataSaved` for each.
    @dev Stop: save again; an empty text takes a value back.
    """
    assert len(_keys) == len(_values), "Length mismatch"
    assert len(_keys) <= MAX_ENTRIES, "Too many entries"
    for i: uint256 in range(len(_keys), bound=25):
        self._save(_keys[i], _values[i])


@internal
def _save(key: String[1100], text: String[1100]):
    assert len(key) <= MAX_BYTES and len(text) <= MAX_BYTES, "Maximum string length"
    size: uint256 = len(text)
    if size > 0 and size <= SHORT_BYTES:
        data: Bytes[31] = convert(text, Bytes[31])
        self._short[msg.sender][key] = convert(convert(convert(data, bytes32), uint256) | size, bytes32)
    else:
        # the word goes first: what it holds would be read instead
        if self._short[msg.sender][key] != empty(bytes32):
            self._short[msg.sender][key] = empty(bytes32)
        self._long[msg.sender][key] = text
    log DataSaved(sender=msg.sender, key=key, value=text)
