//! Decimals against integer arithmetic; integers, floats and texts against `serde_json`.

mod support;

use proptest::prelude::*;
use proptest::sample::select;
use sdk::Decimal;
use support::numbers::number;
use support::texts::text;
use support::{for_all, is_json, is_skipped, read};

/// `unscaled` / 10^`written` in units of 1 / 10^`scale`, if that is a whole number of at most `precision` digits.
fn rescaled(unscaled: i128, written: u32, precision: u32, scale: u32) -> Option<i128> {
    let rescaled = if written <= scale {
        unscaled.checked_mul(10_i128.pow(scale - written))?
    } else {
        let power = 10_i128.pow(written - scale);
        (unscaled % power == 0).then_some(unscaled / power)?
    };
    (rescaled.unsigned_abs() < 10_u128.pow(precision)).then_some(rescaled)
}

/// The number with its point, as one writes it by hand.
fn with_point(unscaled: i128, scale: u32) -> String {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0width$}", unscaled.unsigned_abs(), width = scale as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

fn check_decimal<const PRECISION: u8, const SCALE: u8>(unscaled: i128, written: u32) -> Result<(), TestCaseError> {
    let (precision, scale) = (u32::from(PRECISION), u32::from(SCALE));
    let expected = rescaled(unscaled, written, precision, scale);
    let plain = with_point(unscaled, written);
    for text in [plain.clone(), format!("{unscaled}e-{written}"), format!("{plain}E+0")] {
        let reading = read::<Decimal<PRECISION, SCALE>>(&text);
        prop_assert_eq!(reading.value.as_ref().ok().map(|found| found.unscaled()), expected, "{}", text);
        match reading.value {
            Ok(found) => prop_assert_eq!(found.to_string(), with_point(found.unscaled(), scale)),
            Err(reject) => prop_assert_eq!(reject.code, "decimal"),
        }
    }
    // A number as the database writes it is read without the exact reader, but for the widest ones.
    let is_usual = written == scale && unscaled.unsigned_abs() < 10_u128.pow(precision.min(18)) && precision != scale;
    prop_assert!(!is_usual || read::<Decimal<PRECISION, SCALE>>(&plain).is_predicted, "{}", plain);
    Ok(())
}

#[test]
fn decimals_are_as_integer_arithmetic_has_them() {
    let digits = (0..=38_u32, any::<i128>()).prop_map(|(digits, number)| number % 10_i128.pow(digits));
    let rounder = (digits.clone(), 0..10_u32).prop_map(|(number, zeros)| number - number % 10_i128.pow(zeros));
    for_all(20_000, &(prop_oneof![digits, rounder], 0..=38_u32), |(unscaled, written)| {
        check_decimal::<10, 2>(unscaled, written.min(4))?;
        check_decimal::<10, 2>(unscaled % 10_000_000_000, written.min(3))?;
        check_decimal::<18, 0>(unscaled, written)?;
        check_decimal::<18, 18>(unscaled, written)?;
        check_decimal::<19, 4>(unscaled, written)?;
        check_decimal::<38, 10>(unscaled, written)?;
        check_decimal::<1, 0>(unscaled, written)
    });
}

#[test]
fn any_number_is_read_by_every_type_in_both_ways_alike() {
    for_all(50_000, &number().prop_filter("JSON", |text| is_json(text)), |text| {
        let _ = read::<Decimal<10, 2>>(&text);
        let _ = read::<Decimal<38, 38>>(&text);
        let _ = read::<Option<Decimal<18, 9>>>(&text);
        let int = read::<i32>(&text).value.ok();
        let long = read::<i64>(&text).value.ok();
        // serde_json takes -0 for a float.
        if text != "-0" {
            prop_assert_eq!(int, serde_json::from_str(&text).ok(), "{}", text);
            prop_assert_eq!(long, serde_json::from_str(&text).ok(), "{}", text);
        }
        prop_assert_eq!(read::<f64>(&text).value.ok(), text.parse().ok().filter(|float: &f64| float.is_finite()));
        Ok(())
    });
}

#[test]
fn floats_keep_every_bit() {
    for_all(50_000, &any::<f64>().prop_filter("JSON", |float| float.is_finite()), |float| {
        for text in [format!("{float:?}"), format!("{float:e}"), format!("{float}")] {
            let found = read::<f64>(&text).value.expect("a float");
            prop_assert_eq!(found.to_bits(), float.to_bits(), "{}", text);
        }
        Ok(())
    });
}

#[test]
fn floats_are_as_serde_json_has_them() {
    // In this range a float is one exact operation away from its digits, so serde_json's quick way is exact too.
    for_all(50_000, &(-(1_i64 << 53)..=1 << 53, -22..=22_i32), |(digits, exponent)| {
        for text in [format!("{digits}e{exponent}"), with_point(digits.into(), exponent.unsigned_abs())] {
            let expected: f64 = serde_json::from_str(&text).expect("a float");
            prop_assert_eq!(read::<f64>(&text).value.ok(), Some(expected), "{}", text);
        }
        Ok(())
    });
}

#[test]
fn texts_are_as_serde_json_has_them() {
    for_all(20_000, &text().prop_filter("JSON", |text| is_json(text)), |text| {
        let reading = read::<String>(&text);
        let expected: Option<String> = serde_json::from_str(&text).ok();
        prop_assert_eq!(reading.is_predicted, !text.contains('\\'), "{}", text);
        prop_assert_eq!(reading.value.ok(), expected);
        Ok(())
    });
}

#[test]
fn booleans_and_nulls_are_themselves_alone() {
    for text in ["true", "false", "null", "0", "1", "\"true\"", "[]", "{}"] {
        assert_eq!(read::<bool>(text).value.ok(), serde_json::from_str(text).ok(), "{text}");
        let optional = read::<Option<bool>>(text);
        assert_eq!(optional.is_predicted, optional.value.is_ok(), "{text}");
        assert_eq!(optional.value.ok(), serde_json::from_str(text).ok(), "{text}");
    }
}

#[test]
fn only_json_is_skipped() {
    let words = select(vec!["null", "true", "false", "nul", "True", "fals", "\"\"", "\"", "''", "-", ""])
        .prop_map(str::to_owned);
    for_all(50_000, &prop_oneof![number(), text(), words], |text| {
        prop_assert!(is_json(&text) || !is_skipped(&text), "{}", text);
        Ok(())
    });
    for plain in ["null", "true", "false", "0", "-12.50", "999999999999999999", "\"\"", "\"漢字\""] {
        assert!(is_skipped(plain), "{plain}");
    }
}
