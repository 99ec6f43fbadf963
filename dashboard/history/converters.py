"""What addresses of frames are made of."""


class FrameNumber:
    """A frame's number: at most nine digits, which no session reaches."""

    regex = "[0-9]{1,9}"

    def to_python(self, value: str) -> int:
        """Its value."""
        return int(value)

    def to_url(self, value: int) -> str:
        """Its digits."""
        return str(value)
