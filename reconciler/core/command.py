"""Commands that a message tells a person to give next, as a shell reads them."""


def command(words: str, environment: str | None, rest: str = "") -> str:
    """Return `reconciler WORDS -e ENVIRONMENT REST`; without an environment what has chosen it chooses again."""
    named = f" -e {quoted(environment)}" if environment else ""
    return f"reconciler {words}{named}{f' {rest}' if rest else ''}"


def quoted(word: str) -> str:
    """Return *word* as a shell reads it."""
    if word.isascii() and word.replace("-", "").isalnum() and word[0] != "-":
        return word
    from shlex import quote  # noqa: PLC0415  (few words need it)

    return quote(word)
