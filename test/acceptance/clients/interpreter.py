"""An interpreter session for a program: reads statements, answers each with one line of JSON.

Runs on Python 2.7, Jython 2.7 and Python 3, so that the article's statements reach every driver as they are printed.
"""
import json
import sys


def plain(value):
    if isinstance(value, dict):
        return dict((str(name), plain(item)) for name, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, type(u""), str)):
        return value
    return repr(value)


def answer(statement, names):
    try:
        try:
            code = compile(statement, "<session>", "eval")
        except SyntaxError:
            exec(statement, names)
            return {"value": None}
        value = eval(code, names)
        return {"value": plain(value), "repr": repr(value)}
    except Exception:
        error = sys.exc_info()[1]
        return {"error": [kind.__name__ for kind in type(error).__mro__], "message": str(error)}


names = {}
for line in iter(sys.stdin.readline, ""):
    sys.stdout.write(json.dumps(answer(str(json.loads(line)), names)) + "\n")
    sys.stdout.flush()
