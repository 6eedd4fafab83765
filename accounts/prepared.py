"""Statements whose SQL Django writes once in each thread, not on every call.

Writing it costs many times what carrying it out does. What differs from call to call
stands in the query as a `Given`, and only these values are bound anew.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeAlias, TypeVar, cast

from django.db import DEFAULT_DB_ALIAS, connections, models
from django.db.models.sql import DeleteQuery, Query, UpdateQuery
from django.db.models.sql.compiler import SQLCompiler
from django.db.models.sql.constants import ROW_COUNT

Row = TypeVar("Row")

Field: TypeAlias = "models.Field[Any, Any]"

INTEGER: Field = models.BigIntegerField()
MOMENT: Field = models.DateTimeField()
DAY: Field = models.DateField()
TEXT: Field = models.TextField()


class Given(models.Expression):
    """The value that has this name when the statement is carried out."""

    def __init__(self, name: str, output_field: Field) -> None:
        super().__init__(output_field=output_field)
        self.name = name

    def as_sql(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        return "%s", [self]

    def bound_to(self, value: object, connection: Any) -> Any:
        return self.output_field.get_db_prep_value(value, connection)


class _Statement:
    """One compiled query of one thread, which is written already when Django asks."""

    def __init__(self, compiler: SQLCompiler) -> None:
        self.compiler = compiler
        self._sql: str
        self._parameters: Sequence[Any]
        self._sql, self._parameters = compiler.as_sql()
        compiler.as_sql = self._as_sql  # type: ignore[method-assign, assignment]
        self._find_converters = compiler.get_converters
        self._converters: Any = None
        compiler.get_converters = self._get_converters  # type: ignore[method-assign, assignment]
        self._values: dict[str, object] = {}

    def bind(self, values: dict[str, object]) -> None:
        self._values = values

    def _get_converters(self, columns: Any) -> Any:
        """They are always of the same columns."""
        if self._converters is None:
            self._converters = self._find_converters(columns)
        return self._converters

    def _as_sql(self) -> tuple[str, tuple[Any, ...]]:
        connection = self.compiler.connection
        return self._sql, tuple(
            one.bound_to(self._values[one.name], connection)
            if isinstance(one, Given)
            else one
            for one in self._parameters
        )


class PreparedRows(Generic[Row]):
    """`rows` builds the queryset, once the models are there to be named in it."""

    def __init__(self, rows: Callable[[], models.QuerySet[Any, Row]]) -> None:
        self._rows = rows
        self._of_thread = threading.local()

    def fetch(self, **values: object) -> list[Row]:
        if not _is_current(self._of_thread):
            self._prepare()
        self._of_thread.statement.bind(values)
        rows = self._of_thread.rows
        # As `rows.all()` does, without copying the query first.
        return list(rows._iterable_class(rows))

    def _prepare(self) -> None:
        rows = self._rows()
        compiler = rows.query.get_compiler(DEFAULT_DB_ALIAS)
        rows.query.get_compiler = lambda *_, **__: compiler  # type: ignore[method-assign]
        self._of_thread.statement, self._of_thread.rows = _Statement(compiler), rows


class _PreparedChange:
    _kind: type[Query]

    def __init__(self, rows: Callable[[], models.QuerySet[Any]]) -> None:
        self._rows = rows
        self._of_thread = threading.local()

    def carry_out(self, **values: object) -> int:
        """How many rows were changed."""
        if not _is_current(self._of_thread):
            compiler = self._query().get_compiler(DEFAULT_DB_ALIAS)
            self._of_thread.statement = _Statement(compiler)
        statement = self._of_thread.statement
        statement.bind(values)
        return cast("int", statement.compiler.execute_sql(ROW_COUNT))

    def _query(self) -> Any:
        return self._rows().query.chain(self._kind)


class PreparedDelete(_PreparedChange):
    """Deletes the rows that `rows` names, to which no others refer."""

    _kind = DeleteQuery


class PreparedUpdate(_PreparedChange):
    """Sets `changes` in the rows that `rows` names."""

    _kind = UpdateQuery

    def __init__(
        self, rows: Callable[[], models.QuerySet[Any]], **changes: object
    ) -> None:
        super().__init__(rows)
        self._changes = changes

    def _query(self) -> Any:
        query = super()._query()
        query.add_update_values(self._changes)
        return query


def _is_current(of_thread: threading.local) -> bool:
    statement = getattr(of_thread, "statement", None)
    return (
        statement is not None
        and statement.compiler.connection is connections[DEFAULT_DB_ALIAS]
    )


def insert(row: models.Model) -> None:
    """Write a new row, as `row.save(force_insert=True)` does; nobody hears a signal."""
    connection = connections[DEFAULT_DB_ALIAS]
    sql, fields = _insertion(type(row), connection.vendor)
    values = [
        field.get_db_prep_save(field.pre_save(row, add=True), connection)
        for field in fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        (row.pk,) = cursor.fetchone()
    row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS


@functools.cache
def _insertion(model: type[models.Model], vendor: str) -> tuple[str, list[Field]]:
    """SQLite and PostgreSQL both tell the number that they gave the row."""
    quote = connections[DEFAULT_DB_ALIAS].ops.quote_name
    meta = model._meta
    fields = [field for field in meta.concrete_fields if not field.primary_key]
    columns = ", ".join(quote(field.column) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    sql = (
        f"INSERT INTO {quote(meta.db_table)} ({columns}) VALUES ({places}) "  # noqa: S608
        f"RETURNING {quote(meta.pk.column)}"
    )
    return sql, fields
