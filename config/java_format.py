"""Java's `String.format` for one argument, as far as meshStack's documents use it.

Conversions: `%s %S` (text, with `-`, width and precision), `%d %x %X` (whole numbers, with `-` or `0` and width), `%%`.
Java refuses what is not listed here (or renders it by locale), so we refuse it when the document is read, not when a
tenant is created.
Source: java.util.Formatter; docs.meshcloud.io "String Templating".
"""

import re
from dataclasses import dataclass

LONGEST_FIELD = 256
"""Characters: no name we render may be longer than a tag value, so a wider field can only be a slip of the finger."""

_LONGEST_NUMBER = 18
"""Digits: the numbers meshStack gives are Java's `long`."""

ALLOWED = "allowed: %s %S %.7s %-7s %7s %7.3s, for numbers also %d %3d %03d %x %X, and %% for a percent sign"

_CONVERSION = re.compile(
    r"%(?P<flags>[-0+ #,(]*)(?P<width>[1-9][0-9]{0,3})?(?:\.(?P<precision>[0-9]{1,4}))?(?P<letter>[a-zA-Z%])?"
)


class PatternError(ValueError):
    """Says in one sentence what is wrong with a pattern or a value given to it. Permanent: a person must change it."""


@dataclass(frozen=True)
class JavaFormat:
    """One format such as `%03d` or `v%.7s`: text before, one conversion, text after."""

    before: str = ""
    letter: str = "s"
    left: bool = False
    zeros: bool = False
    width: int = 0
    precision: int | None = None
    after: str = ""

    @property
    def is_number(self) -> bool:
        """Tell whether the argument must be a whole number."""
        return self.letter in "dxX"

    @classmethod
    def parse(cls, text: str) -> "JavaFormat":
        """Read a format. Raises PatternError naming the format and what is allowed."""
        before, conversion, after = _split(text)
        flags, letter = conversion["flags"] or "", conversion["letter"] or ""
        width, precision = int(conversion["width"] or 0), conversion["precision"]
        if problem := _problem(flags, letter, width, precision):
            raise PatternError(f"format '{text}' {problem}; {ALLOWED}")
        digits = None if precision is None else int(precision)
        if max(width, digits or 0) > LONGEST_FIELD:
            raise PatternError(f"format '{text}' is wider than {LONGEST_FIELD} characters")
        return cls(before, letter, "-" in flags, "0" in flags, width, digits, after)

    def render(self, value: str | int) -> str:
        """Render one value. Raises PatternError when a number format gets something that is not a whole number >= 0."""
        field = self._number(value) if self.is_number else self._text(str(value))
        padded = field.ljust(self.width) if self.left else field.rjust(self.width, "0" if self.zeros else " ")
        return f"{self.before}{padded}{self.after}"

    def _text(self, value: str) -> str:
        cut = value if self.precision is None else value[: self.precision]
        return cut.upper() if self.letter == "S" else cut

    def _number(self, value: str | int) -> str:
        digits = format(value, "x") if isinstance(value, int) else value
        if isinstance(value, bool) or digits.startswith("-") or len(digits) > _LONGEST_NUMBER:
            raise PatternError(f"%{self.letter} needs a whole number from 0, of at most {_LONGEST_NUMBER} digits")
        if isinstance(value, str) and not (value.isascii() and value.isdigit()):
            raise PatternError(f"%{self.letter} needs a whole number, not '{value}'")
        return format(int(value), self.letter)


def _split(text: str) -> tuple[str, re.Match[str], str]:
    """Return the literal text before, the one conversion, and the literal text after (`%%` already read as `%`)."""
    pieces: list[str] = [""]
    found: re.Match[str] | None = None
    position = 0
    while position < len(text):
        if text[position] != "%":
            pieces[-1] += text[position]
            position += 1
            continue
        match = _CONVERSION.match(text, position)
        position = match.end() if match else len(text)
        if match and match.group() == "%%":
            pieces[-1] += "%"
        elif found is not None:
            raise PatternError(f"format '{text}' has two conversions for one value; {ALLOWED}")
        else:
            found = match
            pieces.append("")
    if found is None:
        raise PatternError(f"format '{text}' has no conversion, so the value would be lost; {ALLOWED}")
    return pieces[0], found, pieces[1]


def _problem(flags: str, letter: str, width: int, precision: str | None) -> str | None:
    """Say why Java (or we) would refuse this conversion; None when it is fine."""
    if letter not in {"s", "S", "d", "x", "X"}:
        return f"uses the unknown conversion '%{letter}'" if letter else "ends in the middle of a conversion"
    if letter in "sS" and set(flags) - {"-"}:
        return f"puts the flag '{flags}' on a text"
    if flags not in {"", "-", "0"}:
        return f"uses the flags '{flags}'"
    if flags and not width:
        return f"has the flag '{flags}' but no width"
    if letter in "dxX" and precision is not None:
        return "gives a number a precision"
    return None
