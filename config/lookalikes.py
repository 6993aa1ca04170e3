"""Find two tenants to whom a pattern, or two patterns, would give the same name: searched for, not guessed.

A pattern is read as a small machine that writes one character after the other: its own text, an identifier (letters and
digits, single dashes between them), digits, anything at all for a tag. Two such machines are let write one text, in
step, every way that there is. When both come to their end, that text is a name of two tenants, and is told with the
values that give it. So `#{projectIdentifier}-#{platformGroupAlias}` is fine for the roles admin and user, and is
refused for admin and dev-admin with an example; no list of separators says less or more than the patterns do.

Case does not count, as AWS does not tell it apart in groups, emails and aliases. A pattern with enough of `rand` needs
no search: that is a digest of the tenant. Where a format fills up or cuts, or a value stands twice, more is thought
possible than is: in doubt two tenants look alike.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import ascii_lowercase, digits

from config.java_format import Conversion
from config.patterns import NUMBERS, Pattern, Placeholder

IDENTIFIERS = frozenset({"workspaceIdentifier", "projectIdentifier"})
TELLING = (IDENTIFIERS, *(frozenset({number}) for number in sorted(NUMBERS)))
"""What names a tenant of one platform: each of these sets by itself."""

LONGEST_RANDOM = 100  # characters. Source: docs.meshcloud.io "String Templating"
LETTERS = frozenset(ascii_lowercase + digits)
Characters = frozenset[str] | None  # None: any


@dataclass(frozen=True)
class Rendering:
    """A pattern with the values that are known before any tenant is: the platform's name, an AWS role."""

    pattern: Pattern
    known: Mapping[str, str]

    @property
    def is_digest(self) -> bool:
        """Tell whether the name holds a digest of its tenant."""
        return "rand" in self.pattern.whole

    def of_somebody(self) -> str:
        """Return the name, in lower case, of one tenant that is the same for every pattern."""
        values = dict.fromkeys(self.pattern.placeholders, "000")
        return self.pattern.render({**values, **self.known}).casefold()


@dataclass(frozen=True)
class Lookalike:
    """A name that two tenants would share, and each one's identifiers and numbers; empty where no example is known."""

    text: str
    one: Mapping[str, str] = field(default_factory=dict)
    other: Mapping[str, str] = field(default_factory=dict)


def of_one_pattern(rendering: Rendering) -> Lookalike | None:
    """Return a name that two tenants of a platform could share; None: each has its own."""
    if rendering.is_digest:
        return None
    machine = _Machine.reading(rendering)
    found = [_search(machine, machine, names) for names in TELLING if names <= rendering.pattern.whole]
    return None if None in found else next(iter(found), None)


def of_two_patterns(one: Rendering, other: Rendering) -> Lookalike | None:
    """Return a name that both could give, to two tenants or to the same one; None: they never meet."""
    if one.is_digest and other.is_digest:  # of two tenants they differ
        text, another = one.of_somebody(), other.of_somebody()
        return Lookalike(text) if text == another else None
    return _search(_Machine.reading(one), _Machine.reading(other), frozenset())


@dataclass(frozen=True)
class _Edge:
    """One character that may come next, the place where the machine stands then, and the pattern's part of it."""

    characters: Characters
    to: int
    part: int


