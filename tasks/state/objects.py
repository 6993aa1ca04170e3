"""meshObjects that came over the API: what a tenant's order is made of (`tasks/meshobjects`).

An object is known by its key, kind and name. It is listed under its workspace, and under whoever it speaks of.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tasks.state.database import Part


@dataclass(frozen=True)
class StoredObject:
    """One object."""

    key: str  # kind and name
    document: dict[str, Any]
    listed_under: tuple[str, ...] = ()
    collection: str | None = None


class Objects(Part):
    """Keeps objects. Raises redis.RedisError when Redis is away."""

    def those(self, keys: Iterable[str]) -> dict[str, StoredObject]:
        """Read objects by their keys; those that are not there are left out."""
        wanted = sorted(set(keys))
        rows = self._redis.hmget(self._keys.objects, wanted) if wanted else []
        return {key: _read(key, row) for key, row in zip(wanted, rows, strict=True) if row is not None}

    def listed_under(self, *names: str) -> dict[str, StoredObject]:
        """Read every object that is listed under one of the names."""
        keys: set[str] = set()
        for name in names:
            keys |= self._redis.smembers(self._keys.objects_of(name))
        return self.those(keys)

    def in_collection(self, name: str) -> dict[str, StoredObject]:
        """Read every object of a collection."""
        return self.those(self._redis.smembers(self._keys.collection(name)))

    def all(self) -> Iterator[StoredObject]:
        """Yield every object, sorted by key."""
        rows: dict[str, str] = self._redis.hgetall(self._keys.objects)
        yield from (_read(key, rows[key]) for key in sorted(rows))

    def change(self, kept: Iterable[StoredObject], removed: Iterable[str] = ()) -> None:
        """Keep objects, in place of those with their keys, and remove some, all at once; nobody else may do so now."""
        kept, removed = list(kept), list(removed)
        before = self.those([*(each.key for each in kept), *removed])
        with self._redis.pipeline() as pipeline:
            for each in before.values():
                for name in each.listed_under:
                    pipeline.srem(self._keys.objects_of(name), each.key)
                if each.collection is not None:
                    pipeline.srem(self._keys.collection(each.collection), each.key)
            for each in kept:
                pipeline.hset(self._keys.objects, each.key, _written(each))
                for name in each.listed_under:
                    pipeline.sadd(self._keys.objects_of(name), each.key)
                if each.collection is not None:
                    pipeline.sadd(self._keys.collection(each.collection), each.key)
            if removed:
                pipeline.hdel(self._keys.objects, *removed)
            pipeline.execute()


def _written(each: StoredObject) -> str:
    envelope = {"document": each.document, "listed": each.listed_under, "collection": each.collection}
    return json.dumps(envelope, sort_keys=True)


def _read(key: str, row: str) -> StoredObject:
    found = json.loads(row)
    return StoredObject(key, found["document"], tuple(found["listed"]), found["collection"])
