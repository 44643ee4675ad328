"""Records of listings as a RESO server sends them."""

from __future__ import annotations

from typing import Any


def record(number: int = 1, **changes: Any) -> dict[str, Any]:
    """Return a house that is on the market; `changes` are fields by their RESO names, ... takes one out."""
    told: dict[str, Any] = {
        "@odata.id": f"https://mls.example.com/odata/Property('{number}')",
        "ListingKey": f"NW{number}",
        "ListingId": f"MLS{number}",
        "OriginatingSystemName": "Northwest MLS",
        "StandardStatus": "Active",
        "MlsStatus": "For sale",
        "PropertyType": "Residential",
        "PropertySubType": "Single Family Residence",
        "ListPrice": 525_000,
        "OriginalListPrice": 525_000,
        "OnMarketDate": "2026-11-02",
        "UnparsedAddress": f"{number} Alder Street",
        "City": "Harborview",
        "StateOrProvince": "WA",
        "PostalCode": "98001",
        "Latitude": 47.6,
        "Longitude": -122.3,
        "BedroomsTotal": 3,
        "BathroomsFull": 2,
        "BathroomsHalf": 1,
        "BathroomsTotalInteger": 3,
        "LivingArea": 1850,
        "LotSizeAcres": 0.25,
        "YearBuilt": 1994,
        "WaterfrontYN": False,
        "GarageYN": True,
        "Appliances": ["Dishwasher", "Range"],
        "PublicRemarks": "A house by the river with a garden.",
        "PrivateRemarks": "Key under the mat.",
        "LockBoxType": ["Electronic"],
        "BuyerBrokerageCompensation": "2.5",
        "BuyerBrokerageCompensationType": "%",
        "ListAgentKey": "A7",
        "ListAgentFullName": "Jordan Reyes",
        "ListOfficeKey": "O1",
        "ListOfficeName": "Harbor Realty",
        "ListOfficePhone": "206-555-0100",
        "ModificationTimestamp": "2026-11-02T10:00:00Z",
    }
    told.update(changes)
    return {name: value for name, value in told.items() if value is not ...}
