"""Forms of matching's pages."""

from matching.forms.fairness import (
    AreaGroupsForm,
    ReasonForm,
    TextForm,
)
from matching.forms.market import (
    SeriesFileForm,
)
from matching.forms.places import (
    AgencyLinkForm,
    PlaceFileForm,
)

__all__ = [
    "AgencyLinkForm",
    "AreaGroupsForm",
    "PlaceFileForm",
    "ReasonForm",
    "SeriesFileForm",
    "TextForm",
]
