"""What `timelapse make` and `products make` are made from, as people name it."""

from pathlib import Path

from skycam_project.cli.group import Options


def source_path(options: Options, name: str) -> Path:
    """The path of a source.

    Args:
        options: what says where the sessions lie.
        name: a path (it wins), the id or uuid of a finished session, or the id of a running one.

    Raises `NoSessionError` when nothing has that name, and for a stranger's file what `finding.find` raises.
    """
    from sessions.exchange.finding import NoSessionError, find
    from sessions.store.layout import Layout

    root = options.settings().data / "sessions"
    if Path(name).is_dir():
        return Path(name)
    running = next((path for path in Layout(root).partials() if path.stem == name), None)
    try:
        return running or find(root, name)
    except NoSessionError:
        raise NoSessionError(
            f"{name!r} is neither a folder nor a session in {root}; `./skycam sessions list` shows them"
        ) from None
