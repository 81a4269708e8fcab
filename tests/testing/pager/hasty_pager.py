"""A pager whose declaration loads its SDK."""

import httpx2  # noqa: F401 - that is what is wrong with it
from pager import PagerChannel


class HastyChannel(PagerChannel):
    pass
