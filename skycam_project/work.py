"""A worker process: `python -m skycam_project.work QUEUE`. Hosts the devices of its queue and runs its jobs."""

import sys

from skycam_project.celery import app


def main() -> None:
    """Work until SIGTERM.

    Threads only: a forked child would inherit a device's flock and keep it after its parent's death. Without gossip,
    mingle and heartbeat an idle worker costs a third of the CPU.
    """
    queue = sys.argv[1]
    app.worker_main(
        [
            *("worker", "-Q", queue, "-n", f"{queue}@%h", "-P", "threads", "-c", "2", "-l", "warning"),
            *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        ]
    )


if __name__ == "__main__":
    main()
