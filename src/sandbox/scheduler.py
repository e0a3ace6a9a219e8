# SPDX-License-Identifier: Apache-2.0
"""Calls that are made later, each on time, in the order in which they fall due."""

import heapq
import itertools
import sys
import threading
import time
import traceback


class Scheduler:
    def __init__(self):
        self.calls = []
        self.numbers = itertools.count()
        self.wake = threading.Condition()

    def start(self):
        threading.Thread(target=self.run, daemon=True).start()

    def after(self, seconds, function, *arguments):
        with self.wake:
            heapq.heappush(self.calls, (time.monotonic() + seconds, next(self.numbers), function, arguments))
            self.wake.notify()

    def run(self):
        while True:
            with self.wake:
                while not self.calls or self.calls[0][0] > time.monotonic():
                    self.wake.wait(self.calls[0][0] - time.monotonic() if self.calls else None)
                _, _, function, arguments = heapq.heappop(self.calls)
            try:
                function(*arguments)
            except Exception:  # pylint: disable=broad-except
                traceback.print_exc(file=sys.stderr)  # the others are still due
