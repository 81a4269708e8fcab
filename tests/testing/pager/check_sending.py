from bad_sending import BAD
from kit import cases

from stentor.testing.conformance.cancelling import CancellationRules
from stentor.testing.conformance.claims import ClaimRules
from stentor.testing.conformance.failing import FailureRules
from stentor.testing.conformance.sending import SendingRules

globals().update(cases(SendingRules, FailureRules, ClaimRules, CancellationRules, bad=BAD))
