"""Interfaces that requests are made for, and what is hostile to them."""

from hypothesis import strategies as st

from inference.multipart import FormReader, boundary_of
from registry.config import JSON_TYPE, Api, Payload

NUMBERS = {"type": "object", "properties": {"a": {"type": "number"}, "n": {"type": "integer", "minimum": 3}}}
PICTURE = {"type": "object", "properties": {"images": {"type": "file"}, "k": {"type": "integer", "default": 3}}}
hostile_texts = st.text(st.characters(codec=None), max_size=40) | st.sampled_from(
    [
        "'; rm -rf ~; '",
        "$(id)",
        "`id`",
        '"""',
        "\\",
        "a=b",
        "@/etc/passwd",
        "x\r\nY: z",
        "\ud800",
        "{body}",
        "%s",
        "\0",
        "</script>",
    ]
)


def api_of(schema, content_type=JSON_TYPE, method="post", url="/"):
    return Api(url=url, method=method, request=Payload(content_type, schema))


def form_of(asked):
    reader = FormReader(boundary_of(asked.headers["Content-Type"]))
    reader.feed(asked.body)
    return reader.close()
