# SPDX-License-Identifier: Apache-2.0
# Copyright The Omni Authors
"""Random templates of a fixed seed: expressions, and statements around them."""

from random import Random

CONTEXT = {
    "n": 3,
    "f": 2.5,
    "s": "Hello 안녕 wörld",
    "e": "",
    "b": True,
    "o": None,
    "xs": [3, 1, 2, 1],
    "ws": ["b", "A", "c"],
    "t": (1, "two"),
    "d": {"k": 1, "a": {"b": [1, {"c": "x"}]}, "안": "녕"},
    "ms": [{"role": "user", "content": "hi"}, {"role": "tool", "content": None}],
}
NAMES = [*CONTEXT, "zz", "i"]
LITERALS = (
    "0 1 2 -1 7 10 1.5 0.1 -2.0 '' 'a' 'ab' 'a b' ' x ' '안' 'role' 'k' true false none".split(" ")
)
LITERALS = ["0", "1", "2", "-1", "7", "10", "1.5", "0.1", "''", "'a'", "'a b'", "' x '", "'안'"]
LITERALS += ["'role'", "'k'", "true", "false", "none", "[]", "{}", "()", "'a,b'", "'A-b'"]
BINARY = ["+", "-", "*", "/", "//", "%", "**", "~", "==", "!=", "<", ">", "<=", ">="]
BINARY += ["and", "or", "in", "not in", "~", "+", "=="]
FILTERS = """abs capitalize count default default('D',true) dictsort e first float int items join
join(',') last length list lower max min reverse|list round round(1) safe sort sort(reverse=true)
string sum title tojson tojson(indent=2) trim truncate(5,true) unique|list upper urlencode wordcount
map('upper')|list map(attribute='role')|list select|list reject('none')|list striptags
selectattr('content')|list map('string')|join batch(2)|list slice(2)|list replace('a','b')
indent(2) center(9) format(1) attr('k') forceescape reverse|join wordwrap(3) groupby('role')
select('number')|list map('length')|list xmlattr""".split()
TESTS = """defined undefined none string number mapping sequence iterable boolean integer float odd even
true false lower upper callable escaped divisibleby(2) eq(1) in([1,'a']) sameas(none) gt(1)""".split()
METHODS = """upper() lower() strip() split() split(',') title() items()|list keys()|list values()|list
get('k') get('zz',1) startswith('a') endswith('d') replace('l','L') find('l') count('a') isdigit()
isalpha() splitlines() rsplit('l',1) join(ws) index(1) capitalize() lstrip('H') partition(' ')
swapcase() zfill(4) isupper() format(1,2) removeprefix('H') rjust(5)""".split()
ATTRIBUTES = ["k", "a", "b", "role", "content", "zz", "c", "items is callable", "0"]


class Generator:
    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def one_of(self, values: list[str]) -> str:
        return self.random.choice(values)

    def atom(self) -> str:
        return self.one_of(NAMES) if self.random.random() < 0.6 else self.one_of(LITERALS)

    def expression(self, depth: int = 3) -> str:
        if depth == 0:
            return self.atom()
        inner = [self.expression(self.random.randrange(depth)) for _ in range(3)]
        return self.one_of(
            [
                self.atom(),
                f"{inner[0]} {self.one_of(BINARY)} {inner[1]}",
                f"({inner[0]} {self.one_of(BINARY)} {inner[1]})",
                f"({inner[0]}) | {self.one_of(FILTERS)}",
                f"{inner[0]}|{self.one_of(FILTERS)}",
                f"{self.atom()} is {self.one_of(['', 'not '])}{self.one_of(TESTS)}",
                f"({inner[0]}).{self.one_of(METHODS)}",
                f"{self.atom()}.{self.one_of(METHODS)}",
                f"{self.atom()}.{self.one_of(ATTRIBUTES)}",
                f"({inner[0]})[{inner[1]}]",
                f"{self.one_of(NAMES)}[{self.slice()}]",
                f"[{inner[0]}, {inner[1]}]",
                f"{{{self.one_of(LITERALS)}: {inner[0]}}}",
                f"({inner[0]} if {inner[1]} else {inner[2]})",
                f"not {inner[0]}",
                f"-({inner[0]})",
                f"dict(a={inner[0]}) | tojson",
                f"range({self.one_of(['3', '1,5', '5,0,-2', 'n'])}) | list",
                f"'%s|%r' % ({inner[0]}, {inner[1]})",
                f"'{{}}:{{}}'.format({inner[0]}, {inner[1]})",
            ]
        )

    def slice(self) -> str:
        parts = [self.one_of(["", "", "0", "1", "2", "-1", "-2", "9", "n"]) for _ in range(3)]
        if parts[2] == "0":
            parts[2] = "2"
        return ":".join(parts[: 2 + self.random.randrange(2)])

    def statement(self, depth: int = 2) -> str:
        body = self.statements(depth - 1) if depth else f"{{{{ {self.expression(1)} }}}}"
        space = self.one_of([" ", "\n", "  \n  ", ""])
        left, right = self.one_of(["{%", "{%-", "{%+"]), self.one_of(["%}", "-%}", "+%}"])

        def tag(text: str) -> str:
            return f"{left} {text} {right}{space}"

        name = self.one_of(["n", "s", "v", "w"])
        return self.one_of(
            [
                f"{{{{ {self.expression(2)} }}}}{space}",
                f"{tag(f'set {name} = {self.expression(2)}')}{{{{ {name} }}}}",
                f"{tag(f'set {name}')}{body}{tag('endset')}{{{{ {name} }}}}",
                f"{tag(f'if {self.expression(2)}')}{body}{tag('else')}{name}{tag('endif')}",
                f"{tag(f'for i in {self.expression(1)}')}{body}{{{{ loop.index }}}}{tag('endfor')}",
                f"{tag(f'for i in xs if {self.expression(1)}')}{body}{tag('else')}e{tag('endfor')}",
                f"{tag('for i in xs')}{tag('if i == 2')}{tag('break')}{tag('endif')}{body}"
                f"{tag('endfor')}{{{{ {name} }}}}",
                f"{tag(f'with {name} = {self.expression(1)}')}{body}{tag('endwith')}",
                f"{tag(f'macro m({name}, q={self.expression(1)})')}{body}{{{{ q }}}}{tag('endmacro')}"
                f"{{{{ m({self.expression(1)}) }}}}",
                f"{tag('filter upper')}{body}{tag('endfilter')}",
                f"{tag('generation')}{body}{tag('endgeneration')}",
                f"{{# {name} #}}{space}{body}",
                f"{tag('set ns = namespace(c=0)')}{tag('for i in xs')}{tag('set ns.c = ns.c + i')}"
                f"{tag('endfor')}{{{{ ns.c }}}}",
            ]
        )

    def statements(self, depth: int = 2) -> str:
        count = self.random.randrange(1, 4)
        return self.one_of(["", " ", "\n", "x\n"]).join(self.statement(depth) for _ in range(count))


def templates(seed: int, num_templates: int) -> list[str]:
    generator = Generator(seed)
    half = num_templates // 2
    return [f"{{{{ {generator.expression()} }}}}" for _ in range(half)] + [
        generator.statements() for _ in range(num_templates - half)
    ]
