"""A folder and a bucket to archive to."""

import os
import secrets

import pytest

from skycam_project.common.objectstore import LocalStore, S3Store


@pytest.fixture(scope="module")
def endpoint():
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    old = os.environ.get("AWS_ENDPOINT_URL_S3")
    os.environ["AWS_ENDPOINT_URL_S3"] = f"http://{host}:{port}"
    made = S3Store("nights", region="us-east-1", access_key="a", secret_key="b")
    made._call("create_bucket")
    yield
    os.environ.pop("AWS_ENDPOINT_URL_S3") if old is None else os.environ.update(AWS_ENDPOINT_URL_S3=old)
    server.stop()


@pytest.fixture
def bucket(endpoint):
    prefix = f"t/{secrets.token_hex(4)}"
    return S3Store("nights", prefix, region="us-east-1", access_key="a", secret_key="b")


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path):
    return LocalStore(tmp_path / "archive") if request.param == "local" else request.getfixturevalue("bucket")
