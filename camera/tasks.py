"""Finite jobs around cameras."""

from celery import shared_task

from camera import services


@shared_task(name="camera.prune_previews", ignore_result=True)
def prune_previews() -> None:
    """Remove old previews; frames themselves are never touched here."""
    services.prune_previews()
