//! What holds for the whole database: what the real one is like, said as checks.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;

use totesys::schema::Key;
use totesys::{Generator, Options, Size, Style, Table};

type Outcome = Result<(), Box<dyn Error>>;
/// A row as the JSON text of each column.
type Row = BTreeMap<String, String>;

fn lines(options: Options, table: Table) -> Result<String, Box<dyn Error>> {
    let mut bytes = Vec::new();
    Generator::new(options)?.write_table(table, &mut bytes)?;
    Ok(String::from_utf8(bytes)?)
}

/// The rows of a table in compact style, in which `,"` stands between columns and nowhere else.
fn rows(options: Options, table: Table) -> Result<Vec<Row>, Box<dyn Error>> {
    let cells = |line: &str| {
        let inside = line.strip_prefix("{\"").and_then(|rest| rest.strip_suffix('}')).ok_or("not an object")?;
        inside
            .split(",\"")
            .map(|cell| cell.split_once("\":").map(|(name, value)| (name.to_owned(), value.to_owned())))
            .collect::<Option<Row>>()
            .ok_or_else(|| format!("not a row: {line}").into())
    };
    lines(options, table)?.lines().map(cells).collect()
}

fn integers<'a>(rows: impl IntoIterator<Item = &'a Row>, column: &str) -> Result<Vec<i64>, Box<dyn Error>> {
    let integer = |row: &Row| row[column].parse().map_err(|_| format!("{column}: {}", row[column]).into());
    rows.into_iter().map(integer).collect()
}

fn hundredths(money: &str) -> Result<i64, Box<dyn Error>> {
    let (units, fraction) =
        money.split_once('.').filter(|(_, fraction)| fraction.len() == 2).ok_or("not two digits")?;
    Ok(units.parse::<i64>()? * 100 + fraction.parse::<i64>()?)
}

fn all_within(values: &[i64], low: i64, high: i64) -> bool {
    values.iter().all(|value| (low..=high).contains(value))
}

fn text(row: &Row, column: &str) -> String {
    row[column].trim_matches('"').to_owned()
}

fn days(date: &str) -> Result<i64, Box<dyn Error>> {
    let days = date[..10].parse::<chrono::NaiveDate>()?.signed_duration_since(chrono::NaiveDate::default());
    Ok(days.num_days())
}

#[test]
fn scale_one_has_the_volumes_of_the_real_database() -> Outcome {
    let expected = [30, 20, 3, 8, 20, 4, 473, 11_187, 4_649, 15_836, 15_836];
    let database = Generator::new(Options::default())?;
    for (table, rows) in Table::ALL.into_iter().zip(expected) {
        assert_eq!(rows, database.rows(table), "{}", table.name());
        assert_eq!(rows, database.write_table(table, std::io::sink())?, "{}", table.name());
    }
    Ok(())
}

#[test]
fn orders_set_the_exact_number_and_the_rest_follows() -> Outcome {
    for (orders, purchases, designs) in [(0, 0, 10), (1, 0, 10), (1_000_000, 415_572, 4_472)] {
        let database = Generator::new(Options { size: Size::SalesOrders(orders), ..Options::default() })?;
        assert_eq!((orders, purchases), (database.rows(Table::SalesOrder), database.rows(Table::PurchaseOrder)));
        assert_eq!((orders + purchases, designs), (database.rows(Table::Payment), database.rows(Table::Design)));
    }
    Ok(())
}

#[test]
fn impossible_sizes_are_refused() {
    for size in [Size::Scale(-1.0), Size::Scale(f64::NAN), Size::Scale(1e12), Size::SalesOrders(u64::MAX)] {
        let refusal = Generator::new(Options { size, ..Options::default() }).expect_err("an impossible size");
        assert!(refusal.to_string().contains("0 to 1500000000 sales orders"), "{refusal}");
    }
}

#[test]
fn tiny_databases_are_whole() -> Outcome {
    for (orders, hard) in [(0, false), (0, true), (1, true), (2, false), (12, true)] {
        for table in Table::ALL {
            let options = Options { size: Size::SalesOrders(orders), hard, ..Options::default() };
            assert_eq!(Generator::new(options)?.rows(table), lines(options, table)?.lines().count() as u64);
        }
    }
    Ok(())
}

