"""Tools over the Model Context Protocol: on standard input and output, and at a port of this machine.

Only `host` is imported with everything else. The rest needs the extra `mcp`, takes most of a second to load,
and waits until somebody wants it.
"""
