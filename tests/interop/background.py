"""What goes on beside a test, in a thread of its own."""

import threading


class Background:
    """Does `_run` while it is in scope. `_run` must return soon once `_over` is set."""

    def __init__(self):
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        self._thread.join()
