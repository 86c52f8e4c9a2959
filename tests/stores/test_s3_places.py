"""Where object storage is: regions, redirects, and which endpoints are asked at all."""

import pytest

from stores.drivers import s3_place
from stores.drivers.s3 import S3Driver
from tests.stores.answers import Answer, answering, bucket_of, error
from tests.stores.asking import code, place_at, refused


def test_the_region_the_endpoint_tells_counts_over_none():
    with answering(bucket_of("cn-north-4")) as server:
        S3Driver(place_at(server.endpoint)).check()

    assert "/cn-north-4/s3/" in server.asked[-1].headers["Authorization"]


def test_the_typed_region_counts_where_the_endpoint_tells_none(at):
    with answering(bucket_of()) as server:
        S3Driver(place_at(server.endpoint, region="cn-east-3")).check()

    assert "/cn-east-3/s3/" in server.asked[-1].headers["Authorization"]
    assert at(region="cn-east-3").check() is None


def test_a_bucket_in_another_region_than_the_typed_one_is_refused():
    with answering(bucket_of("cn-north-4")) as server:
        problem = refused(S3Driver(place_at(server.endpoint, region="cn-east-3")).check)

    assert (problem.code, problem.params["region"], problem.params["expected"]) == (
        "source.other_region",
        "cn-north-4",
        "cn-east-3",
    )


def test_the_region_is_taken_from_the_header_where_asking_is_forbidden():
    def answer(request):
        if request.wants_location:
            return error("AccessDenied", 403)
        if request.method == "HEAD":
            return Answer(403, headers={"x-amz-bucket-region": "cn-north-4"})
        return bucket_of()(request)

    with answering(answer) as server:
        assert code(S3Driver(place_at(server.endpoint, region="cn-east-3")).check) == "source.other_region"
        assert S3Driver(place_at(server.endpoint, region="cn-north-4")).check() is None


def test_a_server_that_asks_for_another_region_is_believed_when_none_was_typed():
    def answer(request):
        if "/cn-north-4/" not in request.headers["Authorization"]:
            return error("AuthorizationHeaderMalformed", 400, Region="cn-north-4")
        return bucket_of()(request)

    with answering(answer) as server:
        assert S3Driver(place_at(server.endpoint)).check() is None
        assert code(S3Driver(place_at(server.endpoint, region="cn-east-3")).check) == "source.other_region"


def test_the_region_is_asked_once_for_many_requests():
    with answering(bucket_of("cn-north-4")) as server:
        driver = S3Driver(place_at(server.endpoint))
        for _ in range(3):
            driver.list_folder("")

    assert sum(request.wants_location for request in server.asked) == 1


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://169.254.169.254",
        "http://169.254.1.1:8080",
        "http://[fe80::1]",
        "http://[fd00:ec2::254]",
        "http://[::ffff:169.254.169.254]",
        "http://[64:ff9b::a9fe:a9fe]",
        "http://100.100.100.200",
        "ftp://example.com",
        "example.com",
        "http://example.com/path",
        "http://user:password@example.com",
        "http://example.com?x",
        "http://example.com#x",
        "http://exa mple.com",
        "http://example.com:99999",
        "http://example.com\n",
        "",
    ],
)
def test_endpoints_that_are_no_endpoints_or_never_allowed_are_refused(endpoint):
    assert code(S3Driver(place_at(endpoint)).check) == "source.endpoint_refused"


def test_only_hosts_that_are_allowed_are_asked(settings, at):
    driver = at()
    settings.S3_HOSTS = ["obs.example.com", ".trusted.example"]

    assert code(driver.check) == "source.endpoint_refused"
    assert s3_place.check_place(place_at("https://OBS.example.com:9000")) is None
    assert s3_place.check_place(place_at("https://a.trusted.example")) is None
    settings.S3_HOSTS = ["127.0.0.1"]
    assert driver.check() is None


def test_a_name_that_leads_to_a_refused_address_is_refused_before_anything_is_sent(monkeypatch):
    monkeypatch.setattr("stores.drivers.s3_connections.is_refused_address", lambda text: text == "127.0.0.1")

    with answering(bucket_of()) as server:
        driver = S3Driver(place_at(server.endpoint.replace("127.0.0.1", "localhost")))

        assert code(driver.check) == "source.endpoint_refused"
    assert server.asked == []


@pytest.mark.parametrize("bucket", ["arn:aws:s3:us-east-1:123456789012:accesspoint/x", "a/b", "a?b", "", "a b", "模型"])
def test_what_can_be_no_bucket_is_refused(bucket):
    assert code(S3Driver(place_at("http://127.0.0.1:9", bucket)).check) == "bucket.name_invalid"


def test_secrets_are_never_shown():
    shown = repr(place_at("http://127.0.0.1:9", session_token="token-1"))

    assert [word for word in ("secret", "token-1", "'key'") if f"={word}" in shown or word in shown.split("=")] == []
