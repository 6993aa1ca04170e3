"""Exact numbers in a database: amounts and quantities never become binary fractions.

SQLite has no decimals, and would add up texts as floats. So a number stands in two columns of whole numbers: its units,
and its tail in parts of 10**-10, both with its sign. AWS writes at most ten decimals. The database adds the columns up
one by one, which is exact, and the same in SQLite and PostgreSQL: 900 million rows, and sums of 9 * 10**18 units.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

DECIMALS = 10
TAIL = 10**DECIMALS
PRICE_DECIMALS = 12
CENT = Decimal("0.01")
LARGEST = Decimal(10) ** 18
_EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)  # more digits than any sum has: nothing is rounded but on purpose
_SMALLEST = Decimal(1).scaleb(-DECIMALS)


def rounded(number: Decimal, step: Decimal = _SMALLEST) -> Decimal:
    """Round half to even, by default to ten decimals.

    >>> rounded(Decimal("0.125"), CENT), rounded(Decimal("1E-11"))
    (Decimal('0.12'), Decimal('0E-10'))
    """
    return number.quantize(step, context=_EXACT)


def split(number: Decimal) -> tuple[int, int]:
    """Return the units and the tail of a number; InvalidOperation for one that has none, or too many digits.

    >>> split(Decimal("-12.5")), split(Decimal("3E-10"))
    ((-12, -5000000000), (0, 3))
    """
    if not abs(number) < LARGEST:  # nor infinity, nor what is no number
        raise InvalidOperation
    whole = int(rounded(number).scaleb(DECIMALS, _EXACT))
    sign = -1 if whole < 0 else 1
    units, tail = divmod(abs(whole), TAIL)
    return sign * units, sign * tail


def join(units: int, tail: int) -> Decimal:
    """Return the number of two columns, or of their sums.

    >>> join(-12, -5000000000), join(1, 25000000000)
    (Decimal('-12.5000000000'), Decimal('3.5000000000'))
    """
    return Decimal(int(units) * TAIL + int(tail)).scaleb(-DECIMALS, _EXACT)


def product(left: Decimal, right: Decimal) -> Decimal:
    """Multiply, and round to ten decimals."""
    return rounded(_EXACT.multiply(left, right))


def quotient(left: Decimal, right: Decimal) -> Decimal:
    """Divide, and round to ten decimals."""
    return rounded(_EXACT.divide(left, right))


def price(cost: Decimal, quantity: Decimal) -> Decimal | None:
    """Return what one unit costs, if quantity times price is the cost without rounding.

    >>> price(Decimal("3.30"), Decimal(3)), price(Decimal(1), Decimal(3)), price(Decimal(1), Decimal(0))
    (Decimal('1.10'), None, None)
    """
    if not quantity:
        return None
    each = _EXACT.divide(cost, quantity)
    places = -min(int(each.as_tuple().exponent), 0)
    return each if places <= PRICE_DECIMALS and _EXACT.multiply(each, quantity) == cost else None


def share(number: Decimal, part: int, whole: int, step: Decimal = _SMALLEST) -> Decimal:
    """Return so many parts of a number, rounded once.

    >>> share(Decimal(21), 10, 21), share(Decimal("10"), 1, 31, CENT)
    (Decimal('10.0000000000'), Decimal('0.32'))
    """
    return rounded(_EXACT.divide(_EXACT.multiply(number, Decimal(part)), Decimal(whole)), step)


def total(*numbers: Decimal) -> Decimal:
    """Add up without rounding."""
    found = Decimal(0)
    for number in numbers:
        found = _EXACT.add(found, number)
    return found


def text_of(number: Decimal) -> str:
    """Write a number without an exponent, with two decimals at least and none of no meaning.

    >>> text_of(Decimal("12.5000000000")), text_of(Decimal("-0.0000000001")), text_of(Decimal("-0E-10"))
    ('12.50', '-0.0000000001', '0.00')
    """
    if not number:
        return "0.00"
    whole, _, tail = f"{rounded(number):f}".partition(".")
    return f"{whole}.{tail.rstrip('0').ljust(2, '0')}"
