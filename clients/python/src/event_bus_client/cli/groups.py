"""Command groups. The help of a group shows an example of each of its commands."""

import re
from typing import Any

from typer.core import TyperGroup

_EXAMPLE = re.compile(r"^ *Example: (.+)$", re.MULTILINE)


class Group(TyperGroup):
    """A group. Its help ends with the examples of its commands."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Writes the examples."""
        examples = [
            found[1]
            for command in self.commands.values()
            if (found := _EXAMPLE.search(command.help or ""))
        ]
        if examples:
            with formatter.section("Examples"):
                for each in examples:
                    formatter.write(f"{'':>{formatter.current_indent}}{each}\n")
        super().format_epilog(ctx, formatter)
