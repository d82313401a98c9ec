//! The made-up names that rows are put together from.

/// Given names of staff and contacts.
pub(crate) const FIRST_NAMES: &[&str] = &[
    "Aldith", "Benno", "Carys", "Dunstan", "Elspet", "Fergus", "Gwenda", "Hamo", "Idony", "Joss", "Kerensa", "Lowri",
    "Merryn", "Nye", "Odeta", "Piran", "Quenby", "Rhosyn", "Sorrel", "Tamsin", "Ulric", "Verity", "Wystan", "Ysolde",
];

/// Family names of staff and contacts.
pub(crate) const LAST_NAMES: &[&str] = &[
    "Applegarth",
    "Bickerdyke",
    "Copperwheat",
    "Drinkrow",
    "Entwhistle",
    "Fothergill",
    "Gathercole",
    "Hardwicke",
    "Inchbald",
    "Jellicoe",
    "Kettlewell",
    "Longbottom",
    "Micklethwait",
    "Nettleship",
    "Oldroyd",
    "Pennyfeather",
    "Quarmby",
    "Ramsbottom",
    "Sowerbutts",
    "Thistlewood",
    "Underhay",
    "Vipond",
    "Winterbourne",
    "Yaxley",
];

/// The one family name with an apostrophe.
pub(crate) const APOSTROPHE_LAST_NAME: &str = "O'Hanrahan";

/// The names of streets and second address lines, without their kind.
pub(crate) const PLACES: &[&str] = &[
    "Alder", "Bramble", "Clover", "Dogwood", "Elder", "Foxglove", "Gorse", "Hawthorn", "Ivy", "Juniper", "Kingcup",
    "Larch", "Mallow", "Nettle", "Osier", "Primrose", "Quince", "Rowan", "Sedge", "Teasel", "Umber", "Vetch", "Willow",
    "Yarrow",
];

/// Kinds of streets.
pub(crate) const STREETS: &[&str] = &["Lane", "Street", "Row", "Wynd", "Gate", "Hill", "Close", "Parade"];

/// Kinds of second address lines.
pub(crate) const BUILDINGS: &[&str] = &["House", "Mill", "Wharf", "Business Park", "Yard", "Chambers"];

/// The first words of cities.
pub(crate) const CITY_STARTS: &[&str] =
    &["Black", "Cold", "East", "Fair", "Great", "High", "King's", "Lower", "Nether", "St.", "Upper", "White"];

/// The second words of cities.
pub(crate) const CITY_ENDS: &[&str] =
    &["Barrow", "Combe", "Denholm", "Fenwick", "Garth", "Holt", "Marsham", "Ness", "Pendle", "Stoke", "Thorpe", "Wick"];

/// Districts, where an address has one.
pub(crate) const DISTRICTS: &[&str] = &[
    "North Vale",
    "Saltmarsh",
    "The Wolds",
    "West Riverside",
    "Lower Hundred",
    "Holderness Side",
    "Fell & Dale",
    "Old Town",
];

/// A country for each address, some with an apostrophe, an ampersand, parentheses, a comma or a full stop.
pub(crate) const COUNTRIES: &[&str] = &[
    "Lao People's Democratic Republic",
    "Saint Martin (French part)",
    "Trinidad & Tobago",
    "Iran, Islamic Republic of",
    "St. Kitts & Nevis",
    "Austria",
    "Belgium",
    "Chile",
    "Denmark",
    "Ecuador",
    "Finland",
    "Ghana",
    "Hungary",
    "Iceland",
    "Japan",
    "Kenya",
    "Latvia",
    "Malta",
    "Norway",
    "Oman",
    "Portugal",
    "Qatar",
    "Rwanda",
    "Sweden",
    "Tunisia",
    "Uruguay",
    "Viet Nam",
    "Wales",
    "Yemen",
    "Zambia",
];

/// What stands behind the first family name in the name of a counterparty.
pub(crate) const COMPANY_ENDS: &[&str] = &[" Ltd", " plc", " & Daughters", " Trading (UK)", " Holdings"];

/// The departments.
pub(crate) const DEPARTMENTS: &[&str] =
    &["Sales", "Purchasing", "Production", "Dispatch", "Finance", "Facilities", "Communications", "HR"];

/// Where each department is, with one misspelling that has to be kept.
pub(crate) const LOCATIONS: &[&str] =
    &["Manchester", "Manchester", "Leeds", "Leedes", "Manchester", "Manchester", "Leeds", "Leeds"];

/// Where departments move to.
pub(crate) const LATER_LOCATIONS: &[&str] = &["Bradford", "Halifax", "Sheffield", "York"];

/// The twelve materials that designs are named after.
pub(crate) const MATERIALS: &[&str] =
    &["Canvas", "Felt", "Hemp", "Linen", "Leather", "Cork", "Denim", "Jute", "Nylon", "Raffia", "Velvet", "Wickerwork"];

/// Where the files of designs lie.
pub(crate) const FILE_LOCATIONS: &[&str] = &[
    "/",
    "/srv/totes",
    "/srv/totes/new",
    "/mnt/designs",
    "/mnt/designs/archive+old",
    "/home/studio",
    "/var/spool/cad",
    "/opt/cad/share",
    "/export/patterns",
    "/media/scans",
    "/net/press",
    "/data/cad-files",
];

/// The letters and digits of item codes.
pub(crate) const CODE_ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

/// The letters and digits at the end of file names.
pub(crate) const FILE_ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Decimal digits.
pub(crate) const DIGITS: &[u8] = b"0123456789";
