"""What checks find: where, about what, and what to do."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Finding:
    """Something that is wrong. The file is one of the folder `terraform`."""

    file: str
    line: int
    resource: str
    text: str

    def __str__(self):
        about = f"{self.resource}: " if self.resource else ""
        return f"terraform/{self.file}:{self.line}: {about}{self.text}"


class Places:
    """Where the resources, variables and outputs of a configuration stand."""

    def __init__(self, folder):
        self.folder, self.lines = Path(folder), {}
        for path in sorted(self.folder.glob("*.tf")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                named = re.match(r'(resource|data|variable|output) "(\w+)"(?: "(\w+)")? \{', line)
                if named:
                    kind, first, second = named.groups()
                    address = f"{first}.{second}" if second else f"{kind}.{first}"
                    address = f"data.{address}" if kind == "data" else address
                    self.lines[address] = (path.name, number)

    def finding(self, address, text):
        """A finding about a resource, of which each instance has the same place."""
        file, line = self.lines.get(re.sub(r"\[.*\]$", "", address), ("versions.tf", 1))
        return Finding(file, line, address, text)
