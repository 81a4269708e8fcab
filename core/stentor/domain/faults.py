"""What can be wrong with the store. Kept apart from the ports so that reading a store imports nothing else."""


class StoreError(Exception):
    """The store refused or could not do what was asked."""


class StoreUnavailable(StoreError):
    """The store cannot be written right now: busy, full or read-only. The same operation may succeed later."""


class StoreRefused(StoreError):
    """This store must not be opened: newer than the program, emptied, or not a store."""


class StaleRevision(StoreError):
    """The job was changed by somebody else in the meantime."""


class AlreadyExists(StoreError):
    """A job of that id is stored already."""


class AmbiguousName(Exception):
    """Several things have this name; the text gives their ids."""