#[test]
fn the_seed_and_nothing_else_decides() -> Outcome {
    let tables_without_names = [Table::Currency, Table::PaymentType];
    for table in Table::ALL {
        let options = Options { size: Size::Scale(0.1), hard: true, ..Options::default() };
        let other_seed = Options { seed: 2, ..options };
        assert_eq!(lines(options, table)?, lines(options, table)?);
        let is_same = lines(options, table)? == lines(other_seed, table)?;
        assert_eq!(tables_without_names.contains(&table), is_same, "{}", table.name());
    }
    Ok(())
}

#[test]
fn columns_stand_in_table_order() -> Outcome {
    for table in Table::ALL {
        let lines = lines(Options { size: Size::Scale(0.01), ..Options::default() }, table)?;
        let names: Vec<String> = table.columns().iter().map(|column| format!("\"{}\":", column.name)).collect();
        for line in lines.lines() {
            let places: Option<Vec<usize>> = names.iter().map(|name| line.find(name)).collect();
            assert!(places.is_some_and(|places| places.is_sorted() && places.len() == names.len()), "{line}");
        }
    }
    Ok(())
}

#[test]
fn keys_are_gapless_and_references_hold() -> Outcome {
    for (hard, seed) in [(false, 1), (true, 1), (false, 987_654_321), (true, u64::MAX)] {
        let options = Options { hard, seed, ..Options::default() };
        let mut keys = BTreeMap::new();
        for table in Table::ALL {
            let rows = rows(options, table)?;
            for column in table.columns() {
                assert!(column.nullable || rows.iter().all(|row| row[column.name] != "null"), "{}", column.name);
                let present = rows.iter().filter(|row| row[column.name] != "null");
                match column.key {
                    Key::None => {}
                    Key::Primary => {
                        let ids: BTreeSet<i64> = integers(&rows, column.name)?.into_iter().collect();
                        assert_eq!((1..=rows.len() as i64).collect::<BTreeSet<_>>(), ids, "{}", table.name());
                        keys.insert(table, ids);
                    }
                    Key::Foreign { table: parent, unique } => {
                        let ids = integers(present, column.name)?;
                        let distinct: BTreeSet<i64> = ids.iter().copied().collect();
                        assert!(distinct.is_subset(&keys[&parent]), "{} of {}", column.name, table.name());
                        assert!(!unique || distinct.len() == ids.len(), "{} of {}", column.name, table.name());
                    }
                }
            }
        }
    }
    Ok(())
}

#[test]
fn reference_tables_have_their_domains() -> Outcome {
    for seed in [1, 2, 99] {
        let options = Options { seed, ..Options::default() };
        let addresses = rows(options, Table::Address)?;
        let nulls = |column: &str| addresses.iter().filter(|row| row[column] == "null").count();
        assert_eq!((20, 14), (nulls("address_line_2"), nulls("district")));
        let is_shape = |text: &str, shape: &str| {
            text.len() == shape.len()
                && text.chars().zip(shape.chars()).all(|(c, s)| if s == 'd' { c.is_ascii_digit() } else { c == s })
        };
        for address in &addresses {
            assert!(is_shape(&text(address, "phone"), "dddd dddddd"));
            let postal_code = text(address, "postal_code");
            assert!(is_shape(&postal_code, "ddddd") || is_shape(&postal_code, "ddddd-dddd"));
        }
        assert!(addresses.iter().any(|address| text(address, "postal_code").starts_with('0')));
        for sign in ['\'', '&', '(', ',', '.'] {
            assert!(addresses.iter().any(|address| address["country"].contains(sign)), "{sign}");
        }

        let counterparties = rows(options, Table::Counterparty)?;
        let commas = counterparties.iter().filter(|row| row["counterparty_legal_name"].contains(',')).count();
        let distinct: BTreeSet<i64> = integers(&counterparties, "legal_address_id")?.into_iter().collect();
        assert_eq!((9, 14), (commas, distinct.len()));

        let departments = rows(options, Table::Department)?;
        let locations: BTreeSet<String> = departments.iter().map(|row| text(row, "location")).collect();
        assert_eq!(BTreeSet::from(["Leedes", "Leeds", "Manchester"].map(str::to_owned)), locations);

        let staff = rows(options, Table::Staff)?;
        let emails: BTreeSet<String> = staff.iter().map(|row| text(row, "email_address")).collect();
        assert_eq!(20, emails.len());
        for person in &staff {
            let name = format!("{}.{}", text(person, "first_name"), text(person, "last_name")).to_lowercase();
            assert_eq!(format!("{name}@terrifictotes.com"), text(person, "email_address"));
        }
        let with_apostrophe = |column: &str| staff.iter().filter(|row| row[column].contains('\'')).count();
        assert_eq!((1, 1), (with_apostrophe("last_name"), with_apostrophe("email_address")));
    }
    Ok(())
}

