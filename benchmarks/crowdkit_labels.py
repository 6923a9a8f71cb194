"""Writes what crowd-kit answers on small sets that are made here, so that the tests need not install it.

crowd-kit brings transformers, scikit-learn, scipy and nltk (about 200 MB) for a few functions; the default suite
compares with this file instead. Both the answers and the labels are in it, so nothing depends on a random generator.

    uv run --with crowd-kit==1.4.2 --with "scikit-learn<1.7" --with pandas \\
        python benchmarks/crowdkit_labels.py tests/quality/crowdkit_labels.json
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402  # warnings are silenced first
import pandas as pd  # noqa: E402

#: name -> (labels, tasks, workers, answers a task, share of the first label, spammers)
SETS = {
    "binary": (2, 120, 12, 5, 0.5, 0.0),
    "lopsided": (2, 150, 15, 5, 0.85, 0.1),
    "four": (4, 120, 20, 7, 0.25, 0.1),
    "spammy": (3, 120, 18, 7, 0.33, 0.3),
    "sparse": (3, 100, 40, 3, 0.33, 0.0),
}


def made(name: str, seed: int) -> pd.DataFrame:
    labels, tasks, workers, redundancy, first, spam = SETS[name]
    chance = np.random.default_rng(seed)
    share = np.full(labels, (1 - first) / (labels - 1))
    share[0] = first
    truth = chance.choice(labels, tasks, p=share)
    able = np.where(chance.random(workers) < spam, 1 / labels, chance.beta(6, 2, workers))
    rows = [
        (task, int(worker), int(truth[task] if chance.random() < able[worker] else chance.integers(labels)))
        for task in range(tasks)
        for worker in chance.choice(workers, redundancy, replace=False)
    ]
    return pd.DataFrame(rows, columns=["task", "worker", "label"])


def methods() -> dict[str, Any]:
    from crowdkit.aggregation import DawidSkene, MajorityVote, OneCoinDawidSkene, Wawa

    return {
        "majority": MajorityVote(),
        "weighted-majority": Wawa(),
        "dawid-skene": DawidSkene(n_iter=100),
        "dawid-skene, 10 steps": DawidSkene(n_iter=10, tol=-np.inf),
        "one-coin": OneCoinDawidSkene(n_iter=100),
    }


def main() -> int:
    out: dict[str, Any] = {"made by": "crowd-kit 1.4.2, benchmarks/crowdkit_labels.py", "sets": {}}
    for seed, name in enumerate(SETS):
        frame = made(name, seed)
        found = {method: model.fit_predict(frame).sort_index() for method, model in methods().items()}
        out["sets"][name] = {
            **{column: frame[column].tolist() for column in frame},
            "labels": {method: [int(label) for label in labels] for method, labels in found.items()},
        }
    Path(sys.argv[1]).write_text(json.dumps(out, separators=(",", ":")) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
