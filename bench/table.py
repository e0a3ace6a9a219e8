# SPDX-License-Identifier: Apache-2.0
"""Rows of the table that bench/run prints."""

import collections
import statistics

# unit: of ours and peer. goal: in words. met: True, False, or None (no goal).
Row = collections.namedtuple("Row", "name unit ours peer ratio goal met")


def values(results, key):
    return [r[key] for r in results]


def ratio_row(name, unit, ours, peer, goal=None, less=True):
    """ours, peer: what each round gave. The ratio is the median of the rounds' own: a machine that has other work to do
    slows both sides of a round. goal: at most (less) or at least so many times the peer's."""
    ratio = statistics.median(x / y for x, y in zip(ours, peer))
    text, met = "", None
    if goal is not None:
        text, met = f"{'≤' if less else '≥'} {goal} ×", ratio <= goal if less else ratio >= goal
    return Row(name, unit, statistics.median(ours), statistics.median(peer), ratio, text, met)
