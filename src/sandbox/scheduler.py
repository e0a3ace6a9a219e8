# SPDX-License-Identifier: Apache-2.0
"""Calls that are made later, each on time, in the order in which they fall due."""

import heapq
import itertools
import threading
import time


class Scheduler:
    def __init__(self):
        self.calls = []
        self.numbers = itertools.count()
        self.wake = threading.Condition()
        self.ended = False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self):
        self.thread.start()

    def stop(self):
        with self.wake:
            self.ended = True
            self.wake.notify()

    def after(self, seconds, function, *arguments):
        with self.wake:
            heapq.heappush(self.calls, (time.monotonic() + seconds, next(self.numbers), function, arguments))
            self.wake.notify()

    def run(self):
        while True:
            with self.wake:
                left = self.calls[0][0] - time.monotonic() if self.calls else None
                while not self.ended and (left is None or left > 0):
                    self.wake.wait(left)
                    left = self.calls[0][0] - time.monotonic() if self.calls else None
                if self.ended:
                    return
                _, _, function, arguments = heapq.heappop(self.calls)
            function(*arguments)
