"""The stand-in of the shipped kit, under the name that the tests know it by."""

from stentor.testing.fake_context import FakeContext, FakeJournal

__all__ = ["FakeContext", "FakeJournal"]
