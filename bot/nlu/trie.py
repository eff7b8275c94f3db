"""Many names, one walk: every occurrence of every name in a text."""
from typing import Any

Node = dict[Any, Any]
END = 0  # the key of a node's own entries; the other keys are characters


class Trie:
    """A prefix tree. Built once, then only read."""

    __slots__ = ("root",)

    def __init__(self) -> None:
        self.root: Node = {}

    def add(self, name: str, entry: Any) -> None:
        """Let `name` stand for `entry` too; the same pair twice counts once."""
        node = self.root
        for char in name:
            node = node.setdefault(char, {})
        entries = node.setdefault(END, [])
        if entry not in entries:
            entries.append(entry)

    def entries(self, name: str) -> list[Any]:
        """What `name`, exactly, stands for."""
        node = self.root
        for char in name:
            step = node.get(char)
            if step is None:
                return []
            node = step
        found: list[Any] = node.get(END, [])
        return found

    def occurrences(self, text: str) -> list[tuple[int, int, list[Any]]]:
        """(start, end, entries) of every name in `text`, by start, shorter first."""
        found = []
        root = self.root
        size = len(text)
        for start in range(size):
            node = root.get(text[start])
            stop = start + 1
            while node is not None:
                if END in node:
                    found.append((start, stop, node[END]))
                if stop == size:
                    break
                node = node.get(text[stop])
                stop += 1
        return found
