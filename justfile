# One word per chore. `just` alone lists them.

default:
    @just --list

# the tests everyone runs
test *args:
    uv run pytest {{args}}

# style, types, layers
lint:
    uv run ruff check .
    uv run ruff format --check .
    uv run mypy
    uv run lint-imports

format:
    uv run ruff check --fix .
    uv run ruff format .

# compile the contracts and write the artifacts that the package ships
contracts:
    uv run python contracts/build.py

# write the exact versions into pyproject.toml and requirements.lock, and the browser components' lock file
lock:
    uv run python tools/lock.py

demo *args:
    uv run manyhands demo {{args}}

# kill -9 of the whole program at 200 random moments of a demo
kills count="200":
    uv run pytest -n 0 -s -m "" tests/test_kills.py -k random_moments --kills {{count}}

# 10,000 made-up pages cut, shuffled, answered and put together again
reassembly:
    uv run pytest -q -n 0 -m nightly src/manyhands/documents/test_cutting.py

# damaged files against the importer for so many seconds; a failure names its recipe
fuzz seconds="300" seed="0":
    MANYHANDS_FUZZ_SECONDS={{seconds}} MANYHANDS_FUZZ_SEED={{seed}} uv run pytest -q -s -n 0 -m nightly src/manyhands/documents/test_fuzz.py

# one damaged file again, by the two numbers that its failure named
fuzz-replay seed step:
    MANYHANDS_FUZZ_REPLAY="{{seed}} {{step}}" uv run pytest -q -s -n 0 -m nightly src/manyhands/documents/test_fuzz.py

# purses: kill -9 between every two steps of each work that moves money
kills-of-purses:
    uv run pytest -q -s -n 0 -m "nightly or not nightly" tests/roles/test_purses_killed.py

# a job paid in each of three tokens of 6, 18 and 0 decimals on one chain, to the last base unit
three-tokens:
    uv run pytest -q -s -n 0 -m nightly tests/test_three_tokens.py

# requests made from the API document: so many of each form, so many minutes at most
fuzz-api examples="20" minutes="20":
    FUZZ_EXAMPLES={{examples}} FUZZ_MINUTES={{minutes}} uv run pytest -q -s -n 0 -m nightly src/manyhands/apps/web/test_openapi.py

# every property test with examples of its own luck; a failure prints the line that makes it again
explore:
    uv run pytest --hypothesis-profile explore $(grep -rlE "hypothesis" --include='test_*.py' src tests)

# every long test; results belong into docs/nightly.md with date and command
nightly:
    uv run pytest -n 0 -m nightly --hypothesis-profile explore

# figures; each prints its command and writes docs/benchmarks/NAME.md
bench name:
    uv run python benchmarks/{{name}}.py

# a picture of every page of a worker, a visitor, a requester and an operator, 390 and 1280 px wide, to look at
look folder *args:
    uv run python -m tests.browser.look {{folder}} {{args}}

# make the pictures of the documentation: real pages in a real chromium
pictures:
    MANYHANDS_PICTURES=docs uv run pytest -n 0 -m "" tests/browser/test_pages.py tests/browser/test_desk.py tests/browser/test_desk_money.py tests/browser/test_desk_on_chain.py tests/browser/test_operator.py
