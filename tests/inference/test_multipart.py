"""Forms, as browsers, curl and Python clients send them, and as nobody should."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.multipart import LONGEST_PART_HEAD, MOST_PARTS, FormError, FormReader, boundary_of, parameters_of


def part(disposition, content=b"", *more):
    lines = [f"Content-Disposition: form-data; {disposition}", *more]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + content


def body(*parts, boundary=b"XX"):
    return b"".join(b"--" + boundary + b"\r\n" + each + b"\r\n" for each in parts) + b"--" + boundary + b"--\r\n"


def read(*pieces, boundary=b"XX"):
    reader = FormReader(boundary)
    for piece in pieces:
        reader.feed(piece)
    form = reader.close()
    return {
        key: value if isinstance(value, str) else {name: file.read() for name, file in value.items()}
        for key, value in form.items()
    }


def test_form_has_files_by_key_and_name_and_texts():
    data = body(
        part('name="images"; filename="a.png"', b"\x89PNG\r\n\x00", "Content-Type: image/png"),
        part('name="images"; filename="b.png"', b""),
        part('name="threshold"', "0.5 é".encode()),
        part("name=bare", b"1"),
    )

    assert read(data) == {
        "images": {"a.png": b"\x89PNG\r\n\x00", "b.png": b""},
        "threshold": "0.5 é",
        "bare": "1",
    }


@settings(deadline=None)
@given(content=st.binary(max_size=60), sizes=st.lists(st.integers(1, 9), max_size=40), text=st.text(max_size=20))
def test_form_is_the_same_however_it_arrives(content, sizes, text):
    content = content.replace(b"\r\n--XX", b"")
    data = b"preamble\r\n" + body(part('name="f"; filename="x"', content), part('name="t"', text.encode())) + b"after"
    pieces, at = [], 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size

    assert read(*pieces, data[at:]) == read(data)
    assert read(data) == {"f": {"x": content}, "t": text.encode().decode()}


@pytest.mark.parametrize(
    "content", [b"\r\n--X", b"\r\n--", b"\r\n", b"--XX", b"\r\n--Xx\r\n--", b"\n--XX\r\n", b"\r" * 9]
)
def test_content_that_looks_like_a_boundary_stays_content(content):
    data = body(part('name="f"; filename="x"', content))

    assert read(*(data[at : at + 1] for at in range(len(data)))) == {"f": {"x": content}}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('filename="../../etc/passwd"', "passwd"),
        ('filename="C:\\\\dir\\\\cat.jpg"', "cat.jpg"),
        ('filename="C:\\dir\\cat.jpg"', "cat.jpg"),
        ('filename="/"', None),
        ('filename=".."', "file"),
        ('filename="a\x01b.png"', "ab.png"),
        ('filename="a\\"b.png"', 'a"b.png'),
        ('filename="a%22b.png"', 'a"b.png'),
        ('filename="猫.png"', "猫.png"),
        ("filename*=UTF-8''%E7%8C%AB.png", "猫.png"),
        ("filename=\"x.png\"; filename*=UTF-8''y%2Fz.png", "z.png"),
        ("filename*=nonsense''a.png", "a.png"),
        ('filename="' + "n" * 300 + '"', "n" * 255),
        ("FileName=a.png", "a.png"),
    ],
)
def test_name_of_a_file_is_safe_to_join(sent, kept):
    found = read(body(part(f'name="f"; {sent}', b"x")))

    assert found == {"f": {kept or "file": b"x"}}


def test_files_of_one_name_are_all_kept():
    same = part('name="f"; filename="a.png"', b"1"), part('name="f"; filename="a.png"', b"2")

    assert read(body(*same, part('name="f"; filename=".x"', b"3"), part('name="f"; filename=".x"', b"4"))) == {
        "f": {"a.png": b"1", "a (2).png": b"2", ".x": b"3", "x (2)": b"4"}
    }


def test_file_nobody_chose_is_left_out():
    assert read(body(part('name="f"; filename=""', b""), part('name="t"', b"1"))) == {"t": "1"}


def test_last_of_two_texts_counts_and_charsets_are_heard():
    data = body(
        part('name="t"', b"1"), part('name="t"', "é".encode("latin-1"), "Content-Type: text/plain; charset=latin-1")
    )

    assert read(data) == {"t": "é"}


def test_form_without_parts_is_empty():
    assert read(b"--XX--\r\n") == {}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The form ends before its last boundary"),
        (b"nothing like it", "The form ends before its last boundary"),
        (body(part('name="a"'))[:-6], "The form ends before its last boundary"),
        (b"--XXjunk\r\n", "A boundary of the form is followed by something else than a line break"),
        (b"--XX" + b" " * 9000, "A boundary of the form is followed by something else than a line break"),
        (body(b"\r\nno headers"), 'A part of the form has no Content-Disposition: form-data; name="…"'),
        (body(b"X: 1\r\n\r\n"), 'A part of the form has no Content-Disposition: form-data; name="…"'),
        (body(part("filename=a")), 'A part of the form has no Content-Disposition: form-data; name="…"'),
        (
            body(part('name="a"', b"", "X: " + "a" * LONGEST_PART_HEAD)),
            "The headers of a part of the form are too long",
        ),
        (b"--XX\r\n" + b"a" * 9000, "The headers of a part of the form are too long"),
        (
            body(part('name="a"', b"YQ==", "Content-Transfer-Encoding: base64")),
            "A part of the form is encoded as base64: send it as it is",
        ),
        (body(part('name="a"', b"1"), part('name="a"; filename="f"')), "The key a of the form holds a text and a file"),
        (body(part('name="a"; filename="f"'), part('name="a"', b"1")), "The key a of the form holds a file and a text"),
        (body(*[part('name="a"')] * (MOST_PARTS + 1)), "The form has more than 1000 parts"),
    ],
)
def test_form_that_cannot_be_read_is_refused_with_the_reason(data, reason):
    with pytest.raises(FormError) as caught:
        read(data)

    assert str(caught.value) == reason


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_reader_of_anything_ends_in_a_form_or_a_refusal(data):
    reader = FormReader(b"X")
    try:
        reader.feed(data.replace(b"A", b"\r\n--X"))
        reader.close()
    except FormError:
        pass


@pytest.mark.parametrize(
    "value",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=é",
        "m; boundary=" + "b" * 201,
    ],
)
def test_boundary_that_cannot_be_used_is_refused(value):
    with pytest.raises(FormError):
        boundary_of(value)


@pytest.mark.parametrize("value", ["multipart/form-data; boundary=b-1", 'multipart/x; charset=a; Boundary="b-1"'])
def test_boundary_is_found(value):
    assert boundary_of(value) == b"b-1"


@pytest.mark.parametrize("piece", ['; a="', ";", "; a", "; a=", '; a="\\', "; a" + " " * 50, '\n"'])
def test_parameters_are_read_in_a_time_that_grows_with_their_length_alone(piece):
    begun = time.process_time()

    parameters_of(piece * (400_000 // len(piece)))

    assert time.process_time() - begun < 2
