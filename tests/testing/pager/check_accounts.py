from bad_accounts import BAD
from kit import cases

from stentor.testing.conformance.life import LifeRules

globals().update(cases(LifeRules, bad=BAD))
