"""Every test here speaks to Stentor through its command line."""

from tests.outside_fixtures import daemon, home, served, stentor, the_nine_invariants_hold

__all__ = ["daemon", "home", "served", "stentor", "the_nine_invariants_hold"]
