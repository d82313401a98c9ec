//! The code of the plugin, as rustfmt leaves it.

use super::counted::lines;
use super::names::rust_name;
use super::plan::{Origin, Plan, SourceField, StarField};
use crate::manifest::{ColumnType, StarKind};
use crate::text::{NAME_CHARS_MAX, shown};

/// The longest line of code, as `rustfmt.toml` says.
const WIDTH_MAX: usize = 120;

/// `src/lib.rs`. `file` names the rows that the types were inferred from, `rows` says how many there were.
pub(super) fn plugin_code(plan: &Plan, file: &str, rows: u64) -> String {
    [
        format!("//! {}.\n\n{}\n", description(plan), imports(plan)),
        source_struct(plan, file, rows),
        star_struct(plan),
        function(plan),
        format!("sdk::plugin!(transform: {} => {});\n", plan.source_type, plan.star_type),
        CASES.to_owned(),
    ]
    .join("\n")
}

const CASES: &str = "\
#[cfg(test)]
#[test]
fn cases() {
    sdk::case::run::<Plugin>(env!(\"CARGO_MANIFEST_DIR\"));
}
";

/// What the plugin is, in a line without a point.
pub(super) fn description(plan: &Plan) -> String {
    let table = code_words(&plan.table);
    match plan.name.kind() {
        StarKind::Fact => format!("One row for each version of a row of {table}"),
        StarKind::Dimension => format!("The rows of {table}, one for each `{}`", plan.key),
    }
}

fn imports(plan: &Plan) -> String {
    let source_types = plan.source.iter().map(|field| match field.column_type {
        ColumnType::Date => "Date",
        ColumnType::Time => "Time",
        ColumnType::Timestamp => "Timestamp",
        ColumnType::Decimal { .. } => "Decimal",
        _ => "Source",
    });
    let star_types = plan.star.iter().map(|field| match field.origin {
        Origin::DateOf(_) => "Date",
        Origin::TimeOf(_) => "Time",
        Origin::RecordId | Origin::Column(_) => "Star",
    });
    let mut names: Vec<_> =
        ["Context", "Reject", "Source", "Star"].into_iter().chain(source_types).chain(star_types).collect();
    names.sort_unstable();
    names.dedup();
    format!("use sdk::{{{}}};", names.join(", "))
}

fn source_struct(plan: &Plan, file: &str, rows: u64) -> String {
    let mut code = format!(
        "/// A row of {}, with the types that {} of {} have.\n#[derive(Source)]\n#[source(table = {:?})]\npub struct {}{} {{\n",
        code_words(&plan.table),
        lines(rows),
        code_words(file),
        plan.table,
        plan.source_type,
        lifetime(plan, "<'a>"),
    );
    for field in &plan.source {
        code += &source_field(field);
    }
    for (column, seen) in &plan.left_out {
        code += &format!("    // {} is left out: {seen}.\n", code_words(column));
    }
    code + "}\n"
}

fn source_field(field: &SourceField) -> String {
    let mut code = format!("    /// {}.\n", capitalised(&field.seen));
    if let Some(rejects) = field.rejects {
        let which = match rejects.lines {
            1 => format!("line {}", rejects.first_line),
            count => format!("{}, the first is line {}", lines(count), rejects.first_line),
        };
        code += &format!("    /// Not all values are of this type, which rejects {which}.\n");
    }
    if field.name != field.column {
        code += &format!("    #[source(rename = {:?})]\n", field.column);
    }
    code + &format!("    {}: {},\n", rust_name(&field.name), rust_type(field.column_type, field.nullable))
}

fn star_struct(plan: &Plan) -> String {
    let kind = match plan.name.kind() {
        StarKind::Fact => "fact",
        StarKind::Dimension => "dimension",
    };
    // The table's name is that of the struct in snake case, letter by letter; digits may hide where a word begins.
    let table = if derived_table(&plan.star_type) == plan.name.as_str() {
        String::new()
    } else {
        format!(", table = {:?}", plan.name.as_str())
    };
    let mut code = format!(
        "/// {}.\n#[derive(Star)]\n#[star({kind}, key = {:?}{table})]\npub struct {}{} {{\n",
        description(plan),
        plan.key,
        plan.star_type,
        lifetime(plan, "<'a>"),
    );
    for field in &plan.star {
        code += &star_field(plan, field);
    }
    code + "}\n"
}

fn star_field(plan: &Plan, field: &StarField) -> String {
    let of = |index: usize| code_words(&plan.source[index].column);
    let (comment, column_type) = match field.origin {
        Origin::RecordId => {
            let comment = "Numbers the versions 1, 2, 3, ... in the order of arrival; a gap is a rejected version.";
            (Some(comment.to_owned()), "i32".to_owned())
        }
        Origin::Column(index) => {
            let source = &plan.source[index];
            let comment = (source.column != field.name).then(|| format!("The column {}.", of(index)));
            (comment, rust_type(source.column_type, source.nullable))
        }
        Origin::DateOf(index) => {
            (Some(format!("The day of {}.", of(index))), rust_type(ColumnType::Date, plan.source[index].nullable))
        }
        Origin::TimeOf(index) => {
            (Some("The time of that day.".to_owned()), rust_type(ColumnType::Time, plan.source[index].nullable))
        }
    };
    let comment = comment.map_or_else(String::new, |comment| format!("    /// {comment}\n"));
    format!("{comment}    {}: {column_type},\n", rust_name(&field.name))
}

fn function(plan: &Plan) -> String {
    let context = if plan.name.kind() == StarKind::Fact { "context" } else { "_context" };
    let start = format!("fn transform{}(", lifetime(plan, "<'a>"));
    let arguments =
        [format!("{}: &{}{}", plan.row, plan.source_type, lifetime(plan, "<'a>")), format!("{context}: &Context<'_>")];
    let end = format!(") -> Result<{}{}, Reject> {{", plan.star_type, lifetime(plan, "<'a>"));
    let on_a_line = format!("{start}{}{end}", arguments.join(", "));
    let head = if on_a_line.len() <= WIDTH_MAX {
        on_a_line
    } else {
        format!("{start}\n    {},\n    {},\n{end}", arguments[0], arguments[1])
    };
    let values: Vec<_> = plan.star.iter().map(|field| value_chain(plan, field)).collect();
    let fields: Vec<_> = plan.star.iter().zip(&values).map(|(field, value)| (rust_name(&field.name), value)).collect();
    let short: Vec<_> = fields.iter().map(|(name, value)| format!("{name}: {}", value.concat())).collect();
    let on_a_line = format!("    Ok({} {{ {} }})", plan.star_type, short.join(", "));
    if on_a_line.len() <= WIDTH_MAX {
        return format!("{head}\n{on_a_line}\n}}\n");
    }
    let mut body = format!("    Ok({} {{\n", plan.star_type);
    for (short, (name, value)) in short.iter().zip(fields) {
        let on_a_line = format!("        {short},");
        let field = if on_a_line.len() <= WIDTH_MAX {
            on_a_line
        } else {
            format!("        {name}: {},", value.join("\n            "))
        };
        body += &format!("{field}\n");
    }
    format!("{head}\n{body}    }})\n}}\n")
}

/// The expression of a star field's value, link by link.
fn value_chain(plan: &Plan, field: &StarField) -> Vec<String> {
    let part = |index: usize, part: &str| match plan.source[index].nullable {
        true => format!(".map(Timestamp::{part})"),
        false => format!(".{part}()"),
    };
    let (index, last) = match field.origin {
        Origin::RecordId => return vec!["context".to_owned(), ".record_id()?".to_owned()],
        Origin::Column(index) => (index, None),
        Origin::DateOf(index) => (index, Some(part(index, "date"))),
        Origin::TimeOf(index) => (index, Some(part(index, "time"))),
    };
    let column = format!(".{}", rust_name(&plan.source[index].name));
    [plan.row.clone(), column].into_iter().chain(last).collect()
}

fn rust_type(column_type: ColumnType, nullable: bool) -> String {
    let plain = match column_type {
        ColumnType::Boolean => "bool".to_owned(),
        ColumnType::Int32 => "i32".to_owned(),
        ColumnType::Int64 => "i64".to_owned(),
        ColumnType::Float64 => "f64".to_owned(),
        ColumnType::Decimal { precision, scale } => format!("Decimal<{precision}, {scale}>"),
        ColumnType::Date => "Date".to_owned(),
        ColumnType::Time => "Time".to_owned(),
        ColumnType::Timestamp => "Timestamp".to_owned(),
        ColumnType::Utf8 => "&'a str".to_owned(),
    };
    if nullable { format!("Option<{plain}>") } else { plain }
}

fn lifetime<'t>(plan: &Plan, text: &'t str) -> &'t str {
    if plan.has_texts() { text } else { "" }
}