@dataclass
class _Machine:
    """What a pattern may write: the edges that leave each place, from place 0 to the end."""

    edges: list[list[_Edge]] = field(default_factory=lambda: [[]])
    end: int = 0
    names: dict[int, str] = field(default_factory=dict)  # part -> the telling value that it shows

    @classmethod
    def reading(cls, rendering: Rendering) -> "_Machine":
        """Read a pattern."""
        machine = cls()
        for number, part in enumerate(rendering.pattern.parts):
            if isinstance(part, str):
                machine.text(part, number)
            elif part.name in rendering.known:
                machine.text(part.format.render(rendering.known[part.name]), number)
            else:
                machine.placeholder(part, number)
        return machine

    def placeholder(self, part: Placeholder, number: int) -> None:
        """Write what a format makes of a value that is not known."""
        if part.is_whole and part.name in IDENTIFIERS | NUMBERS:
            self.names[number] = part.name
        for each in part.format.parts:
            if isinstance(each, str):
                self.text(each, number)
            elif each.letter == "%":
                self.text(each.render(""), number)
            else:
                self.value(part, each, number)

    def value(self, part: Placeholder, conversion: Conversion, number: int) -> None:
        """Write the value, or what one conversion leaves of it."""
        plain = conversion.letter in "sS" and not conversion.width
        if part.name == "rand" and plain:
            for _ in range(min(conversion.precision or LONGEST_RANDOM, LONGEST_RANDOM)):
                self.go(LETTERS, number)
        elif part.name in NUMBERS:
            self.several(frozenset(digits) if _only_digits(conversion) else LETTERS | {" ", "+"}, number)
        elif part.name not in IDENTIFIERS:
            self.several(None, number)
        elif plain and part.is_whole:
            self.identifier(number)
        else:
            self.several(LETTERS | {"-", " "}, number)

    def text(self, text: str, part: int) -> None:
        """Write a text as it is."""
        for character in text.casefold():
            self.go(frozenset(character), part)

    def identifier(self, part: int) -> None:
        """Write letters and digits, with single dashes between them."""
        self.several(LETTERS, part)
        dash = len(self.edges)
        self.edges.append([_Edge(LETTERS, self.end, part)])
        self.edges[self.end].append(_Edge(frozenset("-"), dash, part))

    def several(self, characters: Characters, part: int) -> None:
        """Write one of these characters or more."""
        self.go(characters, part)
        self.edges[self.end].append(_Edge(characters, self.end, part))

    def go(self, characters: Characters, part: int) -> None:
        """Write one of these characters, which leads to a new end."""
        self.edges.append([])
        self.edges[self.end].append(_Edge(characters, len(self.edges) - 1, part))
        self.end = len(self.edges) - 1


_Place = tuple[int, int, bool]  # where both machines stand, and whether the text belongs to two tenants by now
_Step = tuple[_Place, str, int, int]  # from where, by which character, and its part in either pattern


def _search(one: _Machine, other: _Machine, telling: frozenset[str]) -> Lookalike | None:
    """Let both write one text, the shortest first.

    telling  the text counts when a character of it belongs to one of these values in one reading, and not in the other;
             none: every text that both write counts
    """
    start: _Place = (0, 0, not telling)
    came: dict[_Place, _Step | None] = {start: None}
    open_places = deque([start])
    while open_places:
        place = open_places.popleft()
        if place == (one.end, other.end, True):
            return _told(one, other, came, place)
        for edge in one.edges[place[0]]:
            for another in other.edges[place[1]]:
                character = _common(edge.characters, another.characters)
                parted = edge.part != another.part and bool(
                    telling & {one.names.get(edge.part), other.names.get(another.part)}
                )
                following = (edge.to, another.to, place[2] or parted)
                if character is not None and following not in came:
                    came[following] = (place, character, edge.part, another.part)
                    open_places.append(following)
    return None


def _only_digits(conversion: Conversion) -> bool:
    zeros = set(conversion.flags) == {"0"}
    return conversion.letter in "sSdo" and (zeros or not (conversion.flags or conversion.width))


def _common(one: Characters, other: Characters) -> str | None:
    """Choose a character that both allow, a letter if there is one."""
    if one is None and other is None:
        return "a"
    shared = one if other is None else other if one is None else one & other
    return min(shared or (), key=lambda each: (not each.isalpha(), each), default=None)


def _told(one: _Machine, other: _Machine, came: Mapping[_Place, _Step | None], place: _Place) -> Lookalike:
    """Read the text and the values back from the way that led to a place."""
    steps = []
    step = came[place]
    while step is not None:
        steps.append(step)
        step = came[step[0]]
    way = [(character, part, another) for _, character, part, another in reversed(steps)]
    text = "".join(character for character, _, _ in way)
    return Lookalike(
        text,
        _values(one, [(character, part) for character, part, _ in way]),
        _values(other, [(character, another) for character, _, another in way]),
    )


def _values(machine: _Machine, way: list[tuple[str, int]]) -> dict[str, str]:
    """Return the telling values of a text; none when one stands twice and differs, so that this text is no example."""
    parts = {part: "".join(character for character, at in way if at == part) for part in machine.names}
    values = {name: parts[part] for part, name in machine.names.items()}
    consistent = all(values[name] == parts[part] for part, name in machine.names.items())
    return values if consistent else {}
