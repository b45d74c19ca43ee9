"""A Python process with one PyMongo, to which statements are typed as into an interpreter."""

import json
import os
import queue
import subprocess
import threading
from pathlib import Path

from harness.report import CheckFailed, check

INTERPRETER = Path(__file__).with_name("clients") / "interpreter.py"
ANSWER_TIMEOUT = 60


class Session:
    """The interpreter of pymongo, an environments.PyMongo."""

    def __init__(self, pymongo):
        command, variables = pymongo.environment()
        self._process = subprocess.Popen([*command, str(INTERPRETER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         text=True, env={**os.environ, **variables})
        self._answers = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()

    def _read(self):
        for line in self._process.stdout:
            self._answers.put(json.loads(line))
        self._answers.put({"error": ["Ended"], "message": "the interpreter ended"})

    def attempt(self, statement):
        """Runs a statement; the answer has value and repr, or error (class names, most special first) and message."""
        self._process.stdin.write(json.dumps(statement) + "\n")
        self._process.stdin.flush()
        try:
            return self._answers.get(timeout=ANSWER_TIMEOUT)
        except queue.Empty:
            raise CheckFailed("no answer within %d s to %s" % (ANSWER_TIMEOUT, statement)) from None

    def do(self, statement):
        """Runs a statement that must succeed; its value."""
        answer = self.attempt(statement)
        check("error" not in answer, ">>> %s\n%s: %s", statement, answer.get("error", [""])[0], answer.get("message"))
        return answer["value"]
