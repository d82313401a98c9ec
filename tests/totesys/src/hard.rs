//! Awkward values that the schema allows all the same.

use crate::reference::{Address, Counterparty, Department};

/// The department without a location; people work in it.
const DEPARTMENT_WITHOUT_LOCATION: u64 = 6;

pub(crate) fn change_department(id: u64, department: &mut Department) {
    match id {
        2 => department.manager = None,
        DEPARTMENT_WITHOUT_LOCATION => department.location = None,
        _ => {}
    }
}

pub(crate) fn change_address(id: u64, address: &mut Address) {
    match id {
        // The text, which is not the null.
        2 => address.district = Some("NULL".to_owned()),
        3 => address.line_2 = Some(String::new()),
        4 => address.line_1 = "Unit 3\tRear\nBehind the \"Old Mill\"\r\n".to_owned(),
        5 => address.line_1 = "C:\\totes\\new \\\"quoted\\\"".to_owned(),
        6 => {
            address.line_1 = "千代田区丸の内1-9-1".to_owned();
            address.city = "東京".to_owned();
        }
        7 => address.city = "Łódź-Übersee".to_owned(),
        8 => address.country = "Cu\u{301}raçao 🇨🇼".to_owned(),
        9 => address.district = Some(" leading and trailing ".to_owned()),
        10 => address.district = Some("null".to_owned()),
        // Looks like a key and a number behind it.
        11 => address.line_1 = "{\"units_sold\":5,\"x\":[null]}".to_owned(),
        12 => address.postal_code = "00000".to_owned(),
        // Control characters without a short escape, and line ends that are none in JSON.
        13 => address.line_1 = "\u{1}\u{8}\u{c}\u{1f}\u{7f}\u{85}\u{2028}\u{2029}\u{feff}".to_owned(),
        _ => {}
    }
}

pub(crate) fn change_counterparty(id: u64, counterparty: &mut Counterparty) {
    match id {
        1 => counterparty.legal_name = "Tote 👜 & Söhne, \"Große\" Taschen".to_owned(),
        2 => counterparty.commercial_contact = None,
        3 => counterparty.delivery_contact = Some(String::new()),
        4 => counterparty.legal_name = "株式会社トート (東京)".to_owned(),
        // Longer than any buffer that is sized for names.
        5 => counterparty.legal_name = "Very Long Name, ".repeat(1_000),
        6 => counterparty.delivery_contact = Some("Zoë 👩🏽‍🎨 D'Ångström".to_owned()),
        _ => {}
    }
}

/// What replaces the material and the file location of a design, if anything.
pub(crate) fn design_names(id: u64) -> Option<(&'static str, &'static str)> {
    match id {
        2 => Some(("Brocaded \"Lamé\"", "C:\\designs\\new")),
        3 => Some(("帆布", "/srv/\u{1f4c1}/帆布")),
        4 => Some(("", "/srv/tab\there")),
        _ => None,
    }
}
