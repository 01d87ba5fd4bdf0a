"""Invented names of listeners, places, browsers, artists and songs."""

from local.events.rng import Rng

FIRST_NAMES = {
    "F": (
        *("Amara", "Bettina", "Corisande", "Dalia", "Edda", "Fenna", "Greta", "Hollis", "Ione"),
        *("Junia", "Kestrel", "Liesel", "Maren", "Nerys", "Odile", "Petra", "Quilla", "Rosalba"),
    ),
    "M": (
        *("Alaric", "Boris", "Caspian", "Dorian", "Emeric", "Florian", "Gideon", "Hamish", "Ivo"),
        *("Jorund", "Kasimir", "Leander", "Magnus", "Nestor", "Osric", "Piers", "Quentin", "Rufus"),
    ),
}
LAST_NAMES = (
    *("Abernathy", "Birdwell", "Cavanaugh", "Drinkwater", "Ellsworth", "Fairbrother", "Goldfinch"),
    *("Hawksley", "Ironside", "Jessamine", "Kettleburn", "Larkspur", "Merriweather", "Nightingale"),
    *(
        "O'Dell",
        "Pennyfeather",
        "Quickley",
        "Ravenscroft",
        "Swann-Hale",
        "Thistlewood",
        "Underhill",
    ),
)
LOCATIONS = (
    *("Alder Falls, OR", "Bellmere, WA", "Cutler-Prade, TX", "Dunmore-Kessler-Vale, NY-NJ-PA"),
    *("East Harrow, ME", "Fort Lindley, CO", "Granby--Oakes--Whitlock, CA", "Hollin Springs, AR"),
    *("Isleton Bay, FL", "Juniper City, UT", "Kingsferry, VA-NC", "Lake Marron, MN-WI"),
    *("Mount Tilden, VT", "New Carrick-Ashby, LA", "Orchard Rapids, MI", "Port Savane, GA"),
    *("Quarry Junction, AZ", "Red Heron, MT", "St. Alban-Moor, IL-MO", "Tamarack, WI"),
)
_SYSTEMS = (
    "Windows NT 5.1",
    "Windows NT 6.1",
    "Windows NT 6.1; WOW64",
    "Windows NT 6.3; WOW64",
    "Macintosh; Intel Mac OS X 10_9_4",
    "Macintosh; Intel Mac OS X 10_10",
    "X11; Linux x86_64",
)

_ADJECTIVES = (
    *("Amber", "Broken", "Crooked", "Distant", "Electric", "Faded", "Golden", "Hollow", "Idle"),
    *("Jagged", "Kindly", "Lonesome", "Midnight", "Northern", "Oblique", "Paper", "Quiet", "Rusty"),
    *("Silver", "Tender", "Uneven", "Velvet", "Wandering", "Yellow", "Zealous"),
)
_NOUNS = (
    *("Anchor", "Bridge", "Comet", "Daughter", "Engine", "Feather", "Garden", "Harbor", "Island"),
    *("Jackal", "Kettle", "Lantern", "Mirror", "Needle", "Orchard", "Parade", "Quarry", "River"),
    *("Sparrow", "Tunnel", "Umbrella", "Valley", "Window", "Yardarm", "Zephyr"),
)
_VERBS = ("Burn", "Call", "Dance", "Fall", "Give", "Hold", "Listen", "Move", "Run", "Wait")
_FOREIGN_ARTISTS = (
    *(
        "Søren Vinterhav",
        "Los Ñandúes",
        "Été Sauvage",
        "Jürgen Straßner",
        "Maçã Verde",
        "Žofie Říha",
    ),
)
_FOREIGN_TITLES = ("Año Tras Año", "Élan", "Schöne Größe", "Último Café", "Hjärtat Går", "Naïveté")
_INSTRUMENTS = (
    "Strings_ Brass_ Glockenspiel_ Accordion_ Two Drums_ Bagpipes_ A Choir Of Children_ "
    "And One Rather Distant Bell Tower"
)


def user_agent(rng: Rng) -> str:
    """Return a browser; one with a comma is in double quotes, as in the app's logs."""
    system = rng.pick(_SYSTEMS)
    if rng.chance(0.2):
        version = rng.between(24, 32)
        return f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    engine, build = rng.between(534, 538), rng.between(10, 80)
    chrome = f"{rng.between(30, 37)}.0.{rng.between(1500, 2100)}.{rng.between(60, 160)}"
    return (
        f'"Mozilla/5.0 ({system}) AppleWebKit/{engine}.{build} (KHTML, like Gecko) '
        f'Chrome/{chrome} Safari/{engine}.{build}"'
    )


def artist_name(rng: Rng) -> str:
    """Return the name of an artist; `_` replaces a comma, as in the catalogue."""
    person = f"{rng.pick(FIRST_NAMES[rng.pick('FM')])} {rng.pick(LAST_NAMES)}"
    adjective, noun = rng.pick(_ADJECTIVES), rng.pick(_NOUNS)
    kind = rng.between(1, 100)
    if kind <= 3:
        return rng.pick(_FOREIGN_ARTISTS)
    if kind <= 5:
        return str(rng.between(10, 999))
    if kind <= 7:
        return f'DJ "{adjective}" {noun}'
    if kind <= 9:
        return f"{noun}/{person}"
    if kind <= 11:
        return f"{adjective}_ {noun} & {rng.pick(LAST_NAMES)}"
    if kind <= 45:
        return f"The {adjective} {noun}s"
    if kind <= 65:
        return f"{adjective} {noun}"
    return person


def song_title(rng: Rng) -> str:
    """Return the title of a song, up to 159 bytes long."""
    adjective, noun, verb = rng.pick(_ADJECTIVES), rng.pick(_NOUNS), rng.pick(_VERBS)
    other = rng.pick(_NOUNS)
    kind = rng.between(1, 100)
    if kind <= 3:
        return f"{rng.pick(_FOREIGN_TITLES)} ({adjective} Mix)"
    if kind <= 4:
        return str(rng.between(100, 2100))
    if kind <= 5:
        return f" {adjective} {noun} {verb}s "
    if kind <= 6:
        return f"The {adjective} {noun} Suite_ Op. {rng.between(10, 99)} (For {_INSTRUMENTS})"
    if kind <= 9:
        return f'"{verb}" The {noun}'
    if kind <= 12:
        return f"{verb} On_ {rng.pick(_VERBS)} Out_ {rng.pick(_VERBS)} Away"
    if kind <= 20:
        return f"{adjective} {noun} (Album Version)"
    if kind <= 23:
        return f"{noun} #{rng.between(2, 9)}"
    if kind <= 26:
        return f"{noun}/{other}"
    if kind <= 50:
        return f"{noun} Of The {other}"
    if kind <= 75:
        return f"{verb} The {adjective} {noun}"
    return f"{adjective} {noun}"
