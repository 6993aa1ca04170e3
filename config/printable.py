"""Texts of others, fit for a terminal or a log, and numbers of things.

It imports nothing of ours: who only says a sentence starts at once.
"""

import re

_ARN = re.compile(r"arn:[\w-]*:(?:[^\s/]*/|lambda:[^\s/]*function:)(?:ssoins-\w+/(?=ps-))?([\w.@=-]+)(?::[\w-]+)?")


def printable(text: str) -> str:
    r"""Escape what a terminal would act on or nobody would see: a name in a message may be anybody's text.

    >>> print(printable("a" + chr(27) + "[31mb"))
    a\x1b[31mb
    """
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)


def counted(number: int, thing: str, things: str = "") -> str:
    """Count things, whose plural has an s unless it is given.

    >>> counted(1, "tenant"), counted(2, "tenant"), counted(0, "person", "people")
    ('1 tenant', '2 tenants', '0 people')
    """
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def people(number: int) -> str:
    """Count people.

    >>> people(1)
    '1 person'
    """
    return counted(number, "person", "people")


def short(text: str) -> str:
    """Write what AWS calls by an ARN by its name only.

    >>> short("StackSet operation in arn:aws:cloudformation:eu-central-1:333333333333:stackset/meshstack-baseline:6e7f")
    'StackSet operation in meshstack-baseline'
    >>> short("account assignments in arn:aws:sso:::instance/ssoins-1 (2 ahead)")
    'account assignments in ssoins-1 (2 ahead)'
    >>> short("arn:aws:sso:::permissionSet/ssoins-1/ps-2"), short("arn:aws:lambda:eu-west-1:1:function:vend:live")
    ('ps-2', 'vend')
    """
    return _ARN.sub(r"\1", text)
