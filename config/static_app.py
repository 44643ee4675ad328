"""Static files without what browsers never ask for."""

from __future__ import annotations

from django.contrib.staticfiles.apps import StaticFilesConfig


class SlimStaticFiles(StaticFilesConfig):
    ignore_patterns = [
        *StaticFilesConfig.ignore_patterns,
        # other builds of htmx than the one we serve
        "htmx-2.js",
        "htmx-4*",
        "hx-*-4*",
        "htmax*",
        # the admin's unminified regular expressions
        "xregexp.js",
        # Tailwind's input; what it builds is build/css/app.css
        "css/main.css",
        "css/tokens.css",
        "css/base.css",
        "css/print.css",
        "components",
    ]
