"""Figures of the structure: how much code there is and how long its functions are.

    python bench/structure.py [ROOT …]        (a checkout, or several side by side)

A statement is what Python's parser calls one, docstrings left out; a function's length is in lines, decorators left out.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGES = ("agent", "collectors", "spool")
LIMIT_OF_A_FUNCTION, LIMIT_OF_A_MODULE = 45, 300


def modules(root: Path) -> Iterator[Path]:
    """Yield every module of ours."""
    for package in PACKAGES:
        yield from sorted((root / package).rglob("*.py"))


def is_docstring(node: ast.AST) -> bool:
    """Return whether a statement is nothing but a text."""
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def figures(root: Path) -> dict[str, int | str]:
    """Return the figures of one checkout, by what they count."""
    lengths: list[int] = []
    statements = in_systems = long_modules = count = 0
    for path in modules(root):
        text = path.read_text()
        nodes = list(ast.walk(ast.parse(text)))
        found = sum(isinstance(node, ast.stmt) and not is_docstring(node) for node in nodes)
        functions = [node for node in nodes if isinstance(node, ast.FunctionDef)]
        lengths += [(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions]
        statements += found
        in_systems += found if "systems" in path.relative_to(root).parts else 0
        long_modules += len(text.splitlines()) > LIMIT_OF_A_MODULE
        count += 1
    lengths.sort()
    return {
        "modules": count,
        f"modules over {LIMIT_OF_A_MODULE} lines": long_modules,
        "statements": statements,
        "of these in agent/systems": in_systems,
        "functions": len(lengths),
        "lines of a function, median / p90 / max": (
            f"{statistics.median(lengths):g} / {lengths[len(lengths) * 9 // 10]} / {lengths[-1]}"
        ),
        f"functions over {LIMIT_OF_A_FUNCTION} lines": sum(one > LIMIT_OF_A_FUNCTION for one in lengths),
    }


def main() -> None:
    """Print one column for each checkout."""
    roots = [Path(name) for name in sys.argv[1:]] or [Path(__file__).parents[1]]
    columns = [figures(root) for root in roots]
    print("| | " + " | ".join(root.resolve().name for root in roots) + " |")
    print("|---|" + "---:|" * len(roots))
    for name in columns[0]:
        print(f"| {name} | " + " | ".join(str(column[name]) for column in columns) + " |")


if __name__ == "__main__":
    main()
