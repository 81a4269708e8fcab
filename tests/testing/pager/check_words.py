from bad_words import BAD
from kit import cases

from stentor.testing.conformance.declaring import DeclarationRules
from stentor.testing.conformance.grammar import GrammarRules

globals().update(cases(DeclarationRules, GrammarRules, bad=BAD))
