//! What stands in `#[source(...)]`, `#[star(...)]` and doc comments.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::meta::ParseNestedMeta;
use syn::{
    Attribute, Data, DataStruct, DeriveInput, Error, Expr, Field, Fields, Ident, Lifetime, Lit, LitStr, Meta, Result,
};

/// Hands each item of the attributes called `name` to `visit`, which says whether it knows the item.
pub(crate) fn visit(
    attributes: &[Attribute],
    name: &str,
    known: &str,
    mut visit: impl FnMut(&ParseNestedMeta<'_>) -> Result<bool>,
) -> Result<()> {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(name)) {
        attribute.parse_nested_meta(|meta| {
            if visit(&meta)? { Ok(()) } else { Err(meta.error(format!("unknown attribute, known are: {known}"))) }
        })?;
    }
    Ok(())
}

/// The text of `item = "text"`.
pub(crate) fn text(meta: &ParseNestedMeta<'_>) -> Result<String> {
    Ok(meta.value()?.parse::<LitStr>()?.value())
}

/// The doc comment, its lines joined by spaces.
pub(crate) fn doc_comment(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| {
        let Meta::NameValue(meta) = &attribute.meta else { return None };
        let Expr::Lit(literal) = &meta.value else { return None };
        match &literal.lit {
            Lit::Str(line) if meta.path.is_ident("doc") => Some(line.value().trim().to_owned()),
            _ => None,
        }
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The named fields of a struct.
pub(crate) fn named_fields<'a>(input: &DeriveInput, data: &'a DataStruct) -> Result<Vec<&'a Field>> {
    match &data.fields {
        Fields::Named(fields) if !fields.named.is_empty() => Ok(fields.named.iter().collect()),
        _ => Err(Error::new_spanned(input, "the struct needs named fields, one for each column")),
    }
}

/// The named fields of the struct that `input` is.
pub(crate) fn fields_of_struct(input: &DeriveInput) -> Result<Vec<&Field>> {
    match &input.data {
        Data::Struct(data) => named_fields(input, data),
        _ => Err(Error::new_spanned(input, "`Star` is for structs")),
    }
}

/// The name of a field.
pub(crate) fn field_ident(field: &Field) -> Result<&Ident> {
    field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "the field needs a name"))
}

/// A field's name as a column's: `r#type` is the column `type`.
pub(crate) fn column_name(ident: &Ident) -> String {
    let name = ident.to_string();
    name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
}

/// `SalesOrder` as `sales_order`.
pub(crate) fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    for (index, letter) in name.char_indices() {
        if letter.is_uppercase() && index > 0 {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// An error at `tokens` where `condition` does not hold.
pub(crate) fn ensure(condition: bool, tokens: impl ToTokens, message: &str) -> Result<()> {
    if condition { Ok(()) } else { Err(Error::new_spanned(tokens, message)) }
}

/// That a type has no parameters but lifetimes.
pub(crate) fn ensure_lifetimes_only(input: &DeriveInput) -> Result<()> {
    let plain = input.generics.type_params().next().is_none() && input.generics.const_params().next().is_none();
    ensure(plain, &input.generics, "the struct can have one lifetime, and no other parameters")?;
    ensure(input.generics.lifetimes().count() <= 1, &input.generics, "the struct can have one lifetime at most")
}

/// The type that `input` declares, with `lifetime` for its lifetime if it has one.
pub(crate) fn with_lifetime_argument(input: &DeriveInput, lifetime: &str) -> TokenStream {
    let ident = &input.ident;
    if input.generics.params.is_empty() {
        return quote!(#ident);
    }
    let lifetime = Lifetime::new(lifetime, Span::call_site());
    quote!(#ident<#lifetime>)
}
