"""A worker process: `python -m skycam_project.work QUEUE`. Hosts the devices of its queue and runs its jobs."""

import sys
import warnings

from skycam_project.celery import app


def main() -> None:
    """Work until SIGTERM.

    Threads only: a forked child would inherit a device's flock and keep it after its parent's death. Without gossip,
    mingle and heartbeat an idle worker costs a third of the CPU.
    """
    queue = sys.argv[1]
    # Tasks are JSON only and come from a private socket: root is then no more than any other user.
    warnings.filterwarnings("ignore", message=r"\s*You.re running the worker with superuser privileges")
    app.worker_main(
        [
            *(
                "--quiet",
                "worker",
                "-Q",
                queue,
                "-n",
                f"{queue}@%h",
                "-P",
                "threads",
                "-c",
                "2",
                "-l",
                "warning",
            ),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]
    )


if __name__ == "__main__":
    main()
