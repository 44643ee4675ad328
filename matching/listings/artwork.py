"""A calm picture of a home without a photo, drawn from the listing's id: always the same, no real house."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from random import Random

VERSION = 1
WIDTH, HEIGHT = 640, 400
GROUND = 300

SKIES = (
    ("#dfeaf2", "#f7efe4"),
    ("#cfe1ea", "#f3ebdd"),
    ("#e7e3f0", "#f8e9dc"),
    ("#d5e6e3", "#f4f1e4"),
    ("#f3dfd0", "#f9f0e2"),
)
WALLS = (
    ("#efe9dd", "#d9d0bf"),
    ("#e4e7e4", "#cbd2ce"),
    ("#d8dfe2", "#bcc8cd"),
    ("#f3eee6", "#ddd2c2"),
    ("#c9d2c9", "#aebbb0"),
    ("#e9dccb", "#d3c0a8"),
)
ROOFS = ("#4d5a5e", "#6b5d54", "#5d6b66", "#7a5648", "#3f4a52")
DOORS = ("#a4533c", "#2f5d50", "#35516b", "#8a6a2f", "#5b3b4f")
LEAVES = ("#7f9b82", "#6d8d76", "#8ea789", "#5f8070")
WOODS = ("#a98663", "#957758", "#8c7a66")
TILE, TRIM, BRICK = "#b9694a", "#fbfaf7", "#a06e5a"


class Sheet:
    """Shapes put one over the other, with the colours of one house."""

    def __init__(self, random: Random) -> None:
        """Choose the colours."""
        self.random = random
        self.parts: list[str] = []
        self.wall, self.shade = random.choice(WALLS)
        self.roof, self.door_colour = random.choice(ROOFS), random.choice(DOORS)

    def rect(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        fill: str,
        *,
        round_: float = 0,
        opacity: float = 1,
    ) -> None:
        corner = f' rx="{round_}"' if round_ else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}"{corner} fill="{fill}"'
            f"{_seen(opacity)}/>"
        )

    def shape(self, points: list[tuple[float, float]], fill: str, *, opacity: float = 1) -> None:
        told = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polygon points="{told}" fill="{fill}"{_seen(opacity)}/>')

    def oval(self, x: float, y: float, across: float, down: float, fill: str, *, opacity: float = 1) -> None:
        self.parts.append(
            f'<ellipse cx="{x:.1f}" cy="{y:.1f}" rx="{across:.1f}" ry="{down:.1f}" fill="{fill}"'
            f"{_seen(opacity)}/>"
        )

    def path(self, d: str, fill: str, *, opacity: float = 1) -> None:
        self.parts.append(f'<path d="{d}" fill="{fill}"{_seen(opacity)}/>')

    def lines(
        self, x: float, y: float, width: float, step: float, count: int, *, opacity: float = 0.06
    ) -> None:
        """Draw boards, tiles or courses of bricks."""
        for at in range(count):
            self.rect(x, y + at * step, width, 1.3, "#000", opacity=opacity)

    def window(
        self, x: float, y: float, width: float, height: float, *, bars: int = 1, lit: bool = False
    ) -> None:
        self.rect(x - 3, y - 3, width + 6, height + 6, TRIM, round_=1.5)
        self.rect(x, y, width, height, "#f6dca0" if lit else "url(#glass)", round_=1)
        for bar in range(1, bars + 1):
            self.rect(x + width * bar / (bars + 1) - 1, y, 2, height, TRIM)
        self.rect(x, y + height / 2 - 1, width, 2, TRIM)
        self.rect(x - 5, y + height + 3, width + 10, 3.5, "#fff", opacity=0.85)

    def door(self, x: float, y: float, width: float, height: float, colour: str = "") -> None:
        self.rect(x - 4, y - 4, width + 8, height + 4, TRIM, round_=2)
        self.rect(x, y, width, height, colour or self.door_colour, round_=1)
        self.rect(
            x + width * 0.18, y + height * 0.1, width * 0.64, height * 0.3, "#fff", round_=1, opacity=0.18
        )
        self.oval(x + width * 0.84, y + height * 0.55, 2.2, 2.2, "#e8d9a8")

    def tree(self, x: float, size: float, base: float = 297) -> None:
        green = self.random.choice(LEAVES)
        kind = self.random.choice(("round", "tall", "cypress"))
        if kind == "cypress":
            self.oval(x, base - 62 * size, 15 * size, 62 * size, green)
            self.oval(x + 4 * size, base - 58 * size, 9 * size, 54 * size, "#fff", opacity=0.08)
            return
        self.rect(x - 3 * size, base - 40 * size, 6 * size, 40 * size, "#7d6a58", round_=1)
        if kind == "tall":
            self.oval(x, base - 84 * size, 30 * size, 52 * size, green)
            self.oval(x + 8 * size, base - 92 * size, 18 * size, 36 * size, "#fff", opacity=0.1)
            return
        for right, up, radius in ((-18, 58, 26), (18, 60, 27), (0, 82, 30)):
            self.oval(x + right * size, base - up * size, radius * size, radius * size, green)
        self.oval(x + 9 * size, base - 86 * size, 18 * size, 18 * size, "#fff", opacity=0.1)

    def shrub(self, x: float) -> None:
        wide, high = self.random.uniform(16, 30), self.random.uniform(11, 17)
        self.oval(x, 302, wide, high, self.random.choice(LEAVES))


def _seen(opacity: float) -> str:
    return f' opacity="{opacity}"' if opacity != 1 else ""


def _gable(sheet: Sheet) -> None:
    """A house with a steep front gable and a porch."""
    wall, shade, roof = sheet.wall, sheet.shade, sheet.roof
    sheet.rect(440, 92, 26, 46, BRICK)
    sheet.rect(436, 88, 34, 7, roof)
    sheet.rect(150, 205, 340, 95, wall)
    sheet.rect(150, 205, 340, 10, shade, opacity=0.6)
    sheet.shape([(128, 212), (190, 128), (512, 128), (512, 212)], roof)
    sheet.shape([(176, 300), (176, 196), (250, 108), (324, 196), (324, 300)], wall)
    sheet.shape([(250, 108), (324, 196), (324, 300), (318, 300), (318, 198)], shade, opacity=0.7)
    sheet.shape([(160, 204), (250, 96), (340, 204), (326, 204), (250, 114), (174, 204)], roof)
    sheet.window(228, 150, 44, 36)
    sheet.window(206, 226, 88, 46, bars=2, lit=sheet.random.random() < 0.3)
    sheet.rect(336, 214, 150, 8, TRIM)
    sheet.door(360, 232, 34, 68)
    sheet.window(424, 236, 40, 36, lit=sheet.random.random() < 0.6)
    for x in (340, 408, 476):
        sheet.rect(x, 222, 7, 78, TRIM)


def _modern(sheet: Sheet) -> None:
    """A flat-roofed house of two cubes with a garage."""
    sheet.rect(120, 188, 250, 112, sheet.wall)
    sheet.rect(112, 178, 268, 12, "#f9f8f5")
    sheet.rect(300, 118, 230, 182, sheet.shade)
    sheet.rect(290, 106, 252, 13, TRIM)
    sheet.rect(300, 216, 230, 84, sheet.wall)
    sheet.rect(300, 208, 236, 8, TRIM)
    sheet.window(318, 134, 120, 58, bars=2)
    sheet.rect(462, 119, 68, 89, sheet.random.choice(WOODS))
    sheet.lines(462, 119, 68, 9, 10, opacity=0.12)
    sheet.window(136, 208, 140, 66, bars=3, lit=sheet.random.random() < 0.7)
    sheet.door(318, 230, 36, 70)
    sheet.rect(376, 232, 138, 68, "#f2f0ea", round_=1)
    sheet.lines(376, 249, 138, 17, 3, opacity=0.1)


def _mission(sheet: Sheet) -> None:
    """A low stucco house with a tiled roof and an arched door."""
    sheet.rect(130, 190, 380, 110, sheet.wall)
    sheet.shape([(112, 196), (166, 142), (474, 142), (528, 196)], TILE)
    sheet.lines(130, 154, 380, 12, 4, opacity=0.07)
    sheet.rect(244, 120, 120, 180, sheet.wall)
    sheet.shape([(232, 124), (304, 80), (376, 124)], TILE)
    sheet.rect(244, 124, 120, 6, sheet.shade, opacity=0.7)
    sheet.path("M276 300V226a28 28 0 0 1 56 0V300Z", TRIM)
    sheet.path("M281 300V227a23 23 0 0 1 46 0V300Z", sheet.door_colour)
    sheet.oval(304, 158, 17, 17, TRIM)
    sheet.oval(304, 158, 13, 13, "url(#glass)")
    for x in (150, 196):
        sheet.path(f"M{x - 4} 276V238a19 19 0 0 1 38 0V276Z", TRIM)
        sheet.path(f"M{x} 272V238a15 15 0 0 1 30 0V272Z", "url(#glass)")
    sheet.window(394, 228, 90, 44, bars=2, lit=sheet.random.random() < 0.6)
    sheet.rect(130, 292, 380, 8, sheet.shade)


def _colonial(sheet: Sheet) -> None:
    """A symmetrical house of two floors with shutters and chimneys."""
    sheet.rect(214, 70, 24, 42, BRICK)
    sheet.rect(402, 70, 24, 42, BRICK)
    sheet.rect(160, 150, 320, 150, sheet.wall)
    sheet.lines(160, 160, 320, 12, 12, opacity=0.05)
    sheet.shape([(142, 156), (196, 96), (444, 96), (498, 156)], sheet.roof)
    sheet.rect(150, 150, 340, 8, TRIM)
    lit = sheet.random.randrange(8)
    for place, (x, y) in enumerate((x, y) for x in (184, 246, 362, 424) for y in (176, 238)):
        sheet.rect(x - 11, y - 3, 7, 42, sheet.roof)
        sheet.rect(x + 36, y - 3, 7, 42, sheet.roof)
        sheet.window(x, y, 32, 36, lit=place == lit)
    sheet.window(304, 176, 32, 36)
    sheet.shape([(290, 226), (320, 206), (350, 226)], TRIM)
    sheet.door(303, 232, 34, 68)
    sheet.rect(284, 228, 6, 72, TRIM)
    sheet.rect(350, 228, 6, 72, TRIM)


def _ranch(sheet: Sheet) -> None:
    """A long house of one floor."""
    sheet.rect(392, 140, 30, 40, BRICK)
    sheet.rect(108, 212, 424, 88, sheet.wall)
    sheet.lines(108, 222, 424, 11, 7, opacity=0.05)
    sheet.shape([(86, 218), (150, 158), (490, 158), (554, 218)], sheet.roof)
    sheet.rect(96, 212, 448, 6, TRIM)
    sheet.window(136, 238, 96, 38, bars=2, lit=sheet.random.random() < 0.5)
    sheet.door(262, 234, 34, 66)
    sheet.window(318, 238, 60, 38)
    sheet.rect(402, 238, 108, 62, "#f2f0ea", round_=1)
    sheet.lines(402, 253, 108, 15, 3, opacity=0.1)


def _town(sheet: Sheet) -> None:
    """Three row houses of different heights."""
    walls = ["#b78a74", sheet.wall, "#93a3a0"]
    sheet.random.shuffle(walls)
    heights = [196, 214, 184]
    for place, (x, height) in enumerate(zip((130, 258, 386), heights, strict=True)):
        top = GROUND - height
        if place == 1:
            sheet.shape([(x + 12, top - 6), (x + 63, top - 44), (x + 114, top - 6)], sheet.roof)
        sheet.rect(x, top, 126, height, walls[place])
        sheet.rect(x, top, 126, 9, TRIM)
        sheet.rect(x - 3, top - 6, 132, 7, sheet.roof)
        for y in range(top + 24, 196, 56):
            sheet.window(x + 18, y, 34, 34, lit=sheet.random.random() < 0.15)
            sheet.window(x + 74, y, 34, 34)
        sheet.door(x + 18, 238, 30, 62, sheet.random.choice(DOORS))
        sheet.window(x + 68, 240, 42, 36)


def _block(sheet: Sheet) -> None:
    """An apartment house with balconies."""
    sheet.rect(170, 62, 300, 238, sheet.wall)
    sheet.rect(400, 62, 70, 238, sheet.shade, opacity=0.6)
    sheet.rect(160, 52, 320, 12, sheet.roof)
    for floor in range(4):
        y = 82 + floor * 52
        for x in (190, 250, 330):
            sheet.window(x, y, 34, 30, lit=sheet.random.random() < 0.2)
        sheet.window(416, y, 38, 30)
        sheet.rect(238, y + 36, 60, 3, TRIM)
        for bar in range(10):
            sheet.rect(240 + bar * 6, y + 24, 1.5, 13, TRIM)
    sheet.rect(282, 252, 76, 8, TRIM)
    sheet.door(300, 262, 40, 38)


def _land(sheet: Sheet) -> None:
    """A lot without a house: trees, and a fence along it."""
    for x in (150, 205, 430, 500):
        sheet.tree(x, sheet.random.uniform(0.9, 1.4))
    for x in range(60, 600, 36):
        sheet.rect(x, 276, 5, 32, WOODS[2], round_=1)
    sheet.rect(50, 282, 550, 4, WOODS[2])
    sheet.rect(50, 294, 550, 4, WOODS[2])


HOUSES: tuple[Callable[[Sheet], None], ...] = (_gable, _modern, _mission, _colonial, _ranch)
_BY_TYPE: dict[str, tuple[Callable[[Sheet], None], ...]] = {
    "Townhouse": (_town,),
    "Condominium": (_block,),
    "Apartment": (_block,),
    "Stock Cooperative": (_block,),
    "Multi Family": (_block, _town),
    "Duplex": (_town, _colonial),
    "Triplex": (_town,),
    "Quadruplex": (_block, _town),
    "Manufactured Home": (_ranch,),
    "Manufactured On Land": (_ranch,),
    "Mobile Home": (_ranch,),
    "Ranch": (_ranch,),
    "Unimproved Land": (_land,),
    "Agriculture": (_land,),
    "Farm": (_ranch, _gable),
}


@lru_cache(maxsize=512)
def drawing(listing_id: int, property_sub_type: str = "", property_type: str = "") -> str:
    """Return the picture of a listing as SVG."""
    random = Random(listing_id * 7919)
    sheet = Sheet(random)
    top, low = random.choice(SKIES)
    sheet.oval(random.randint(470, 590), random.randint(52, 92), 24, 24, "#fff", opacity=0.55)
    near, far = random.randint(-14, 14), random.randint(-14, 14)
    sheet.path(
        f"M0 {224 + near}C120 {180 + far} 200 228 330 {196 + near}S560 {182 - far} 640 214V300H0Z",
        "#b9c8bd",
        opacity=0.55,
    )
    sheet.path(
        f"M0 262C150 {232 + far} 260 266 400 {244 - near}S590 232 640 252V320H0Z", "#a4b8a6", opacity=0.6
    )
    for x in (random.randint(36, 92), random.randint(552, 606)):
        sheet.tree(x, random.uniform(0.8, 1.15))
    sheet.rect(0, 296, WIDTH, 104, "url(#lawn)")
    sheet.oval(320, 304, 250, 10, "#000", opacity=0.08)
    houses = (_land,) if property_type == "Land" else _BY_TYPE.get(property_sub_type, HOUSES)
    house = random.choice(houses)
    house(sheet)
    if house is not _land:
        for x in (128, 168, 470, 512, random.randint(530, 560)):
            sheet.shrub(x)
        sheet.path("M292 302L228 400H420L352 302Z", "#e6dfd2", opacity=0.95)
    sheet.path("M0 372C120 352 520 352 640 372V400H0Z", "#8ba67e", opacity=0.35)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'preserveAspectRatio="xMidYMid slice"><defs>'
        f"{_gradient('sky', 0, (top, low))}{_GLASS}{_LAWN}</defs>"
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="url(#sky)"/>{"".join(sheet.parts)}</svg>'
    )


def _gradient(name: str, across: int, colours: tuple[str, ...]) -> str:
    last = len(colours) - 1
    told = "".join(f'<stop offset="{at / last}" stop-color="{colour}"/>' for at, colour in enumerate(colours))
    return f'<linearGradient id="{name}" x2="{across}" y2="1">{told}</linearGradient>'


_GLASS = _gradient("glass", 1, ("#8fa9b5", "#b9cbd1", "#7f9aa7"))
_LAWN = _gradient("lawn", 0, ("#b4c6a2", "#9db48e"))
