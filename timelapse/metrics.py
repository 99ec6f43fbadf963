"""What Prometheus sees of jobs; names without `skycam_` are document 003's."""

from functools import cache

from prometheus_client import Counter, Gauge, Histogram

from timelapse.models import Job

DURATIONS = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 28800)
WAITS = (1, 5, 15, 60, 300, 900, 1800, 3600, 14400, 86400)


class Series:
    """All series, in the processes that count: elsewhere they would stand at zero beside the true ones."""

    def __init__(self) -> None:
        self.queue_depth = Gauge("processing_queue_depth", "Jobs that wait, retries included")
        self.running = Gauge("skycam_jobs_running", "Jobs that run, on any machine")
        self.duration = Histogram(
            "skycam_job_duration_seconds", "From taking a job to its product", ["kind"], buckets=DURATIONS
        )
        self.wait = Histogram(
            "skycam_job_wait_seconds", "From a job's making to its first start", ["kind"], buckets=WAITS
        )
        self.failures = Counter("skycam_job_failures", "Tries of jobs that failed", ["kind", "code"])
        self.products = Counter("skycam_products_made", "Products of jobs", ["kind"])
        self.quality = Gauge("image_quality_score", "Quality of the newest product, 0 to 1", ["instrument"])
        self.archived = Counter(
            "skycam_products_archived", "Products of which there is a checked copy elsewhere"
        )
        self.not_archived = Counter(
            "skycam_product_archive_failures", "Tries to archive a product that failed"
        )


@cache
def series() -> Series:
    """The series of this process; made by the first worker that asks."""
    return Series()


def count(waiting: int, running: int) -> None:
    """How many jobs wait and run."""
    series().queue_depth.set(waiting)
    series().running.set(running)


def quality(instrument: str, score: float) -> None:
    """How good the newest product of an instrument is, 0 to 1."""
    series().quality.labels(instrument).set(score)


def ended(job: Job, seconds: float) -> None:
    """A job has made its product."""
    kind = job.product or job.kind
    series().duration.labels(kind).observe(seconds)
    series().products.labels(kind).inc()
    if job.started_at and not job.attempts:
        series().wait.labels(kind).observe(max(0.0, (job.started_at - job.created_at).total_seconds()))


def failed(job: Job, code: str) -> None:
    """One try of a job went wrong."""
    series().failures.labels(job.product or job.kind, code).inc()


def archived() -> None:
    """A product lies elsewhere too."""
    series().archived.inc()


def not_archived() -> None:
    """One try to archive a product went wrong."""
    series().not_archived.inc()
