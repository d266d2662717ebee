"""python -m tests.fuzz [--seconds 600] [--seed N] [--only NAME ...]: what went wrong, for longer.

Each example that raises anything but a sentence, or takes longer than a second, is kept in tests/fuzz/corpus/NAME, from
where on it is a case of tests/fuzz/test_fuzz.py.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import logging
import random
import secrets
import sys
import traceback

from improv.clock import cpu_s
from tests.fuzz.mutation import CORPUS, examples, spoilt
from tests.fuzz.targets import TARGETS
from tools.waiting import CLOCK

SLOW_S = 1.0
TURN_S = 5.0  # for each target, round and round
SMALLER_TRIES = 200


def main() -> int:
    """Returns how many kinds of trouble were found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**31))
    parser.add_argument("--only", nargs="*", choices=list(TARGETS), default=[])
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(f"seed {options.seed}")
    chance, end_s = random.Random(options.seed), CLOCK.now() + options.seconds
    tried, found = dict.fromkeys(TARGETS, 0), set[str]()
    for name in itertools.cycle(options.only or TARGETS):
        if CLOCK.now() >= end_s:
            break
        sound, until_s = examples(name), min(CLOCK.now() + TURN_S, end_s)
        while CLOCK.now() < until_s:
            data = spoilt(chance, sound)
            tried[name] += 1
            if (trouble := _trouble(name, data)) and trouble not in found:
                found.add(trouble)
                _keep(name, _smaller(name, data, trouble), trouble)
    print("\n".join(f"{name}: {number} tried" for name, number in tried.items()))
    print(f"{len(found)} kinds of trouble")
    return len(found)


def _trouble(name: str, data: bytes) -> str:
    """What is wrong with how it is taken, by kind and place; "" where nothing is."""
    began_s = cpu_s()
    try:
        TARGETS[name].take(data)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{name}: {type(error).__name__} at {last.filename}:{last.lineno}"
    return f"{name}: slow" if cpu_s() - began_s > SLOW_S else ""


def _smaller(name: str, data: bytes, trouble: str) -> bytes:
    """As little of it as does the same."""
    chance = random.Random(1)
    for _ in range(SMALLER_TRIES):
        at, length = chance.randrange(len(data) + 1), chance.choice((1, 4, 64, 1024))
        less = data[:at] + data[at + length :]
        if less != data and _trouble(name, less) == trouble:
            data = less
    return data


def _keep(name: str, data: bytes, trouble: str) -> None:
    path = CORPUS / name / f"found-{hashlib.sha256(data).hexdigest()[:12]}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    print(f"{trouble}: {path}")


if __name__ == "__main__":
    sys.exit(min(main(), 1))
