"""Invented names: of listeners, places, browsers, artists and songs."""

from local.events.dice import Dice

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


def user_agent(dice: Dice) -> str:
    """Return a browser; those with a comma in them lie in double quotes, as in the app's logs."""
    system = dice.pick(_SYSTEMS)
    if dice.chance(0.2):
        version = dice.between(24, 32)
        return f"Mozilla/5.0 ({system}; rv:{version}.0) Gecko/20100101 Firefox/{version}.0"
    engine, build = dice.between(534, 538), dice.between(10, 80)
    chrome = f"{dice.between(30, 37)}.0.{dice.between(1500, 2100)}.{dice.between(60, 160)}"
    return (
        f'"Mozilla/5.0 ({system}) AppleWebKit/{engine}.{build} (KHTML, like Gecko) '
        f'Chrome/{chrome} Safari/{engine}.{build}"'
    )


def artist_name(dice: Dice) -> str:
    """Return the name of an artist; `_` stands where a comma was, as in the catalogue."""
    person = f"{dice.pick(FIRST_NAMES[dice.pick('FM')])} {dice.pick(LAST_NAMES)}"
    adjective, noun = dice.pick(_ADJECTIVES), dice.pick(_NOUNS)
    kind = dice.between(1, 100)
    if kind <= 3:
        return dice.pick(_FOREIGN_ARTISTS)
    if kind <= 5:
        return str(dice.between(10, 999))
    if kind <= 7:
        return f'DJ "{adjective}" {noun}'
    if kind <= 9:
        return f"{noun}/{person}"
    if kind <= 11:
        return f"{adjective}_ {noun} & {dice.pick(LAST_NAMES)}"
    if kind <= 45:
        return f"The {adjective} {noun}s"
    if kind <= 65:
        return f"{adjective} {noun}"
    return person


def song_title(dice: Dice) -> str:
    """Return the title of a song, up to 159 bytes long."""
    adjective, noun, verb = dice.pick(_ADJECTIVES), dice.pick(_NOUNS), dice.pick(_VERBS)
    other = dice.pick(_NOUNS)
    kind = dice.between(1, 100)
    if kind <= 3:
        return f"{dice.pick(_FOREIGN_TITLES)} ({adjective} Mix)"
    if kind <= 4:
        return str(dice.between(100, 2100))
    if kind <= 5:
        return f" {adjective} {noun} {verb}s "
    if kind <= 6:
        return f"The {adjective} {noun} Suite_ Op. {dice.between(10, 99)} (For {_INSTRUMENTS})"
    if kind <= 9:
        return f'"{verb}" The {noun}'
    if kind <= 12:
        return f"{verb} On_ {dice.pick(_VERBS)} Out_ {dice.pick(_VERBS)} Away"
    if kind <= 20:
        return f"{adjective} {noun} (Album Version)"
    if kind <= 23:
        return f"{noun} #{dice.between(2, 9)}"
    if kind <= 26:
        return f"{noun}/{other}"
    if kind <= 50:
        return f"{noun} Of The {other}"
    if kind <= 75:
        return f"{verb} The {adjective} {noun}"
    return f"{adjective} {noun}"
