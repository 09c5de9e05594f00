"""The nodes of a condition's tree: groups, and what every node can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass

from retention.measures.expressions import Row
from retention.measures.registry import get
from retention.rules.conditions.sql import Params
from retention.rules.conditions.vocabulary import Json, Value


class Condition(ABC):
    """A node of a tree. Nodes are frozen and compare by value."""

    @abstractmethod
    def evaluate(self, row: Row, today: int) -> bool | None:
        """Say whether it holds for a row of the wide table; ``None`` when that is unknown."""

    @abstractmethod
    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        """Return it as a SQL condition over columns with ``prefix``; literals go to ``params``."""

    @abstractmethod
    def as_json(self) -> Json:
        """Return it in the form that :func:`parse` reads, numbers written exactly."""

    @abstractmethod
    def leaves(self) -> Iterator[Leaf]:
        """Yield the leaves from left to right."""

    def measures(self) -> list[str]:
        """Return the codes of the measures that it reads, each once, in order."""
        return list(dict.fromkeys(code for leaf in self.leaves() for code in leaf.codes()))

    def columns(self) -> frozenset[str]:
        """Return the columns of the wide table that it reads."""
        return frozenset().union(*(get(code).columns() for code in self.measures()))


@dataclass(frozen=True)
class All(Condition):
    """Holds when every part does."""

    parts: tuple[Condition, ...]

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = {part.evaluate(row, today) for part in self.parts}
        return False if False in found else None if None in found else True

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        return "(" + " AND ".join(part.sql(params, prefix=prefix) for part in self.parts) + ")"

    def as_json(self) -> Json:
        return {"all": [part.as_json() for part in self.parts]}

    def leaves(self) -> Iterator[Leaf]:
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True)
class AnyOf(Condition):
    """Holds when at least one part does."""

    parts: tuple[Condition, ...]

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = {part.evaluate(row, today) for part in self.parts}
        return True if True in found else None if None in found else False

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        return "(" + " OR ".join(part.sql(params, prefix=prefix) for part in self.parts) + ")"

    def as_json(self) -> Json:
        return {"any": [part.as_json() for part in self.parts]}

    def leaves(self) -> Iterator[Leaf]:
        for part in self.parts:
            yield from part.leaves()


@dataclass(frozen=True)
class Not(Condition):
    """Holds when its part is false; unknown stays unknown."""

    part: Condition

    def evaluate(self, row: Row, today: int) -> bool | None:
        found = self.part.evaluate(row, today)
        return None if found is None else not found

    def sql(self, params: Params, *, prefix: str = "m.") -> str:
        return f"(NOT {self.part.sql(params, prefix=prefix)})"

    def as_json(self) -> Json:
        return {"not": self.part.as_json()}

    def leaves(self) -> Iterator[Leaf]:
        yield from self.part.leaves()


class Leaf(Condition):
    """A statement that has no parts."""

    def codes(self) -> tuple[str, ...]:
        """Return the codes of the measures that the leaf reads."""
        return ()

    def leaves(self) -> Iterator[Leaf]:
        yield self


@dataclass(frozen=True)
class OfMeasure(Leaf):
    """A statement about one measure."""

    measure: str

    def codes(self) -> tuple[str, ...]:
        return (self.measure,)

    def _read(self, row: Row, today: int) -> Value:
        return get(self.measure).read(row, today=today)
