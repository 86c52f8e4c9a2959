"""Each way object storage can say no, and what the console makes of it."""

import errno
import socket
import ssl

import pytest

from stores.drivers.s3 import S3Driver
from stores.errors import SourceUnavailable
from stores.messages import message_of
from tests.seaweedfs import READER_KEY, READER_SECRET
from tests.stores.answers import Answer, answering, bucket_of, error
from tests.stores.asking import code, place_at, refused


def answered(answer, call, **values):
    """What `call(driver)` raises when the server gives this answer to the request for an object."""
    whole = bucket_of()
    with answering(lambda request: whole(request) or answer) as server:
        return code(call, S3Driver(place_at(server.endpoint, **values)))


def read(driver):
    with driver.open("a") as stream:
        return stream.read()


def test_a_bucket_that_is_not_there_is_unknown_by_its_name_at_the_endpoint(at, s3):
    driver = at(bucket="no-such-bucket")

    for call in (driver.check, lambda: driver.list_folder(""), lambda: driver.stat("a"), lambda: read(driver)):
        problem = refused(call)
        assert (problem.code, problem.params["remote"]) == ("source.bucket_unknown", "no-such-bucket")
        assert message_of(problem).startswith(f"There is no bucket “no-such-bucket” at {s3.endpoint}.")


def test_wrong_keys_are_credentials(at):
    assert code(at(secret_key="wrong").check) == "source.credentials"
    assert code(at(access_key="nobody").check) == "source.credentials"


def test_no_keys_where_they_are_needed_are_forbidden(at):
    assert code(at(access_key="", secret_key="").check) == "source.forbidden"


def test_an_object_that_may_not_be_written_is_forbidden_by_name(at):
    reader = at(access_key=READER_KEY, secret_key=READER_SECRET)

    for call in (lambda: reader.write("a/b", [b"x"]), lambda: reader.begin("a/b", 3)):
        assert (refused(call).code, refused(call).params["path"]) == ("source.forbidden", "/packages/a/b")
    assert reader.check() is None


def test_an_object_under_a_key_of_the_customer_is_encrypted_by_name(at, s3):
    driver = at()
    driver.write("open", [b"x"])
    s3.client().put_object(
        Bucket=driver._place.bucket, Key="secret", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey=b"k" * 32
    )

    assert {entry.key for entry in driver.walk("")} == {"open", "secret"}
    for call in (driver.stat, driver.open):
        problem = refused(call, "secret")
        assert (problem.code, problem.params["path"]) == ("source.encrypted", "/packages/secret")
    driver.delete("secret")
    assert [entry.key for entry in driver.walk("")] == ["open"]


def test_an_object_under_a_managed_key_we_may_not_use_is_encrypted():
    head = {"x-amz-server-side-encryption": "aws:kms", "ETag": '"x"', "Last-Modified": "Mon, 23 Nov 2026 10:00:00 GMT"}
    whole = bucket_of()

    def answer(request):
        return whole(request) or (Answer(headers=head) if request.method == "HEAD" else error("AccessDenied", 403))

    with answering(answer) as server:
        assert code(S3Driver(place_at(server.endpoint)).open, "a") == "source.encrypted"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error("AccessDenied", 403), "source.forbidden"),
        (error("SomethingNew", 403), "source.forbidden"),
        (error("RequestTimeTooSkewed", 403), "source.clock_skew"),
        (error("ExpiredToken", 400), "source.expired"),
        (error("InvalidToken", 400), "source.credentials"),
        (error("SignatureDoesNotMatch", 403), "source.credentials"),
        (error("InvalidAccessKeyId", 403), "source.credentials"),
        (error("NoSuchKey", 404), "source.missing"),
        (error("PermanentRedirect", 301, Endpoint="elsewhere"), "source.other_region"),
        (error("TemporaryRedirect", 307), "source.other_region"),
        (error("AuthorizationHeaderMalformed", 400, Region="cn-north-4"), "source.other_region"),
        (error("KMS.DisabledException", 400), "source.encrypted"),
        (error("InvalidRequest", 400), "source.encrypted"),
        (error("InvalidObjectState", 403), "source.archived"),
        (error("PreconditionFailed", 412), "source.object_changed"),
        (error("TheServerIsOdd", 418), "source.rejected"),
        (Answer(404, b"<html>not here</html>"), "source.missing"),
    ],
)
def test_what_cannot_succeed_is_refused_by_its_code(answer, expected):
    assert answered(answer, read) == expected
    assert answered(answer, lambda driver: driver.stat("a")) == expected


def test_a_head_without_a_code_is_explained_by_an_answer_that_has_one():
    assert answered(error("RequestTimeTooSkewed", 403), lambda driver: driver.stat("a")) == "source.clock_skew"


def test_a_gateway_that_cannot_reach_the_storage_is_unavailable(monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)

    with answering(lambda request: Answer(502, b"<html><p>bad gateway")) as server, pytest.raises(SourceUnavailable):
        S3Driver(place_at(server.endpoint)).check()


def test_a_server_that_knows_no_locations_is_asked_for_its_header():
    def answer(request):
        return error("NotImplemented", 501) if request.wants_location else bucket_of()(request)

    with answering(answer) as server:
        assert S3Driver(place_at(server.endpoint)).check() is None


