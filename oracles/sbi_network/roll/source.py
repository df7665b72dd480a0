"""The civil registers' files: how they are cut into chunks, and what a chunk holds.

A file is CSV (ASCII, the header `account,region,person`, LF or CRLF throughout, a UTF-8 byte-order mark at its
beginning allowed), or Parquet (`.parquet`, `.pq`) with columns of these names: text, an integer, and text or 32 bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from sbi_network.roll.errors import InputError
from sbi_network.roll.faults import REPORT_SUFFIX, FaultKind, is_parquet
from sbi_network.roll.parsing import HEADER, LONGEST_LINE, Parsed, faults_of, parse_columns, parse_lines
from sbi_network.roll.rows import CITIZEN_WIDTH, MAX_FILES, PLACE_BITS, put_numbers
from sbi_network.roll.sorting import Rows

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

_BOM: Final = b"\xef\xbb\xbf"
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")
_USUAL_LINE_BYTES: Final = 114
_DIGEST_BYTES: Final = 16
_READ_BYTES: Final = 1 << 24
_BATCH_ROWS: Final = 1 << 16
_COLUMNS: Final = ("account", "region", "person")


@dataclass(frozen=True, slots=True)
class Chunk:
    """What one task reads: bytes `begin` to `end` of an input file, about so many `rows`.

    Of a Parquet file it is one row group.
    """

    file: int
    begin: int
    end: int
    rows: int
    has_crlf: bool = False
    row_group: int | None = None
    first_row: int = 0

    def to_json(self) -> dict[str, Any]:
        """As the plan of a build keeps it."""
        return asdict(self)


def find_inputs(given: Sequence[Path]) -> list[Path]:
    """The files given, and of folders all CSV and Parquet files in them, by name. Raises InputError."""
    files = []
    for path in given:
        if path.is_dir():
            inside = sorted(each for each in path.iterdir() if _is_input(each))
            if not inside:
                raise InputError(f"{path}: no .csv or .parquet file in this folder")
            files += inside
        elif path.is_file():
            files.append(path)
        else:
            raise InputError(f"{path}: no such file or folder")
    resolved = [path.resolve() for path in files]
    for number, path in enumerate(resolved):
        if path in resolved[:number]:
            raise InputError(f"{path}: given twice")
    if len(files) > MAX_FILES:
        raise InputError(f"{len(files)} input files, expected at most {MAX_FILES}: join some")
    return resolved


def _is_input(path: Path) -> bool:
    return path.suffix.lower() in {".csv", ".parquet", ".pq"} and not path.name.endswith(REPORT_SUFFIX)


def plan_chunks(files: Sequence[Path], rows: int) -> list[Chunk]:
    """Chunks of about so many rows. Raises InputError for a file that is not what it should be."""
    plan = []
    for number, path in enumerate(files):
        try:
            plan += list(_parquet_chunks(number, path) if is_parquet(path) else _csv_chunks(number, path, rows))
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    return plan


def read_chunk(path: Path, chunk: Chunk, rows: int) -> Iterator[Parsed]:
    """The citizens of a chunk, in portions of at most about so many. Raises InputError if the file cannot be read."""
    try:
        yield from _read_parquet(path, chunk, rows) if is_parquet(path) else _read_csv(path, chunk)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None


def digest_of(path: Path, chunk: Chunk) -> str:
    """A digest of a chunk's bytes, by which a change is seen. BLAKE2b, 16 bytes, as hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    with path.open("rb", buffering=0) as file:
        position = chunk.begin
        while position < chunk.end:
            portion = os.pread(file.fileno(), min(_READ_BYTES, chunk.end - position), position)
            if not portion:
                break
            digest.update(portion)
            position += len(portion)
    return digest.hexdigest()


