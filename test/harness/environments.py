"""The clients' environments: made once under .cache/acceptance, used again after that.

Only the registries' ordinary clients fetch anything (pip, npm, mvn). Where an interpreter is absent,
Skipped says which, so that the report can name what was not run.
"""

import glob
import os
import shutil
import subprocess
import sys

from .cluster import CACHE
from .report import CheckFailed, Skipped

INSTALL_TIMEOUT = 600
JYTHON = "2.7.3"


_BUILD_BACKEND = """
import os

class __legacy__:
    def prepare_metadata_for_build_wheel(directory, settings=None):
        os.mkdir(os.path.join(directory, "pymongo-%s.dist-info"))
        with open(os.path.join(directory, "pymongo-%s.dist-info", "METADATA"), "w") as metadata:
            metadata.write("Metadata-Version: 2.1\\nName: pymongo\\nVersion: %s\\n")
        return "pymongo-%s.dist-info"
"""


class PyMongo:
    """One release of PyMongo, and the Pythons that can run it, the best one first."""

    def __init__(self, release, pythons, requirement=None, jython=False):
        self.release, self.pythons, self.jython = release, pythons, jython
        self.requirement = requirement or "pymongo==" + release

    def __str__(self):
        return "PyMongo " + self.release

    def environment(self):
        """(command, environment variables) that start its interpreter with the driver on its path."""
        python = next(filter(None, map(find_python, self.pythons)), None)
        if python:
            return [python], {"PYTHONPATH": str(self._installed(python)), "PYTHONIOENCODING": "utf-8"}
        if self.jython:
            jar, source = jython_jar(), self._source_for_jython()
            return ["java", "-Dpython.path=" + str(source), "-jar", str(jar)], {}
        raise Skipped("no Python %s on PATH or in ~/.pyenv/versions" % " or ".join(self.pythons))

    def _installed(self, python):
        version = python_version(python)
        return _made("pymongo-%s-py%s" % (self.release, version), lambda target: _run(
            [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(target),
             self.requirement]))

    def _source_for_jython(self):
        """The pure-Python source of a release whose setup.py is Python 2.

        pip runs setup.py even to download, so it meets a setuptools that knows the answer without it.
        """
        def make(target):
            shim = target / "shim" / "setuptools"
            shim.mkdir(parents=True)
            (shim / "__init__.py").touch()
            (shim / "build_meta.py").write_text(_BUILD_BACKEND.replace("%s", self.release))
            _run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-build-isolation", "--use-pep517",
                  "--no-binary", ":all:", "--dest", str(target), self.requirement], PYTHONPATH=str(shim.parent))
            for archive in target.glob("*.tar.gz"):
                shutil.unpack_archive(str(archive), str(target))
            for package in ("pymongo", "bson", "gridfs"):
                for directory in target.glob("pymongo-*/" + package):
                    directory.rename(target / package)
        return _made("pymongo-%s-jython" % self.release, make)


MODERN = ["3.11", "3.12", "3.10", "3.9", "3.13", "3"]

PYMONGOS = [
    PyMongo("1.8.1", ["2.7"], jython=True),
    PyMongo("1.9", ["2.7"], jython=True),
    PyMongo("2.9.5", ["2.7", "3.6"]),
    PyMongo("3.13.0", MODERN),
    PyMongo("4.10.1", MODERN),
    PyMongo("newest 4", MODERN, requirement="pymongo>=4.11,<5"),
]


def find_python(version):
    """The path of a Python of that version that runs, or None."""
    homes = glob.glob(os.path.expanduser("~/.pyenv/versions/%s*/bin/python%s" % (version, version)))
    for candidate in filter(None, [shutil.which("python" + version), *sorted(homes)]):
        found = python_version(candidate)
        if found and (found + ".").startswith(version + "."):
            return candidate
    return None


def python_version(python):
    """Its "major.minor", or None when it does not run (a pyenv shim of a version not chosen)."""
    answer = subprocess.run([python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return answer.stdout.strip() if answer.returncode == 0 else None


def jython_jar():
    """Jython from Maven: Python 2.7 for machines that have only a JDK."""
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            raise Skipped("no Python 2.7, and for Jython in its place there is no %s" % tool)
    coordinates = "org.python:jython-standalone:" + JYTHON
    return _made("jython-" + JYTHON, lambda target: _run(
        ["mvn", "--batch-mode", "--quiet", "dependency:copy", "-Dartifact=" + coordinates,
         "-DoutputDirectory=" + str(target)])) / ("jython-standalone-%s.jar" % JYTHON)


def node_modules():
    """The folder with the Node driver and mongosh."""
    for tool in ("node", "npm"):
        if not shutil.which(tool):
            raise Skipped("%s is absent" % tool)
    return _made("node", lambda target: _run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(target),
         "mongodb@7", "mongosh@2"])) / "node_modules"


def python_packages(*requirements):
    """A folder with these packages for the Python that runs this."""
    return _made("py-" + "-".join(r.replace("<", "").replace(">", "").replace("=", "").replace(",", "-") for r in requirements), lambda target: _run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", str(target), *requirements]))


def node_packages(*requirements):
    """A node_modules folder with these packages."""
    return _made("node-" + "-".join(requirements), lambda target: _run(
        ["npm", "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(target), *requirements])) / "node_modules"


def _made(name, make):
    """The folder CACHE/name; an interrupted installation leaves nothing that looks complete."""
    final = CACHE / name
    if not final.exists():
        partial = CACHE / (name + ".partial")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        make(partial)
        partial.rename(final)
    return final


def _run(command, **variables):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", timeout=INSTALL_TIMEOUT, env={**os.environ, **variables})
    if done.returncode:
        raise CheckFailed("%s failed:\n%s" % (" ".join(map(str, command)), done.stdout[-3000:]))
