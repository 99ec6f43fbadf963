"""Entry of every process that `up` starts: `python -m skycam_project.child NAME MODULE [ARGUMENT …]`.

Gives the process its name, makes it leave when `up` is gone, then runs the module as if it had been started itself.
"""

import os
import runpy
import sys

from skycam_project.common.parent_pipe import leave_with_parent


def main() -> None:
    """Become the module."""
    os.environ["SKYCAM_PROCESS"] = sys.argv[1]
    leave_with_parent()
    module = sys.argv[2]
    sys.argv = [module, *sys.argv[3:]]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
