"""The values of a rule file that know where they stand."""

from __future__ import annotations

from oversight.rules.report import Place

__all__ = ["Entries", "Items"]


class Entries(dict[str, object]):
    """
    A mapping that knows where it stands and where each of its keys does.

    `places` also has the keys that were left out because they have no value: so that they are not missed twice.
    """

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: dict[str, Place] = {}


class Items(list[object]):
    """A list that knows where it stands and where each of its items does."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: list[Place] = []
