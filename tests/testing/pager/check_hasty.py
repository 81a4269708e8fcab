from hasty_pager import HastyChannel
from kit import cases

from stentor.testing.conformance.declaring import DeclarationRules

globals().update(cases(DeclarationRules, bad={"bare-import": [HastyChannel]}))
