"""An agent that keeps its turn open: it writes down how it is reached, and ends when somebody says so."""

import json
import os
import sys
import threading
from pathlib import Path

folder = Path(sys.argv[1])
# As the question begins: [cron:ID NAME] and what is asked.
name = json.loads(sys.stdin.readline())["question"].partition("]")[0].rpartition(" ")[2]
waiting = folder / f"{name}.waiting"
waiting.write_text(json.dumps([os.environ["STENTOR_MCP_URL"], os.environ["STENTOR_MCP_TOKEN"]]))
waiting.rename(folder / f"{name}.reached")
while not (folder / f"{name}.go").exists():
    threading.Event().wait(0.05)
print("nothing to add")
