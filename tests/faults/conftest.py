"""Shows the table of fault drills after they have run."""

from typing import Any

from tests.faults.drills import TABLE, table_lines


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if TABLE:
        terminalreporter.section("fault drills")
        for line in table_lines(TABLE):
            terminalreporter.write_line(line)
