"""Where a secret of the project file is read from: ``{env: NAME}``, ``{file: PATH}`` or ``{command: [PROGRAM]}``."""

from reconciler.core.environment import FromCommand, FromFile, FromVariable, SecretSource
from reconciler.formats.fields import check_keys, mapping_of
from reconciler.formats.settings import report_missing, required_text, texts
from reconciler.formats.yaml_reader import Mapping, Reading, Sequence, Unreadable

_SECRET = ("env", "file", "command")
_HINT = "Write {name}: {{env: NAME}}, {{file: PATH}} or {{command: [PROGRAM, ARGUMENT]}}."


def credentials_of(api: Mapping, reading: Reading) -> tuple[SecretSource, SecretSource] | None:
    """Return where client id and client secret are read from."""
    node = api.values.get("credentials")
    if node is None:
        hint = "Write credentials: with client_id and client_secret, each saying where it is read from."
        report_missing(api, "credentials", reading, hint=hint)
        return None
    credentials = mapping_of(node, reading, "credentials")
    if credentials is None:
        return None
    check_keys(credentials, ("client_id", "client_secret"), reading, "credentials")
    client_id = secret_source(credentials, "client_id", reading)
    client_secret = secret_source(credentials, "client_secret", reading)
    return (client_id, client_secret) if client_id and client_secret else None


def secret_source(mapping: Mapping, name: str, reading: Reading) -> SecretSource | None:
    node, hint = mapping.values.get(name), _HINT.format(name=name)
    if node is None:
        report_missing(mapping, name, reading, hint=hint)
        return None
    if type(node) is Unreadable:
        return None
    at = (node.line, node.column)
    if type(node) is not Mapping:
        why = "A secret never stands in a project file."
        reading.report("secret-in-file", f"{name} must say where it is read from", at, detail=why, hint=hint)
        return None
    check_keys(node, _SECRET, reading, name)
    known = [key for key in node.keys if key in _SECRET]
    if len(known) != 1:
        reading.report("one-source", f"{name} must say one of env, file and command", at, hint=hint)
        return None
    return _source(node, known[0], reading)


def _source(node: Mapping, kind: str, reading: Reading) -> SecretSource | None:
    if kind == "command":
        value = node.values.get(kind)
        if type(value) is Sequence and not value.items:
            reading.report("no-command", "command is empty", node.keys[kind], hint="Write [PROGRAM, ARGUMENT].")
        return FromCommand(tuple(texts(node, kind, reading)))
    text = required_text(node, kind, reading, hint=_HINT.format(name=kind))
    if text is None:
        return None
    return FromVariable(text) if kind == "env" else FromFile(text)
