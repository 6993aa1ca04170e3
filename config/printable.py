"""The texts of others, fit for a terminal or a log. It imports nothing: who only says a sentence starts at once."""


def printable(text: str) -> str:
    r"""Escape what a terminal would act on or nobody would see: a name in a message may be anybody's text.

    >>> print(printable("a" + chr(27) + "[31mb"))
    a\x1b[31mb
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
