"""What the project file says of an environment's place between the others: when it was refreshed."""

import re

from reconciler.core.diagnostics import shown
from reconciler.core.timestamp import Timestamp, moment
from reconciler.formats.settings import optional_text
from reconciler.formats.yaml_reader import Mapping, Reading

_TIME = r"2[0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z"


def read_refreshed_at(environment: Mapping, reading: Reading) -> Timestamp | None:
    """Return when the environment was last refreshed; None where the project file does not say."""
    text = optional_text(environment, "refreshed_at", reading)
    if text is None:
        return None
    try:
        if re.fullmatch(_TIME, text):
            moment(Timestamp(text))
            return Timestamp(text)
    except ValueError:
        pass  # a day that its month does not have
    node = environment.values["refreshed_at"]
    what, hint = f"refreshed_at cannot be {shown(text)}", 'Write the time in UTC, such as "2026-11-20T18:00:00Z".'
    reading.report("not-a-time", what, (node.line, node.column), hint=hint)
    return None
