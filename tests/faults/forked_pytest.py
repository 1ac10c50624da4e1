"""Runs a suite again and again, each time in a fork that has imported all that is not ours.

``python -m tests.faults.forked_pytest SUITE OPTION…``: for each line of its input, the path of a
file, it runs the suite, writes the output into that file, and prints the exit code.
"""

import importlib
import os
import sys

import pytest


def main(suite: str, *options: str) -> None:
    module = suite.removesuffix(".py").replace("/", ".")
    importlib.import_module(module)
    for name in list(sys.modules):
        if name.partition(".")[0] in {"datagen_nb", "tests"}:
            del sys.modules[name]
    # No bytecode is left of a spoilt file: two of them may have one size and one second.
    sys.dont_write_bytecode = True
    for line in sys.stdin:
        if (child := os.fork()) == 0:
            output = os.open(line.strip(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(output, 1)
            os.dup2(output, 2)
            os._exit(pytest.main([*options, suite]))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
