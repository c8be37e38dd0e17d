# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""The fenced blocks of a document."""

import re
from dataclasses import dataclass


@dataclass
class Block:
    document: str
    line: int
    language: str
    text: str
    mark: str = ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line} {self.language}"


def blocks_of(document: str, text: str) -> list[Block]:
    """Fenced blocks; those that continue another are joined to it."""
    blocks: list[Block] = []
    fence = language = mark = ""
    begin = 0
    inside: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        opening = re.match(r"\s*(`{3,}|~{3,})\s*([\w+-]*)", line)
        if fence:
            if line.strip() == fence:
                block = Block(document, begin, language, "\n".join(inside) + "\n", mark)
                same = [b for b in blocks if b.language == language]
                if mark == "continues":
                    assert same, f"{block} continues nothing"
                    same[-1].text += block.text
                else:
                    blocks.append(block)
                fence = mark = ""
            else:
                inside.append(line)
        elif opening:
            fence, language = opening.groups()
            begin, inside = number, []
        elif found := re.fullmatch(r"\s*<!--\s*test:\s*(.+?)\s*-->\s*", line):
            mark = found[1]
        elif line.strip():
            mark = ""
    assert not fence, f"{document}:{begin}: the block is not closed"
    return blocks