def _csv_chunks(number: int, path: Path, rows: int) -> Iterator[Chunk]:
    with path.open("rb") as file:
        head = file.read(256)
    if head.startswith(_UTF16) or b"\0" in head:
        raise InputError(f"{path}: is UTF-16 or binary, expected ASCII text: export it as UTF-8")
    start = len(_BOM) if head.startswith(_BOM) else 0
    header = head[start:].split(b"\n", 1)[0]
    has_crlf = header.endswith(b"\r")
    if header.removesuffix(b"\r") != HEADER:
        raise InputError(f"{path}: line 1 is not the header {HEADER.decode()}")
    position = start + len(header) + 1
    size = path.stat().st_size
    if size >= 1 << PLACE_BITS:
        raise InputError(f"{path}: {size} bytes, expected less than 2**{PLACE_BITS}")
    while position < size:
        end = min(position + rows * _USUAL_LINE_BYTES, size)
        yield Chunk(number, position, end, -(-(end - position) // _USUAL_LINE_BYTES), has_crlf)
        position = end


def _read_csv(path: Path, chunk: Chunk) -> Iterator[Parsed]:
    """The lines that begin in the chunk. The byte before it and the rest of its last line are read along."""
    begin = chunk.begin - 1
    with path.open("rb", buffering=0) as file:
        text = _read_range(file.fileno(), begin, chunk.end + LONGEST_LINE)
    size = chunk.end - begin
    first, last = _end_of_line(text, 0), _end_of_line(text, size - 1)
    if last > len(text):
        if begin + len(text) >= chunk.end + LONGEST_LINE:
            raise InputError(f"{path}: a line of more than {LONGEST_LINE} bytes after byte {chunk.end}")
        last = len(text)
    source = (chunk.file << PLACE_BITS) + begin
    yield parse_lines(text[:last], first, max(first, size), source, has_crlf=chunk.has_crlf)


def _end_of_line(text: npt.NDArray[np.uint8], begin: int) -> int:
    """Where the line after that of byte `begin` begins; beyond the text if there is no end of line."""
    step = 1 << 12
    for start in range(begin, len(text), step):
        found = np.flatnonzero(text[start : start + step] == 0x0A)
        if len(found):
            return start + int(found[0]) + 1
    return len(text) + 1


def _read_range(file: int, begin: int, end: int) -> npt.NDArray[np.uint8]:
    text = np.empty(min(end, os.fstat(file).st_size) - begin, np.uint8)
    view, position = text.data, begin
    while view:
        read = os.preadv(file, [view], position)
        if read == 0:
            raise OSError("the file was cut short while it was read")
        view, position = view[read:], position + read
    return text


def _parquet_chunks(number: int, path: Path) -> Iterator[Chunk]:
    import pyarrow as pa

    try:
        with _opened(path) as file:
            _check_columns(path, file.schema_arrow)
            places, first_row = _places_of_columns(path, file.schema), 0
            for group in range(file.metadata.num_row_groups):
                rows = file.metadata.row_group(group).num_rows
                if rows == 0:
                    continue
                # What is said of a damaged column is an error when that is read; but Arrow 21 ends the process where it
                # is looked at only, as below.
                if next(file.iter_batches(1, [group], list(_COLUMNS), use_threads=False), None) is None:
                    raise _not_whole(path, f"row group {group} lacks its {rows} rows")
                yield Chunk(
                    number, *_extent(file.metadata.row_group(group), places), rows, row_group=group, first_row=first_row
                )
                first_row += rows
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise _not_whole(path, error) from None
    except OSError as error:
        if error.errno is not None:  # the system's, not Arrow's
            raise
        raise _not_whole(path, error) from None


def _not_whole(path: Path, why: object) -> InputError:
    return InputError(f"{path}: is not a whole Parquet file: {why}")


def _opened(path: Path) -> pq.ParquetFile:
    """Mapped, so that a row group of any size is read in small portions, and a page that says it were larger than the
    file takes no memory."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(path, pre_buffer=False, memory_map=True)


def _places_of_columns(path: Path, schema: pq.ParquetSchema) -> list[int]:
    """Where each of our columns is among those that are stored."""
    stored = [schema.column(each).path for each in range(len(schema))]
    if missing := set(_COLUMNS) - set(stored):
        raise _not_whole(path, f"columns {', '.join(sorted(missing))} are not stored")
    return [stored.index(name) for name in _COLUMNS]


def _extent(group: pq.RowGroupMetaData, places: Sequence[int]) -> tuple[int, int]:
    """From where to where the columns of a row group lie in the file."""
    columns = [group.column(place) for place in places]
    begins = [column.dictionary_page_offset or column.data_page_offset for column in columns]
    ends = [begin + column.total_compressed_size for begin, column in zip(begins, columns, strict=True)]
    return min(begins), max(ends)


def _check_columns(path: Path, schema: pa.Schema) -> None:
    import pyarrow as pa

    for name in _COLUMNS:
        if schema.names.count(name) != 1:
            raise InputError(f"{path}: columns {', '.join(schema.names)}, expected one called {name}")
    account, region, person = (schema.field(name).type for name in _COLUMNS)
    if not (pa.types.is_string(account) or pa.types.is_large_string(account)):
        raise InputError(f"{path}: column account is {account}, expected text")
    if not pa.types.is_integer(region):
        raise InputError(f"{path}: column region is {region}, expected an integer")
    if not (pa.types.is_string(person) or pa.types.is_large_string(person) or person == pa.binary(32)):
        raise InputError(f"{path}: column person is {person}, expected text or 32 bytes")


def _read_parquet(path: Path, chunk: Chunk, rows: int) -> Iterator[Parsed]:
    import pyarrow as pa

    first_row = (chunk.file << PLACE_BITS) + chunk.first_row
    size = min(rows, _BATCH_ROWS)
    try:
        with _opened(path) as file:
            for batch in file.iter_batches(size, [chunk.row_group], list(_COLUMNS), use_threads=False):
                yield _parse_record_batch(batch, first_row)
                first_row += batch.num_rows
    except (pa.ArrowException, OSError) as error:  # a page that does not decompress is an OSError
        raise _not_whole(path, error) from None


def _parse_record_batch(batch: pa.RecordBatch, first_row: int) -> Parsed:
    accounts, fits_account = _text_column(batch.column("account"), 42)
    persons, fits_person = _text_column(batch.column("person"), 66)
    regions, fits_region = _region_column(batch.column("region"))
    whole = np.ones(batch.num_rows, np.bool_)
    for name in _COLUMNS:
        whole &= np.asarray(batch.column(name).is_valid())
    kinds = np.select(
        [~whole, ~fits_account, ~fits_region, ~fits_person],
        [int(FaultKind.NO_VALUE), int(FaultKind.ACCOUNT), int(FaultKind.REGION), int(FaultKind.PERSON)],
        0,
    ).astype(np.uint8)
    good = kinds == 0
    rows = np.zeros((batch.num_rows, CITIZEN_WIDTH), np.uint8)
    sources = np.arange(first_row, first_row + batch.num_rows)
    put_numbers(rows, 52, 4, regions)
    put_numbers(rows, 56, 8, sources)
    parsed = parse_columns(accounts[good], persons[good], rows[good])
    faults = faults_of(kinds[~good], sources[~good])
    return Parsed(parsed.rows, parsed.faulty + int((~good).sum()), faults + parsed.faults)


def _text_column(column: pa.Array, size: int) -> tuple[Rows, npt.NDArray[np.bool_]]:
    """Text of `size` bytes a row, zeros where a value is of another size; and whether it is of this one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.type == pa.binary(32):
        column = _hex_of_words(column)
    fits = np.asarray(pc.fill_null(pc.equal(pc.binary_length(column), size), fill_value=False))
    text = np.zeros((len(column), size), np.uint8)
    kept = column.filter(pa.array(fits)).cast(pa.large_string() if pa.types.is_unicode(column.type) else column.type)
    offsets = np.frombuffer(kept.buffers()[1], np.int64)[kept.offset : kept.offset + len(kept) + 1]
    if len(kept):
        data = np.frombuffer(kept.buffers()[2], np.uint8)
        text[fits] = data[offsets[0] : offsets[-1]].reshape(-1, size)
    return text, fits


def _hex_of_words(column: pa.Array) -> pa.Array:
    """32 bytes as the text that stands for them, so that there is one way to read a person."""
    import pyarrow as pa

    return pa.array([None if word is None else "0x" + word.hex() for word in column.to_pylist()], pa.large_string())


def _region_column(column: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    import pyarrow.compute as pc

    fits = np.asarray(pc.fill_null(pc.and_(pc.greater_equal(column, 0), pc.less_equal(column, 2**32 - 1)), False))
    regions = np.zeros(len(column), np.int64)
    regions[fits] = np.asarray(column.filter(fits)).astype(np.int64)
    return regions, fits