#[test]
fn designs_name_their_material_and_day() -> Outcome {
    let designs = rows(Options::default(), Table::Design)?;
    let materials: BTreeSet<String> = designs.iter().map(|row| text(row, "design_name")).collect();
    assert_eq!(12, materials.len());
    for design in &designs {
        let file_name = text(design, "file_name");
        let parts: Vec<&str> = file_name.split('-').collect();
        assert_eq!((3, text(design, "design_name").to_lowercase().as_str()), (parts.len(), parts[0]));
        assert!(parts[1].len() == 8 && parts[1] < text(design, "created_at").replace('-', "").as_str());
        assert!(parts[2].len() == 9 && parts[2].ends_with(".json"));
        assert!(text(design, "file_location").starts_with('/'));
    }
    Ok(())
}

#[test]
fn orders_have_their_domains() -> Outcome {
    let sales = rows(Options::default(), Table::SalesOrder)?;
    let prices =
        |rows: &[Row], column: &str| rows.iter().map(|row| hundredths(&row[column])).collect::<Result<Vec<_>, _>>();
    assert!(all_within(&integers(&sales, "units_sold")?, 1_001, 99_973));
    assert!(all_within(&prices(&sales, "unit_price")?, 200, 400));
    let purchases = rows(Options::default(), Table::PurchaseOrder)?;
    assert!(all_within(&integers(&purchases, "item_quantity")?, 1, 999));
    assert!(all_within(&prices(&purchases, "item_unit_price")?, 332, 99_907));
    for purchase in &purchases {
        let code = text(purchase, "item_code");
        assert!(code.len() == 7 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
    }
    Ok(())
}

#[test]
fn agreed_dates_are_near_but_for_some_that_are_years_ahead() -> Outcome {
    let mut ahead = Vec::new();
    for table in [Table::SalesOrder, Table::PurchaseOrder] {
        for order in rows(Options::default(), table)? {
            let created = days(&text(&order, "created_at"))?;
            assert!((0..=6).contains(&(days(&text(&order, "agreed_payment_date"))? - created)));
            ahead.push(days(&text(&order, "agreed_delivery_date"))? - created);
        }
    }
    let far: Vec<i64> = ahead.iter().copied().filter(|&days| days > 7).collect();
    assert!(all_within(&ahead, 0, 894) && far.iter().any(|&days| days > 730), "{far:?}");
    assert!((20..200).contains(&far.len()), "{}", far.len());
    Ok(())
}

#[test]
fn orders_are_no_older_than_what_they_refer_to() -> Outcome {
    let created = |rows: Vec<Row>, key: &str| -> BTreeMap<String, String> {
        rows.into_iter().map(|row| (row[key].clone(), padded(&text(&row, "created_at")))).collect()
    };
    let designs = created(rows(Options::default(), Table::Design)?, "design_id");
    for order in rows(Options::default(), Table::SalesOrder)? {
        assert!(designs[&order["design_id"]] <= padded(&text(&order, "created_at")));
    }
    Ok(())
}

/// A timestamp with three fraction digits, so that text compares as time does.
fn padded(timestamp: &str) -> String {
    let (seconds, fraction) = timestamp.split_once('.').unwrap_or((timestamp, ""));
    format!("{seconds}.{fraction:0<3}")
}

#[test]
fn rows_come_in_office_hours_with_few_fraction_digits() -> Outcome {
    let sales = rows(Options { size: Size::Scale(2.0), ..Options::default() }, Table::SalesOrder)?;
    let mut digits = [0; 4];
    for order in &sales {
        let created = text(order, "created_at");
        assert!(("08:00".."19:00").contains(&&created[11..16]), "{created}");
        assert!((days(&created)? + 3) % 7 < 5, "{created} is of a weekend");
        let fraction = created.get(20..).unwrap_or_default();
        assert!(!fraction.ends_with('0'), "{created}");
        digits[fraction.len()] += 1;
        assert_eq!(order["created_at"], order["last_updated"]);
    }
    let per_mille = digits[0] * 1_000 / sales.len();
    assert!(digits.iter().all(|&rows| rows > 0) && (1..=4).contains(&per_mille), "{digits:?}");
    Ok(())
}

#[test]
fn ids_run_ahead_of_time_by_eighteen_milliseconds_at_most() -> Outcome {
    for (table, inverted_min) in [(Table::SalesOrder, 50), (Table::PurchaseOrder, 0), (Table::Transaction, 300)] {
        let mut rows = rows(Options::default(), table)?;
        let key = table.columns()[0].name;
        rows.sort_by_key(|row| row[key].parse::<i64>().unwrap_or_default());
        let instants = rows.iter().map(|row| {
            let created = padded(&text(row, "created_at"));
            Ok(chrono::NaiveDateTime::parse_from_str(&created, "%Y-%m-%dT%H:%M:%S%.3f")?.and_utc().timestamp_millis())
        });
        let instants = instants.collect::<Result<Vec<i64>, Box<dyn Error>>>()?;
        let (mut newest, mut back_ms_max, mut inverted) = (instants[0], 0, 0);
        for instant in instants {
            back_ms_max = back_ms_max.max(newest - instant);
            inverted += usize::from(newest > instant);
            newest = newest.max(instant);
        }
        assert!(inverted >= inverted_min && back_ms_max <= 18, "{}: {inverted}, {back_ms_max} ms", table.name());
    }
    Ok(())
}

#[test]
fn edited_rows_stand_at_the_end() -> Outcome {
    for (table, least, most) in [(Table::Design, 25, 65), (Table::SalesOrder, 30, 80), (Table::Payment, 1_300, 1_800)] {
        let ids = integers(&rows(Options::default(), table)?, table.columns()[0].name)?;
        let in_order = ids.windows(2).take_while(|pair| pair[0] < pair[1]).count() + 1;
        assert!((least..most).contains(&(ids.len() - in_order)), "{}: {}", table.name(), ids.len() - in_order);
        assert!(ids[in_order..].is_sorted());
    }
    Ok(())
}

#[test]
fn whole_tables_share_the_millisecond_of_the_opening() -> Outcome {
    for table in [Table::Address, Table::Counterparty, Table::Currency, Table::Department, Table::Staff] {
        let rows = rows(Options::default(), table)?;
        let instants: BTreeSet<&String> =
            rows.iter().flat_map(|row| [&row["created_at"], &row["last_updated"]]).collect();
        assert_eq!(1, instants.len(), "{}", table.name());
    }
    Ok(())
}

#[test]
fn each_order_has_one_transaction_and_one_payment_of_the_exact_amount() -> Outcome {
    let by_key = |table: Table| -> Result<BTreeMap<String, Row>, Box<dyn Error>> {
        let key = table.columns()[0].name;
        Ok(rows(Options::default(), table)?.into_iter().map(|row| (row[key].clone(), row)).collect())
    };
    let (sales, purchases) = (by_key(Table::SalesOrder)?, by_key(Table::PurchaseOrder)?);
    let transactions = by_key(Table::Transaction)?;
    let mut orders = BTreeSet::new();
    for payment in rows(Options::default(), Table::Payment)? {
        let transaction = &transactions[&payment["transaction_id"]];
        let (sale, purchase) = (&transaction["sales_order_id"], &transaction["purchase_order_id"]);
        let (order, amount, kind) = match text(transaction, "transaction_type").as_str() {
            "SALE" => {
                let order = &sales[sale];
                assert_eq!("null", purchase);
                (order, order["units_sold"].parse::<i64>()? * hundredths(&order["unit_price"])?, "1")
            }
            _ => {
                let order = &purchases[purchase];
                assert_eq!("null", sale);
                (order, order["item_quantity"].parse::<i64>()? * hundredths(&order["item_unit_price"])?, "3")
            }
        };
        assert_eq!(amount, hundredths(&payment["payment_amount"])?);
        assert_eq!(kind, payment["payment_type_id"]);
        assert_eq!(order["currency_id"], payment["currency_id"]);
        assert_eq!(order["counterparty_id"], payment["counterparty_id"]);
        assert_eq!(order["agreed_payment_date"], payment["payment_date"]);
        for column in ["company_ac_number", "counterparty_ac_number"] {
            assert!((10_000_000..=99_999_999).contains(&payment[column].parse::<i64>()?));
        }
        assert!(orders.insert((sale.clone(), purchase.clone())));
    }
    assert_eq!(sales.len() + purchases.len(), orders.len());
    Ok(())
}

#[test]
fn payments_that_are_due_are_paid_together_in_the_morning() -> Outcome {
    let payments = rows(Options::default(), Table::Payment)?;
    let mut runs: BTreeMap<String, usize> = BTreeMap::new();
    let mut unpaid = 0;
    for payment in &payments {
        let updated = text(payment, "last_updated");
        if payment["paid"] == "true" {
            assert_eq!("07:55:11", &updated[11..19]);
            assert!(updated[..10] >= *text(payment, "payment_date"));
            assert!((days(&updated)? + 3) % 7 < 5);
            *runs.entry(updated).or_default() += 1;
        } else {
            assert_eq!(updated, text(payment, "created_at"));
            unpaid += 1;
        }
    }
    let mornings: BTreeSet<&str> = runs.keys().map(|updated| &updated[..10]).collect();
    assert_eq!(mornings.len(), runs.len());
    assert!(runs.values().filter(|&&rows| rows >= 24).count() > 100 && (20..200).contains(&unpaid), "{unpaid}");
    Ok(())
}

#[test]
fn dump_style_says_the_same_as_python_would() -> Outcome {
    let options = Options { size: Size::Scale(0.2), style: Style::Dump, ..Options::default() };
    let lines = lines(options, Table::SalesOrder)?;
    assert!(lines.lines().all(|line| line.starts_with("{\"sales_order_id\": ") && !line.contains("\":\"")));
    for price in ["\"unit_price\": 2.0, ", "\"unit_price\": 3.4, "] {
        assert!(lines.contains(price), "{price}");
    }
    let seconds_or_six = |line: &str| {
        let created = line.split("\"created_at\": \"").nth(1).and_then(|rest| rest.split('"').next()).map(str::len);
        matches!(created, Some(19 | 26))
    };
    assert!(lines.lines().all(seconds_or_six));
    Ok(())
}

#[test]
fn hard_cases_are_among_the_rows() -> Outcome {
    let options = Options { hard: true, ..Options::default() };
    let departments = rows(options, Table::Department)?;
    let without_location = departments.iter().find(|row| row["location"] == "null").ok_or("a null location")?;
    let staff = rows(options, Table::Staff)?;
    assert!(staff.iter().any(|row| row["department_id"] == without_location["department_id"]));

    let addresses = lines(options, Table::Address)?;
    for text in ["\"NULL\"", ":\"\"", "東京", "Łódź", "🇨🇼", "\\t", "\\n", "\\\"", "\\\\", "\\u0001"] {
        assert!(addresses.contains(text), "{text}");
    }
    assert!(lines(options, Table::Counterparty)?.contains("👜"));
    let dumped = lines(Options { style: Style::Dump, ..options }, Table::Counterparty)?;
    assert!(dumped.is_ascii() && dumped.contains("\\ud83d\\udc5c"));

    let transactions = rows(options, Table::Transaction)?;
    let orphans =
        transactions.iter().filter(|row| row["sales_order_id"] == "null" && row["purchase_order_id"] == "null");
    assert_eq!(1, orphans.count());
    Ok(())
}
