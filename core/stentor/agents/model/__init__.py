"""Language models as agents: any provider that speaks one of the usual protocols, near or far.

Only `runner` and what it needs to know beforehand are imported with the other runners. The rest needs the extra `agent`,
takes most of a second to load, and waits for the first turn.
"""
