"""The policy files of a set: read, named, and in the order in which they extend each other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from oversight.rules.document import read_document
from oversight.rules.documents import PolicyDocument
from oversight.rules.report import Place, Report
from oversight.rules.source import CASE_SUFFIX
from oversight.rules.suggest import suggest
from oversight.rules.yaml_tree import Entries, Items, read_tree

__all__ = ["PolicySource", "names_declared", "order_by_extends", "read_sources"]

_NAME = re.compile(r"""^policy:[ \t]*["']?([a-z0-9_]+)""", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PolicySource:
    """One policy file: its path, what it says, and the document that could be read of it."""

    file: str
    tree: Entries
    document: PolicyDocument

    @property
    def name(self) -> str:
        """The policy's name."""
        return self.document.policy

    def declared(self, section: str) -> frozenset[str]:
        """Return the names under *section*, also of entries that were left out because they are wrong."""
        entries = self.tree.get(section)
        return frozenset(entries) if isinstance(entries, Entries) else frozenset()

    def declared_in(self, section: str, key: str) -> frozenset[str]:
        """Return the names under *key* in *section*, also of entries that were left out because they are wrong."""
        entries = self.tree.get(section)
        inner = entries.get(key) if isinstance(entries, Entries) else None
        return frozenset(inner) if isinstance(inner, Entries) else frozenset()

    def texts(self, section: str) -> Iterator[tuple[str, Place]]:
        """Yield the texts in the list *section*, each with its place; what is not text has been told already."""
        items = self.tree.get(section)
        if isinstance(items, Items):
            pairs = zip(items, items.places, strict=True)
            yield from ((item, place) for item, place in pairs if isinstance(item, str))

    def rules_left_out(self) -> Iterator[Entries]:
        """Yield the rules that have a condition, but were left out because something else is wrong in them."""
        kept = {document.place() for document in self.document.rules}
        items = self.tree.get("rules")
        for item in items if isinstance(items, Items) else ():
            if isinstance(item, Entries) and item.place not in kept and "when" in item:
                yield item

    def place(self, section: str, name: str = "", key: str = "") -> Place:
        """Return where *section*, the entry *name* in it, or that entry's *key* stands, as far as they are there."""
        place = self.document.place(section)
        node: object = self.tree.get(section)
        for step in (name, key):
            if isinstance(node, Entries) and step in node:
                place, node = node.places[step], node[step]
        return place


def read_sources(files: Mapping[str, str], report: Report) -> dict[str, PolicySource]:
    """Return the policies in *files* by name; a name that is taken already is an error."""
    sources: dict[str, PolicySource] = {}
    for file in sorted(files):
        if file.endswith(CASE_SUFFIX):
            continue
        tree = read_tree(file, files[file], report)
        document = read_document(PolicyDocument, tree, file, report) if tree is not None else None
        if tree is None or document is None:
            continue
        other = sources.get(document.policy)
        if other is not None:
            message = f"the policy '{document.policy}' is declared already, in {other.file}; give this one another name"
            report.error(file, document.place("policy"), message)
            continue
        sources[document.policy] = PolicySource(file, tree, document)
    return sources


def names_declared(files: Mapping[str, str]) -> frozenset[str]:
    """Return the names that policy files declare, also those of files that are too broken to read."""
    texts = (text for file, text in files.items() if not file.endswith(CASE_SUFFIX))
    return frozenset(name for text in texts for name in _NAME.findall(text))


def order_by_extends(
    sources: Mapping[str, PolicySource], declared: frozenset[str], report: Report
) -> list[PolicySource]:
    """
    Return *sources* with every policy after the one it extends; those that extend nothing sound are left out.

    Of the policies *declared*, those that are not in *sources* are broken, which has been told already.
    """
    ordered: dict[str, PolicySource] = {}
    for name in sorted(sources):
        chain: list[str] = []
        current: str | None = name
        while current is not None and current in sources and current not in ordered and current not in chain:
            chain.append(current)
            current = sources[current].document.extends
        if current in chain:
            _report_circle(sources, chain[chain.index(current) :], report)
        elif current is None or current in ordered:
            ordered.update((one, sources[one]) for one in reversed(chain))
        elif current not in declared:
            child = sources[chain[-1]]
            message = f"'{child.name}' extends '{current}', and no file here declares that policy"
            report.error(
                child.file, child.document.place("extends"), message, suggest(current, sources.keys() - set(chain))
            )
    return list(ordered.values())


def _report_circle(sources: Mapping[str, PolicySource], circle: list[str], report: Report) -> None:
    # From the first name on, so that the circle is told once, from wherever it was entered.
    start = circle.index(min(circle))
    turned = [*circle[start:], *circle[:start]]
    first = sources[turned[0]]
    way = " -> ".join([*turned, turned[0]])
    report.error(first.file, first.document.place("extends"), f"'extends' goes in a circle: {way}; remove one of them")
