"""What people want of the cameras."""

from django.db import models


class CaptureWish(models.Model):
    """The wish for one camera: whether it runs and how. Whoever hosts the camera reads it and carries it out.

    `fence` is the newest owner's number: a row is written only by an owner whose number is not smaller, so a host
    that was paused and has lost its device cannot overwrite the wish that its successor follows.
    """

    camera = models.SlugField(primary_key=True, max_length=31)
    wish = models.JSONField(default=dict, help_text="camera.host.Wish as JSON.")
    revision = models.PositiveBigIntegerField(default=0, help_text="Grows with every change.")
    fence = models.PositiveBigIntegerField(default=0)
    changed_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.camera}: {'running' if self.wish.get('running') else 'stopped'}"
