"""A report of measurements: JSON first, then Markdown and one HTML page made from that JSON alone.

Nothing here imports torch or measures anything; a report written elsewhere is read and shown just the same.
"""

from numcheck.report.accuracy import SCHEMA as TABLE_SCHEMA
from numcheck.report.accuracy import read_table, write_pages
from numcheck.report.bench import bench_table, noise_sentence, sentences, write_bench
from numcheck.report.changes import compare, compare_tables, deterministic
from numcheck.report.figures import size_name
from numcheck.report.pages import write_report
from numcheck.report.store import (
    ReportError,
    figure,
    finite,
    folder_name,
    json_text,
    read_json,
    write_json,
    write_text,
)
from numcheck.report.sweep import sweep_page
from numcheck.report.table import table_page
from numcheck.report.worst import worst_findings

__all__ = ["TABLE_SCHEMA", "ReportError", "bench_table", "compare", "compare_tables", "deterministic"]
__all__ += ["figure", "finite", "folder_name", "json_text", "noise_sentence", "read_json", "read_table"]
__all__ += ["sentences", "size_name", "sweep_page", "table_page", "worst_findings", "write_bench"]
__all__ += ["write_json", "write_pages", "write_report", "write_text"]
