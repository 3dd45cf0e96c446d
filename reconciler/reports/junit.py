"""What `validate` has found as JUnit XML: a test case fails for each problem, and passes for each valid environment.

There is no standard of the format. This keeps to what the schemas of its readers have in common (Jenkins' xunit
plugin, GitLab): `file` and `line` beside name and classname, `message` and `type` in a failure.
"""

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from reconciler.core.diagnostics import Diagnostic
from reconciler.reports.excerpt import excerpt_text, visible
from reconciler.reports.findings import Findings, message_of

_SUITE = "reconciler validate"


def findings_junit(findings: Findings) -> str:
    failures = [_failure(each, findings) for each in findings.shown]
    errors = [_error(findings)] if findings.other_failure else []
    passed = [_case(str(each), each.environment) for each in findings.valid]
    counts = {
        "tests": str(len(failures) + len(errors) + len(passed)),
        "failures": str(len(failures)),
        "errors": str(len(errors)),
    }
    top = Element("testsuites", {"name": _SUITE, **counts})
    suite = SubElement(top, "testsuite", {"name": _SUITE, **counts})
    suite.extend([*failures, *errors, *passed])
    if findings.left_out:
        SubElement(suite, "system-out").text = f"{findings.left_out} more problems are not listed here."
    indent(top)
    written: bytes = tostring(top, encoding="us-ascii", xml_declaration=True)
    return written.decode("ascii") + "\n"


def _case(name: str, group: str, **more: str) -> Element:
    return Element("testcase", {"name": visible(name), "classname": visible(group), **more})


def _failure(found: Diagnostic, findings: Findings) -> Element:
    place, path = found.place, visible(found.place.path)
    at = f":{place.line}:{place.column}" if place.line else ""
    line = {"line": str(place.line)} if place.line else {}
    case = _case(f"{found.code} {path}{at}", path, file=visible(findings.path(place)), **line)
    failure = SubElement(case, "failure", {"type": found.code, "message": visible(found.summary)})
    source = findings.lines.get(place)
    excerpt = [excerpt_text(source, place.line, place.column)] if source is not None else []
    failure.text = "\n".join([f"{path}{at}", *excerpt, *(visible(part) for part in (found.detail, found.hint) if part)])
    return case


def _error(findings: Findings) -> Element:
    case = _case(_SUITE, _SUITE)
    failure = findings.other_failure
    if failure:
        message = visible(message_of(failure))
        SubElement(case, "error", {"type": type(failure).__name__, "message": message}).text = message
    return case
