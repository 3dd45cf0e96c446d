"""A seal: the last field of a document of ours is a SHA-256 over all that stands before it.

It tells a document that was cut, edited or converted from the one that was written. It does not tell who wrote it.
"""

import hashlib
import re

_END = re.compile(rb',\n "sha256": "([0-9a-f]{64})"\n\}\n\Z')
_LONGEST_END = 100


class BrokenSeal(ValueError):
    """The document is not what was sealed; the message says in what way."""


def sealed(body: bytes) -> bytes:
    """Return the document of *body*, a JSON object that lacks its closing brace, with its seal."""
    return body + f',\n "sha256": "{hashlib.sha256(body).hexdigest()}"\n}}\n'.encode()


def unsealed(content: bytes) -> bytes:
    """Return the JSON object that *content* seals, without the seal. Raise BrokenSeal if it does not hold."""
    end = _END.search(content, max(0, len(content) - _LONGEST_END))
    if end is None:
        raise BrokenSeal("it does not end as a document of ours ends")
    body = memoryview(content)[: end.start()]
    if hashlib.sha256(body).hexdigest() != end[1].decode():
        raise BrokenSeal("some of its bytes have changed since")
    return bytes(body) + b"}"
