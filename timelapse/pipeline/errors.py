"""What the timelapse pipeline raises on purpose."""

from skycam_project.common.errors import SkycamError


class PipelineError(SkycamError):
    """Base of all errors of the pipeline."""

    code = "timelapse_error"


class SourceError(PipelineError):
    """There is nothing to make a timelapse of: no such folder or session, or too few usable frames."""

    code = "timelapse_source"


class AwayError(SourceError):
    """The source's disk or network is away: its frames are not broken, and a later try may read them."""

    code = "timelapse_away"


class FrameError(PipelineError):
    """One frame cannot be used; the others can."""

    code = "timelapse_frame"


class EncoderError(PipelineError):
    """No encoder for the wanted output works on this machine."""

    code = "timelapse_encoder"


class CancelledError(PipelineError):
    """The job was cancelled; finished chunks stay and are used when it is started again."""

    code = "timelapse_cancelled"
