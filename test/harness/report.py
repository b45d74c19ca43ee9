"""PASS, FAIL and SKIP lines, the closing count, and a bound on the time of the whole script."""

import contextlib
import signal
import sys
import time
import traceback

from .wire import CommandFailed


class CheckFailed(Exception):
    """Something that a test claims is not so."""


class Fatal(CheckFailed):
    """A failure that no waiting can mend."""


class Skipped(Exception):
    """The test cannot run here; the message says what is absent."""


class OutOfTime(BaseException):
    """The script's own bound; not an Exception, so that no retry loop swallows it."""


def check(condition, text, *details):
    """Raises CheckFailed with the text unless the condition holds."""
    if not condition:
        raise CheckFailed(text % details if details else text)


def equal(got, expected, what):
    check(got == expected, "%s:\n  got      %r\n  expected %r", what, got, expected)


def eventually(action, timeout, what, interval=0.02):
    """Repeats action until it returns something true, and returns that."""
    deadline, last = time.monotonic() + timeout, None
    while time.monotonic() < deadline:
        try:
            last = action()
            if last:
                return last
        except Fatal:
            raise
        except (OSError, EOFError, ValueError, KeyError, CommandFailed, CheckFailed) as error:
            last = "%s: %s" % (type(error).__name__, error)
        time.sleep(interval)
    raise CheckFailed("not within %g s: %s (last: %r)" % (timeout, what, last))


class Report:
    """Counts and prints results."""

    def __init__(self, only=(), timeout=3600):
        self.passed = self.failed = self.skipped = 0
        self._only = only
        bound_time(timeout)

    def wanted(self, name):
        """Whether the command line asks for a test of this name."""
        return not self._only or any(part.lower() in name.lower() for part in self._only)

    @contextlib.contextmanager
    def test(self, name, cluster=None):
        """Runs one test: a failure is printed, the cluster's files are kept, and the next test runs."""
        started = time.monotonic()
        try:
            yield
        except Skipped as reason:
            self.skip(name, reason)
        except CheckFailed as failure:
            self._fail(name, started, str(failure), cluster)
        except Exception:
            self._fail(name, started, traceback.format_exc(), cluster)
        else:
            self.passed += 1
            _line("PASS", name, "(%.1f s)" % (time.monotonic() - started))

    def step(self, name, action):
        """Runs a test that later ones build on; what action returned, or None when it did not pass."""
        result = None
        with self.test(name):
            result = action()
        return result

    def skip(self, name, reason):
        self.skipped += 1
        _line("SKIP", name + ":", reason)

    def _fail(self, name, started, text, cluster):
        self.failed += 1
        if cluster is not None:
            cluster.keep = True
        _line("FAIL", name, "(%.1f s)" % (time.monotonic() - started))
        print("    " + text.rstrip().replace("\n", "\n    "), flush=True)

    def finish(self):
        """Prints the count and returns the exit code."""
        signal.alarm(0)
        print("%d passed, %d failed, %d skipped" % (self.passed, self.failed, self.skipped), flush=True)
        return 1 if self.failed else 0


def bound_time(seconds):
    """Ends the script by OutOfTime after so many seconds; SIGTERM ends it, too, and neither leaves members behind."""
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.signal(signal.SIGTERM, _terminated)
    signal.alarm(seconds)


def note(text):
    """A line of information that is no result."""
    print("     " + text, flush=True)


def _line(kind, name, rest):
    print("%s %s %s" % (kind, name, rest), flush=True)


def _out_of_time(*_):
    raise OutOfTime("the script's time is up")


def _terminated(*_):
    sys.exit(143)
