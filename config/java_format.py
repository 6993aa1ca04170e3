"""Java's `String.format` for one argument, as meshStack's documents use it.

====================  ======================================================================================
`%s %S`               text; flag `-`, width, precision (`%.7s` cuts)
`%h %H`               the value's Java hash code in hexadecimal; flag `-`, width, precision
`%d`                  whole number; flags `-`, `0`, `+`, space, `(`; width
`%o %x %X`            whole number, octal or hexadecimal; flags `-`, `0`, `#`; width
`%%`                  a percent sign; flag `-`, width
`%1$s`, `%<s`         the one value by its index, or the one of the conversion before: so it can be written twice
====================  ======================================================================================

What Java refuses is refused here when the document is read, not when a tenant is created. So is what would lose the
value (`%b`), break the line (`%n`), or look different from server to server (`%,d`, dates).
Source: java.util.Formatter; docs.meshcloud.io "String Templating".
"""

import re
from dataclasses import dataclass, field
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from config.text_field import text_schema

LONGEST_FIELD = 256
"""Characters: no name we render may be longer than a tag value, so a wider field can only be a slip of the finger."""

_LONGEST_NUMBER = 18
"""Digits: the numbers meshStack gives are Java's `long`."""

ALLOWED = "allowed: %s %S %.7s %-7s %7s %7.3s %h, for numbers also %d %3d %03d %+d %o %x %X, and %% for a percent sign"

_CONVERSION = re.compile(
    r"%(?:(?P<index>[0-9]{1,9})\$)?(?P<flags>[-0+ #,(<]*)(?P<width>[1-9][0-9]{0,8})?(?:\.(?P<precision>[0-9]{1,9}))?"
    r"(?P<letter>[a-zA-Z%])?"
)
_FLAGS = {"s": "-", "S": "-", "h": "-", "H": "-", "d": "-0+ (", "o": "-0#", "x": "-0#", "X": "-0#", "%": "-"}
_UNSUITABLE = {
    "b": "would write 'true' instead of the value",
    "B": "would write 'TRUE' instead of the value",
    "n": "would break the line, which no name may",
    "c": "takes a single character, and no value is one",
    "C": "takes a single character, and no value is one",
    "t": "takes a date, and no value is one",
    "T": "takes a date, and no value is one",
}


class PatternError(ValueError):
    """Says in one sentence what is wrong with a pattern or a value given to it. Permanent: a person must change it."""


@dataclass(frozen=True)
class Conversion:
    """One conversion such as `%03d`; `flags` are Java's, each at most once."""

    letter: str = "s"
    flags: str = ""
    width: int = 0
    precision: int | None = None

    @property
    def is_number(self) -> bool:
        """Tell whether the argument must be a whole number."""
        return self.letter in "doxX"

    def render(self, value: str | int) -> str:
        """Render one value. Raises PatternError when a number format gets something that is not a whole number >= 0."""
        sign, digits = self._number(value) if self.is_number else ("", self._text(value))
        if "0" in self.flags:
            return sign + digits.rjust(self.width - len(sign), "0")
        field = sign + digits
        return field.ljust(self.width) if "-" in self.flags else field.rjust(self.width)

    def _text(self, value: str | int) -> str:
        if self.letter == "%":
            return "%"
        text = format(_hash_code(value), "x") if self.letter in "hH" else str(value)
        cut = text if self.precision is None else text[: self.precision]
        return cut.upper() if self.letter.isupper() else cut

    def _number(self, value: str | int) -> tuple[str, str]:
        """Return what stands before padding zeros, and the digits."""
        digits = format(value, "x") if isinstance(value, int) else value
        if isinstance(value, bool) or digits.startswith("-") or len(digits) > _LONGEST_NUMBER:
            raise PatternError(f"%{self.letter} needs a whole number from 0, of at most {_LONGEST_NUMBER} digits")
        if isinstance(value, str) and not (value.isascii() and value.isdigit()):
            raise PatternError(f"%{self.letter} needs a whole number, not '{value}'")
        sign = "+" if "+" in self.flags else " " if " " in self.flags else ""
        if "#" in self.flags:
            sign = "0" if self.letter == "o" else f"0{self.letter}"
        return sign, format(int(value), self.letter)


