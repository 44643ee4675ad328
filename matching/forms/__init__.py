"""Forms of matching's pages."""

from matching.forms.market import SeriesFileForm

__all__ = ["SeriesFileForm"]
