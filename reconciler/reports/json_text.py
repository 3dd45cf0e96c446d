"""A document as JSON for others to read, whatever the terminal and the locale."""

import json


def json_text(document: object) -> str:
    """Return *document* in ASCII, without a control character that the console would make visible in its own way."""
    return json.dumps(document, indent=2) + "\n"
