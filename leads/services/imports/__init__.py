"""Bring files of leads in; identities decide who is who."""

from leads.services.imports.files import (
    Preview,
    columns_of,
    discard_import,
    field_types,
    map_columns,
    prepare_import,
    preview,
    run_import,
    start_import,
    unfinished_import,
    waiting_imports,
)

__all__ = [
    "Preview",
    "columns_of",
    "discard_import",
    "field_types",
    "map_columns",
    "prepare_import",
    "preview",
    "run_import",
    "start_import",
    "unfinished_import",
    "waiting_imports",
]
