from bad_listening import BAD
from kit import cases

from stentor.testing.conformance.receiving import ReceptionRules

globals().update(cases(ReceptionRules, bad=BAD))
