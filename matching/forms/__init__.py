"""Forms of matching's pages."""

from matching.forms.fairness import AreaGroupsForm, ReasonForm, TextForm
from matching.forms.market import SeriesFileForm

__all__ = [
    "AreaGroupsForm",
    "ReasonForm",
    "SeriesFileForm",
    "TextForm",
]
