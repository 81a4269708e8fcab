"""Values that are made by the thousand behave like frozen dataclasses."""

from dataclasses import field, replace

from stentor.domain.values import value


@value
class Point:
    x: int
    y: int = 0
    names: tuple[str, ...] = field(default_factory=tuple[str, ...])


def test_values_are_equal_and_hash_by_their_fields() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(2, 1)
    assert {Point(1, 2), Point(1, 2), Point(2, 1)} == {Point(2, 1), Point(1, 2)}


def test_another_value_is_made_of_one() -> None:
    one = Point(1)
    assert replace(one, y=5) == Point(1, 5)
    assert one == Point(1)


def test_they_take_no_more_room_than_their_fields() -> None:
    assert not hasattr(Point(1), "__dict__")
