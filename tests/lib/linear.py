"""Is a history of one register linearizable? Wing and Gong's search with Lowe's memory of what was tried.

An operation has the times of its call and its answer, and what it did:

  Op(call, answer, "write", value)          it holds VALUE afterwards
  Op(call, answer, "read", value)           it held VALUE (None: nothing)
  Op(call, answer, "swap", new, old)        it held OLD and holds NEW afterwards
  Op(call, answer, "refused", old)          a swap that found something else than OLD

ANSWER None: nobody knows whether it took place; it may at any time after its call, or never.
"""
import collections

Op = collections.namedtuple("Op", "call answer kind value old", defaults=(None,))

NEVER = float("inf")


class Undecided(Exception):
    """More states than LIMIT were looked at."""


def _apply(op, state):
    """The state afterwards; False: it cannot have happened then."""
    if op.kind == "write":
        return (op.value,)
    if op.kind == "swap":
        return (op.value,) if state == (op.old,) else False
    if op.kind == "read":
        return state if state == (op.value,) else False
    if op.kind == "refused":
        return state if state != (op.value,) else False
    raise ValueError(op.kind)


def _worth_it(ops):
    """Without what proves nothing: reads without an answer, and writes without one whose value nobody saw. A refused swap
    sees every value, so with one all writes stay."""
    seen = {op.value for op in ops if op.kind == "read" and op.answer is not None}
    seen |= {op.old for op in ops if op.kind == "swap"}
    refused = any(op.kind == "refused" for op in ops)
    for op in ops:
        if op.answer is None and (op.kind in ("read", "refused") or not (refused or op.value in seen)):
            continue
        yield op


def is_linearizable(history, initial=None, limit=2000000):
    """True, or False; raises Undecided."""
    ops = sorted(_worth_it(list(history)), key=lambda op: op.call)
    answers = [NEVER if op.answer is None else op.answer for op in ops]
    certain = sum(1 << i for i, a in enumerate(answers) if a != NEVER)
    n = len(ops)
    seen = set()
    stack = [(0, 0, (initial,))]  # all before FIRST are done, besides those in DONE
    while stack:
        first, done, state = stack.pop()
        while first < n and done >> first & 1:
            first += 1
        if done & certain == certain:
            return True
        key = (done, state)
        if key in seen:
            continue
        seen.add(key)
        if len(seen) > limit:
            raise Undecided("%d operations" % n)
        # Who may be next: called before any that is not done has its answer.
        end = NEVER
        i = first
        candidates = []
        while i < n and ops[i].call <= end:
            if not done >> i & 1:
                candidates.append(i)
                if answers[i] < end:
                    end = answers[i]
            i += 1
        # The one that was answered first is tried first: pushed last.
        candidates.sort(key=lambda k: answers[k], reverse=True)
        for i in candidates:
            if ops[i].call > end:
                continue
            after = _apply(ops[i], state)
            if after is not False:
                stack.append((first, done | 1 << i, after))
    return n == 0 or certain == 0