/// A name of the source in backticks, whatever it holds.
fn code_words(name: &str) -> String {
    format!("`{}`", shown(name, NAME_CHARS_MAX).replace('`', "'"))
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The table's name that the SDK's derive gives a struct: an underscore before each capital letter.
fn derived_table(star_type: &str) -> String {
    let mut name = String::new();
    for letter in star_type.chars() {
        if letter.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(letter.to_lowercase());
    }
    name
}

/// `Cargo.toml`. In the project it takes from the workspace what all plugins share; elsewhere the SDK is pinned.
pub(super) fn plugin_manifest(plan: &Plan, sdk: Option<(&str, &str)>) -> String {
    let name = plan.name.as_str();
    let description = description(plan);
    let (package, dependency, lints) = match sdk {
        None => (
            "edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\npublish.workspace = true\n".to_owned(),
            "sdk.workspace = true\n".to_owned(),
            "\n[lints]\nworkspace = true\n",
        ),
        Some((folder, version)) => (
            "edition = \"2024\"\npublish = false\n".to_owned(),
            format!("sdk = {{ path = \"../../{folder}\", version = \"={version}\" }}\n"),
            "",
        ),
    };
    format!(
        "[package]\nname = \"{name}\"\ndescription = {}\nversion = \"1.0.0\"\n{package}\n\
         [lib]\ncrate-type = [\"cdylib\", \"rlib\"]\n\n[dependencies]\n{dependency}{lints}",
        toml::Value::from(description)
    )
}

/// `case.toml`: what the case with recorded lines is about.
pub(super) fn case_manifest(file: &str) -> String {
    format!(
        "story = {}\n",
        toml::Value::from(format!("Lines of `{}` as they were found, nulls among them", shown(file, NAME_CHARS_MAX)))
    )
}

#[cfg(test)]
mod tests {
    use super::super::names::pascal_case;
    use super::*;

    #[test]
    fn the_name_of_a_struct_is_read_as_the_derive_reads_it() {
        assert_eq!(derived_table(&pascal_case("fact_sales_order")), "fact_sales_order");
        assert_eq!(derived_table(&pascal_case("fact_3d_scan")), "fact3d_scan");
    }
}
