"""Reports as a Parquet file: one row for each line of a report, amounts as decimals, days as dates.

pyarrow writes it, which is installed with the extra `parquet` only. The columns are those of the CSV file. A row group
has some thousand rows, so that a month of any size needs little memory.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from decimal import Decimal
from types import ModuleType
from typing import Any

from tasks.metering.batches import batches
from tasks.metering.documents import UsageReport
from tasks.metering.errors import NoParquet
from tasks.metering.exact import DECIMALS
from tasks.metering.export import AMOUNTS, COLUMNS, rows

AT_ONCE = 20_000  # rows of a group
DIGITS = 38  # that a decimal of Parquet has at most


def as_parquet(found: Iterable[UsageReport]) -> Iterator[bytes]:
    """Return the parts of a Parquet file. Raises NoParquet at once where pyarrow is not installed."""
    try:
        import pyarrow  # noqa: PLC0415 (as large as all the rest together: who wants no Parquet need not have it)
        import pyarrow.parquet  # noqa: PLC0415 (as above)
    except ImportError as error:
        raise NoParquet(
            "Parquet files need pyarrow, which is not installed where the API runs: "
            "pip install 'meshstack-aws-connector[parquet]' there, or ask for CSV or JSON."
        ) from error
    return _parts(pyarrow, found)


class _Parts(io.RawIOBase):
    """A file whose bytes are taken out as they are written."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._written)
        self._written.clear()
        return taken


def _parts(pyarrow: ModuleType, found: Iterable[UsageReport]) -> Iterator[bytes]:
    schema, file = _schema(pyarrow), _Parts()
    with pyarrow.parquet.ParquetWriter(file, schema, compression="zstd") as writer:
        for batch in batches(rows(found), AT_ONCE):
            columns = (map(_exact, column) if name in AMOUNTS else column for name, column in _columns(batch))
            arrays = [pyarrow.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)]
            writer.write_batch(pyarrow.record_batch(arrays, schema=schema))
            yield file.take()
    yield file.take()


def _columns(batch: list[tuple[Any, ...]]) -> Iterable[tuple[str, tuple[Any, ...]]]:
    return zip(COLUMNS, zip(*batch, strict=True), strict=True)


def _exact(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _schema(pyarrow: ModuleType) -> Any:
    """Return the type of every column."""
    amount = pyarrow.decimal128(DIGITS, DECIMALS)
    own = {"firstDay": pyarrow.date32(), "lastDay": pyarrow.date32(), "version": pyarrow.int32()}
    own |= dict.fromkeys(AMOUNTS, amount)
    return pyarrow.schema([(name, own.get(name, pyarrow.string())) for name in COLUMNS])
