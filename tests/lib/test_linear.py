#!/usr/bin/env python3
"""linear.py on histories whose answer is known, and on random ones: of a true register all pass, and those of a broken one
are found. [SEED]"""
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True
from linear import Op, is_linearizable  # noqa: E402

W, R, S, X = "write", "read", "swap", "refused"
ROWS = [
    ("nothing", True, []),
    ("empty at first", True, [Op(0, 1, R, None)]),
    ("a value from nowhere", False, [Op(0, 1, R, 1)]),
    ("read what was written", True, [Op(0, 1, W, 1), Op(2, 3, R, 1)]),
    ("a lost write", False, [Op(0, 1, W, 1), Op(2, 3, R, None)]),
    ("a stale read", False, [Op(0, 1, W, 1), Op(2, 3, W, 2), Op(4, 5, R, 1)]),
    ("at the same time: old", True, [Op(0, 1, W, 1), Op(2, 9, W, 2), Op(3, 4, R, 1)]),
    ("at the same time: new", True, [Op(0, 1, W, 1), Op(2, 9, W, 2), Op(3, 4, R, 2)]),
    ("new, then old again", False, [Op(0, 1, W, 1), Op(2, 9, W, 2), Op(3, 4, R, 2), Op(5, 6, R, 1)]),
    ("two readers disagree on the order", False,
     [Op(0, 9, W, 1), Op(0, 9, W, 2), Op(10, 11, R, 1), Op(12, 13, R, 2)]),
    ("unknown, and seen", True, [Op(0, 1, W, 1), Op(2, None, W, 2), Op(3, 4, R, 1), Op(5, 6, R, 2)]),
    ("unknown, and never seen", True, [Op(0, 1, W, 1), Op(2, None, W, 2), Op(3, 4, R, 1)]),
    ("unknown, seen, and gone again", False,
     [Op(0, 1, W, 1), Op(2, None, W, 2), Op(3, 4, R, 2), Op(5, 6, R, 1)]),
    ("seen before its call", False, [Op(3, None, W, 2), Op(0, 1, R, 2)]),
    ("swaps in a row", True, [Op(0, 1, W, 1), Op(2, 3, S, 2, 1), Op(4, 5, S, 3, 2), Op(6, 7, R, 3)]),
    ("two swaps of one value", False, [Op(0, 1, W, 1), Op(2, 5, S, 2, 1), Op(3, 6, S, 3, 1)]),
    ("a swap refused with reason", True, [Op(0, 1, W, 1), Op(2, 3, X, 2)]),
    ("a swap refused without", False, [Op(0, 1, W, 1), Op(2, 3, X, 1)]),
    ("refused for a write that nobody knows of", True, [Op(0, 1, W, 1), Op(2, None, W, 2), Op(3, 4, X, 1)]),
    ("applied twice", False, [Op(0, 1, W, 1), Op(2, 3, W, 2), Op(4, 5, R, 1)]),
    ("an unknown write twice", False,
     [Op(0, None, W, 1), Op(1, 2, R, 1), Op(3, 4, W, 2), Op(5, 6, R, 2), Op(7, 8, R, 1)]),
]


def play(draw, broken):
    """Clients on a register; each operation takes effect at one moment between call and answer. BROKEN: one read after all
    sees a value that was overwritten before it began."""
    moments = sorted(draw.sample(range(10, 4000), 60))
    state, ops, overwritten = None, [], []
    for i, at in enumerate(moments):
        call, answer = at - draw.random() * 60, at + draw.random() * 60
        kind = draw.choice((W, R, S))
        if kind == W or (kind == S and state is None):
            # One that nobody knows of could take effect as late as that.
            ops.append(Op(call, None if not broken and draw.random() < 0.1 else answer, W, i))
            overwritten.append(state)
            state = i
        elif kind == S:
            old = state if draw.random() < 0.7 else -1
            ops.append(Op(call, answer, S, i, old) if old == state else Op(call, answer, X, old))
            if old == state:
                overwritten.append(state)
                state = i
        else:
            ops.append(Op(call, answer, R, state))
    if broken:
        # Two whole writes later nothing may still see it.
        ops += [Op(5000, 5001, W, 100), Op(5002, 5003, R, 100), Op(5004, 5005, R, overwritten[-1])]
    draw.shuffle(ops)
    return ops


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1 << 32)
    print("seed", seed)
    draw = random.Random(seed)
    bad = [name for name, want, ops in ROWS if is_linearizable(ops) is not want]
    for i in range(100):
        bad += ["true register %d" % i] if not is_linearizable(play(draw, False)) else []
        bad += ["broken register %d" % i] if is_linearizable(play(draw, True)) else []
    for name in bad:
        print("FAIL", name)
    print("%d passed, %d failed" % (len(ROWS) + 200 - len(bad), len(bad)))
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
