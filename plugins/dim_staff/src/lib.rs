//! Staff, each with the department as it is now.

use sdk::{Context, Reject, Source, Star};

/// A member of staff as it stands in ToteSys.
#[derive(Source)]
#[source(table = "staff")]
pub struct Staff<'a> {
    staff_id: i32,
    first_name: &'a str,
    last_name: &'a str,
    department_id: i32,
    email_address: &'a str,
    #[source(lookup = "department", column = "department_id")]
    department: Option<Department<'a>>,
}

/// The department that the host joins in.
#[derive(Source)]
pub struct Department<'a> {
    department_name: &'a str,
    location: Option<&'a str>,
}

/// A member of staff.
#[derive(Star)]
#[star(dimension, key = "staff_id")]
pub struct DimStaff<'a> {
    /// The member of staff.
    staff_id: i32,
    /// The first name.
    first_name: &'a str,
    /// The last name.
    last_name: &'a str,
    /// The name of the department.
    department_name: &'a str,
    /// The place where the department works.
    location: &'a str,
    /// The address for e-mail.
    email_address: &'a str,
}

fn transform<'a>(staff: &Staff<'a>, _context: &Context<'_>) -> Result<DimStaff<'a>, Reject> {
    let department_id = staff.department_id;
    let department = staff.department.as_ref().ok_or_else(|| {
        Reject::new("no-department", format!("there is no department `{department_id}`")).column("department_id")
    })?;
    let location = department.location.ok_or_else(|| {
        Reject::new("no-location", format!("department `{department_id}` has no location"))
            .column("department.location")
    })?;
    Ok(DimStaff {
        staff_id: staff.staff_id,
        first_name: staff.first_name,
        last_name: staff.last_name,
        department_name: department.department_name,
        location,
        email_address: staff.email_address,
    })
}

sdk::plugin!(transform: Staff => DimStaff);

#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!("CARGO_MANIFEST_DIR"));
}
