"""`./skycam worker`."""

import os
import signal

import click

from skycam_project.cli.group import Options


@click.command()
@click.pass_obj
def worker(options: Options) -> None:
    """Take timelapses and night products off the queue of `./skycam up`, until Ctrl-C.

    For more cores or another machine: it needs the same data folder and database (docs/jobs.md, "More workers").
    """
    os.environ["SKYCAM_DATA"] = str(options.settings().data)
    os.environ["SKYCAM_PROCESS"] = "worker"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "skycam_project.settings")
    import django

    django.setup()
    from timelapse import helping, queue, running

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: running.stopping.set())
    click.echo(f"working for {options.settings().data} as {queue.HOST}, process {os.getpid()}", err=True)
    helping.work()