@pytest.mark.parametrize(
    "answer",
    [error("InternalError", 500), error("SlowDown", 503), Answer(502, b"<html>bad gateway</html>"), Answer(429)],
    ids=["internal", "slow down", "gateway", "too many"],
)
def test_what_may_pass_is_tried_again_and_then_unavailable(answer, monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    whole = bucket_of()

    with answering(lambda request: whole(request) or answer) as server, pytest.raises(SourceUnavailable):
        read(S3Driver(place_at(server.endpoint)))

    assert len([request for request in server.asked if request.path == "/b-b/a"]) == 3


def test_what_passed_succeeds_in_the_end(monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    whole, tries = bucket_of(), []

    def answer(request):
        if found := whole(request):
            return found
        tries.append(request)
        return error("SlowDown", 503) if len(tries) < 3 else Answer(body=b"at last", headers={"ETag": '"x"'})

    with answering(answer) as server:
        assert read(S3Driver(place_at(server.endpoint))) == b"at last"


def test_a_full_storage_says_so(monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)
    whole = bucket_of()

    full = error("QuotaExceeded", 403)
    with answering(lambda request: whole(request) or full) as server, pytest.raises(SourceUnavailable) as unavailable:
        S3Driver(place_at(server.endpoint)).write("a", [b"x"])

    assert unavailable.value.code == "source.no_space"


def unavailable(call):
    with pytest.raises(SourceUnavailable) as caught:
        call()
    return caught.value


def test_nobody_listening_is_a_connection_that_was_refused():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"

    problem = unavailable(S3Driver(place_at(endpoint)).check)

    assert (problem.code, problem.params) == ("source.connection_refused", {"endpoint": endpoint})
    assert message_of(problem).startswith(f"{endpoint} refused the connection:")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_stays_silent_is_timed_out(settings, scheme):
    settings.S3_CONNECT_SECONDS = settings.S3_READ_SECONDS = 0.2
    settings.S3_ATTEMPTS = 1

    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        problem = unavailable(S3Driver(place_at(endpoint)).check)

    assert (problem.code, problem.params) == ("source.timed_out", {"endpoint": endpoint})
    assert message_of(problem).startswith(f"{endpoint} did not answer in time.")


def test_an_address_without_a_way_to_it_is_unreachable(monkeypatch):
    def no_way(*args, **values):
        raise OSError(errno.EHOSTUNREACH, "no route")

    monkeypatch.setattr("urllib3.util.connection.create_connection", no_way)

    assert unavailable(S3Driver(place_at("http://192.0.2.1")).check).code == "source.unreachable"


def test_plain_http_where_https_was_typed_is_told_with_the_address_to_enter(s3):
    typed = s3.endpoint.replace("http://", "https://")

    problem = refused(S3Driver(place_at(typed)).check)

    assert problem.code == "source.no_tls"
    assert message_of(problem) == (
        f"No encrypted connection to {typed} came about. If the storage speaks plain HTTP there, enter {s3.endpoint} "
        "as its endpoint."
    )


def test_a_certificate_that_is_not_trusted_is_no_endpoint(monkeypatch):
    def distrusted(*args, **values):
        raise ssl.SSLCertVerificationError("self-signed")

    monkeypatch.setattr("urllib3.connection.ssl_wrap_socket", distrusted)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        driver = S3Driver(place_at(f"https://127.0.0.1:{listening.getsockname()[1]}"))
        assert code(driver.check) == "source.endpoint_unknown"


def test_a_host_nobody_knows_is_no_endpoint(monkeypatch):
    def unknown(*args, **values):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    assert code(S3Driver(place_at("http://no-such-host.example")).check) == "source.endpoint_unknown"


def test_names_that_cannot_be_looked_up_now_may_be_known_later(monkeypatch):
    def busy(*args, **values):
        raise socket.gaierror(socket.EAI_AGAIN, "again")

    monkeypatch.setattr(socket, "getaddrinfo", busy)

    with pytest.raises(SourceUnavailable):
        S3Driver(place_at("http://slow-names.example")).check()


@pytest.mark.parametrize(
    "page",
    [
        Answer(200, b"<!DOCTYPE html><html><p>Welcome", {"Content-Type": "text/html; charset=utf-8"}),
        Answer(200, b"<html></html>", {"Content-Type": "text/html"}),
        Answer(404, b"Not Found"),
        Answer(405),
    ],
    ids=["page", "tidy page", "not found", "not allowed"],
)
def test_a_server_that_does_not_speak_s3_is_no_endpoint(page, monkeypatch):
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda self, context: 0)

    with answering(lambda request: page) as server:
        assert code(S3Driver(place_at(server.endpoint)).check) == "source.endpoint_unknown"


def test_a_listing_that_is_no_listing_never_passes_as_an_empty_one():
    def answer(request):
        return Answer(body=b"<html></html>") if request.wants_listing else bucket_of()(request)

    with answering(answer) as server:
        driver = S3Driver(place_at(server.endpoint))
        with pytest.raises(SourceUnavailable):
            list(driver.walk(""))
        with pytest.raises(SourceUnavailable):
            driver.list_folder("")


def test_a_listing_that_goes_round_in_circles_is_given_up():
    page = (
        b"<ListBucketResult><IsTruncated>true</IsTruncated>"
        b"<NextContinuationToken>again</NextContinuationToken></ListBucketResult>"
    )

    def answer(request):
        return Answer(body=page) if request.wants_listing else bucket_of()(request)

    with answering(answer) as server, pytest.raises(SourceUnavailable):
        list(S3Driver(place_at(server.endpoint)).walk(""))


def test_redirects_are_never_followed():
    with answering(lambda request: Answer(body=b"stolen", headers={"ETag": '"x"'})) as other:
        away = Answer(307, headers={"Location": f"{other.endpoint}/b-b/a"})

        assert answered(away, read) == "source.other_region"
        assert other.asked == []
