"""A function that a small model wrote anew, and what its callers need of it.

What would crash for sure is told to the model before a trial is spent on it.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterator

from metaloop.task.patch import PatchError
from metaloop.task.source import SourceError, parse

MODULE = {"__file__", "__name__", "__doc__", "__spec__", "__loader__", "__package__"}
"""What a module has of itself."""


def functions(source: str) -> dict[str, str]:
    """Source of each top-level function, by name; empty where `source` is not Python."""
    return {name: ast.get_source_segment(source, node) or "" for name, node in _nodes(source)}


def rewritten(source: str, name: object, code: str) -> tuple[str, str]:
    """Function `name` as it is in `source` and as it is in `code`.

    Raises PatchError, with what to tell the model, unless callers can go on as before.
    """
    before, after = dict(_nodes(source)), dict(_nodes(code))
    if not isinstance(name, str) or name not in before:
        raise PatchError(f'"function" must be one of {", ".join(before)}')
    if name not in after:
        raise PatchError(f'"code" must be valid Python that starts with `def {name}(`')
    old, new = functions(source)[name], functions(code)[name]
    if not _fits(before[name].args, after[name].args):
        first = f"def {name}({ast.unparse(before[name].args)}):"
        raise PatchError(f'"code" must start with `{first}`, whose parameters callers give')
    if _gives(before[name]) and not _gives(after[name]):
        raise PatchError(f'"code" must end with a `return`: callers use what {name}() returns')
    try:
        unknown = _unknown(source.replace(old, new)) - _unknown(source)
    except SourceError:  # e.g. its text stands in a class too
        raise PatchError(f'with this "code" for {name}() the file is no valid Python') from None
    if unknown:
        raise PatchError(f'"code" uses {", ".join(sorted(unknown))}, which is defined nowhere')
    return old, new


def _nodes(source: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    try:
        body = parse(source).body
    except SourceError:
        return
    yield from ((node.name, node) for node in body if isinstance(node, ast.FunctionDef))


def _fits(old: ast.arguments, new: ast.arguments) -> bool:
    """Can what is called by its old parameters be called by these? Further ones need defaults."""
    had, has = ([arg.arg for arg in (*a.posonlyargs, *a.args)] for a in (old, new))
    knew, knows = ({arg.arg for arg in a.kwonlyargs} for a in (old, new))
    asked, asks = (
        {arg.arg for arg, value in zip(a.kwonlyargs, a.kw_defaults, strict=True) if value is None}
        for a in (old, new)
    )
    needed = len(has) - len(new.defaults) <= len(had) - len(old.defaults)
    return has[: len(had)] == had and needed and asks <= asked and knew <= knows


def _gives(function: ast.FunctionDef) -> bool:
    """Does it return or yield a value?"""
    inside: list[ast.AST] = [*function.body]
    while inside:
        node = inside.pop()
        match node:
            case ast.Return(value=None | ast.Constant(value=None)):
                pass
            case ast.Yield() | ast.YieldFrom() | ast.Return():
                return True
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef() | ast.Lambda():
                continue
        inside += ast.iter_child_nodes(node)
    return False


def _unknown(source: str) -> set[str]:
    """Names that functions take from the module, though neither it nor Python has them."""
    if any(isinstance(n, ast.ImportFrom) and n.names[0].name == "*" for n in parse(source).body):
        return set()  # it may be anything
    try:
        module = symtable.symtable(source, "<rewrite>", "exec")
    except SyntaxError as error:  # of a name's scope, such as two parameters of one name
        raise PatchError(f'"code" is no valid Python: {error.msg}') from None
    known = {symbol.get_name() for symbol in module.get_symbols() if symbol.is_assigned()}
    known |= {symbol.get_name() for symbol in module.get_symbols() if symbol.is_imported()}
    used, tables = set[str](), [*module.get_children()]
    while tables:
        table = tables.pop()
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_declared_global() and symbol.is_assigned():
                known.add(symbol.get_name())
            elif symbol.is_global() and symbol.is_referenced():
                used.add(symbol.get_name())
    return used - known - set(dir(builtins)) - MODULE