@dataclass(frozen=True)
class JavaFormat:
    """One format such as `%03d` or `v%.7s`: texts and conversions, each of the one value."""

    text: str = "%s"
    parts: tuple[str | Conversion, ...] = field(default=(Conversion(),), repr=False)

    @classmethod
    def parse(cls, text: str, position: int = 1) -> "JavaFormat":
        """Read a format that begins at the character `position` of a pattern.

        Raises PatternError naming the format, the character and what is allowed.
        """
        return cls(text, tuple(_Parser(text, position).parts()))

    @property
    def is_number(self) -> bool:
        """Tell whether the value must be a whole number."""
        return any(conversion.is_number for conversion in self.conversions)

    @property
    def conversions(self) -> tuple[Conversion, ...]:
        """List what writes the value."""
        return tuple(part for part in self.parts if isinstance(part, Conversion) and part.letter != "%")

    @property
    def longest_cut(self) -> int | None:
        """Tell of how many characters of the value at least one conversion keeps; None: of all."""
        kept = [0 if each.letter in "hH" else each.precision for each in self.conversions]
        lengths = [length for length in kept if length is not None]
        return None if len(lengths) < len(kept) else max(lengths)

    def render(self, value: str | int) -> str:
        """Render one value. Raises PatternError when a number format gets something that is not a whole number >= 0."""
        return "".join(part if isinstance(part, str) else part.render(value) for part in self.parts)

    def __str__(self) -> str:
        return self.text

    @classmethod
    def __get_pydantic_core_schema__(cls, source: type[Any], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Read from a text; keep an instance; write as the text."""
        return text_schema(cls, cls.parse)


@dataclass
class _Parser:
    """Reads one format. `ordinary` and `before` count what decides which argument a conversion takes, as in Java."""

    text: str
    position: int
    ordinary: int = 0
    before: bool = False

    def parts(self) -> list[str | Conversion]:
        """Return the texts and conversions in their order."""
        found: list[str | Conversion] = []
        at = 0
        while at < len(self.text):
            percent = self.text.find("%", at)
            if percent < 0:
                percent = len(self.text)
            if percent > at:
                found.append(self.text[at:percent])
            match = _CONVERSION.match(self.text, percent)
            if match is not None:
                found.append(self._conversion(match))
            at = match.end() if match is not None else percent
        if not self.before:
            raise self._wrong(0, "has no conversion, so the value would be lost")
        return found

    def _conversion(self, match: re.Match[str]) -> Conversion:
        flags, letter = match["flags"].replace("<", ""), match["letter"] or ""
        width, precision = int(match["width"] or 0), None if match["precision"] is None else int(match["precision"])
        problem = _problem(letter, flags, width, precision)
        if problem is None and letter != "%":
            problem = self._argument_problem(match["index"], previous="<" in match["flags"])
        if problem is not None:
            raise self._wrong(match.start(), problem)
        return Conversion(letter, flags, width, precision)

    def _argument_problem(self, index: str | None, *, previous: bool) -> str | None:
        """Say why the conversion has no argument; there is one value only."""
        if index is not None and int(index) != 1:
            return f"names the value {index}; there is only one"
        if previous and not self.before:
            return "names the conversion before it with '<', and there is none"
        if index is None and not previous:
            self.ordinary += 1
        self.before = True
        return "has two conversions for one value; write the second one as %1$…" if self.ordinary > 1 else None

    def _wrong(self, at: int, problem: str) -> PatternError:
        return PatternError(f"character {self.position + at}: format '{self.text}' {problem}; {ALLOWED}")


def _problem(letter: str, flags: str, width: int, precision: int | None) -> str | None:
    """Say why Java (or we) would refuse this conversion; None when it is fine."""
    if letter not in _FLAGS:
        return _wrong_letter(letter)
    if precision is not None and letter in "doxX%":
        return f"gives a {'percent sign' if letter == '%' else 'number'} a precision"
    if max(width, precision or 0) > LONGEST_FIELD:
        return f"is wider than {LONGEST_FIELD} characters"
    return _wrong_flags(letter, flags, width)


def _wrong_letter(letter: str) -> str:
    if not letter:
        return "ends in the middle of a conversion"
    reason = _UNSUITABLE.get(letter)
    return f"uses '%{letter}', which {reason}" if reason else f"uses the unknown conversion '%{letter}'"


def _wrong_flags(letter: str, flags: str, width: int) -> str | None:
    given = set(flags)
    if wrong := given - set(_FLAGS[letter]):
        return f"puts the flag '{''.join(sorted(wrong))}' on a {'number' if letter in 'doxX' else 'text'}"
    if len(given) < len(flags) or {"-", "0"} <= given or {"+", " "} <= given:
        return f"uses the flags '{flags}', which exclude each other"
    if given & {"-", "0"} and not width:
        return f"has the flag '{flags}' but no width"
    return None


def _hash_code(value: str | int) -> int:
    """Return Java's hashCode of a String or a Long, as 32 bits without sign."""
    if isinstance(value, int):
        return (value ^ (value >> 32)) & 0xFFFFFFFF
    code = 0
    units = value.encode("utf-16-be", "surrogatepass")
    for high, low in zip(units[::2], units[1::2], strict=True):
        code = (31 * code + (high << 8 | low)) & 0xFFFFFFFF
    return code
