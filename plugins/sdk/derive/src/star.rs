//! `derive(Star)`.

use crate::attributes::{
    column_name, doc_comment, ensure, ensure_lifetimes_only, field_ident, fields_of_struct, snake_case, text, visit,
    with_lifetime_argument,
};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{DeriveInput, Error, Field, Result};

/// What stands on the struct.
struct Table {
    name: String,
    is_fact: bool,
    key: Vec<String>,
}

pub(crate) fn derive(input: &DeriveInput) -> Result<TokenStream> {
    ensure_lifetimes_only(input)?;
    let table = table(input)?;
    let fields = fields_of_struct(input)?;
    let names = fields.iter().map(|field| name(field)).collect::<Result<Vec<_>>>()?;
    for part in &table.key {
        ensure(names.contains(part), input, &format!("the key names `{part}`, but no field has that name"))?;
    }
    let manifest_fields =
        fields.iter().zip(&names).map(|(field, name)| manifest_field(field, name)).collect::<Result<Vec<_>>>()?;
    implementation(input, &table, &fields, &manifest_fields)
}

fn table(input: &DeriveInput) -> Result<Table> {
    let mut name = snake_case(&input.ident.to_string());
    let mut is_fact = None;
    let mut key = Vec::new();
    visit(&input.attrs, "star", "`fact`, `dimension`, `key`, `table`", |meta| {
        if meta.path.is_ident("fact") {
            is_fact = Some(true);
        } else if meta.path.is_ident("dimension") {
            is_fact = Some(false);
        } else if meta.path.is_ident("key") {
            key = text(meta)?.split(',').map(|part| part.trim().to_owned()).collect();
        } else if meta.path.is_ident("table") {
            name = text(meta)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    })?;
    let hint = "say what the table holds: `#[star(fact, key = \"...\")]` or `#[star(dimension, key = \"...\")]`";
    let is_fact = is_fact.ok_or_else(|| Error::new_spanned(&input.ident, hint))?;
    ensure(!key.is_empty(), &input.ident, hint)?;
    Ok(Table { name, is_fact, key })
}

fn name(field: &Field) -> Result<String> {
    let mut name = column_name(field_ident(field)?);
    visit(&field.attrs, "star", "`rename`, `references`", |meta| {
        if meta.path.is_ident("rename") {
            name = text(meta)?;
        } else if meta.path.is_ident("references") {
            text(meta)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    })?;
    Ok(name)
}

fn manifest_field(field: &Field, name: &str) -> Result<TokenStream> {
    let mut references = quote!(::core::option::Option::None);
    visit(&field.attrs, "star", "`rename`, `references`", |meta| {
        let value = text(meta)?;
        if meta.path.is_ident("references") {
            let (table, field) = value.split_once('.').ok_or_else(|| meta.error("a reference is `table.field`"))?;
            references = quote!(::core::option::Option::Some((#table, #field)));
        }
        Ok(true)
    })?;
    let field_type = &field.ty;
    let comment = doc_comment(&field.attrs);
    Ok(quote!(::sdk::manifest::field::<#field_type>(#name, #references, #comment)))
}

fn implementation(
    input: &DeriveInput,
    table: &Table,
    fields: &[&Field],
    manifest_fields: &[TokenStream],
) -> Result<TokenStream> {
    let ident = &input.ident;
    let (impl_generics, type_generics, _) = input.generics.split_for_impl();
    let without_lifetime = with_lifetime_argument(input, "'static");
    let Table { name, is_fact, key } = table;
    let comment = doc_comment(&input.attrs);
    let idents = fields.iter().map(|field| field_ident(field)).collect::<Result<Vec<_>>>()?;
    let types: Vec<_> = fields.iter().map(|field| &field.ty).collect();
    let parameters: Vec<_> = (0..fields.len()).map(|index| format_ident!("C{index}")).collect();
    Ok(quote! {
        const _: () = {
            // One parameter a column, so that the columns of a row with a lifetime have none.
            #[derive(Default)]
            pub struct Columns<#(#parameters),*> {
                #(#idents: #parameters,)*
            }

            impl #impl_generics ::sdk::Star for #ident #type_generics {
                type Columns = Columns<#(<#types as ::sdk::column::StarValue>::Column),*>;
                type Static = #without_lifetime;

                fn star_table() -> ::sdk::bindings::star::transform::types::StarTable {
                    ::sdk::manifest::star_table(#name, #is_fact, &[#(#key),*], ::std::vec![#(#manifest_fields),*], #comment)
                }

                fn reserve(columns: &mut Self::Columns, rows: usize) {
                    #(<#types as ::sdk::column::StarValue>::reserve(&mut columns.#idents, rows);)*
                }

                #[inline(always)]
                fn append(self, columns: &mut Self::Columns) {
                    #(::sdk::column::StarValue::append(self.#idents, &mut columns.#idents);)*
                }

                fn finish(columns: Self::Columns) -> ::std::vec::Vec<::sdk::bindings::star::transform::types::Column> {
                    ::std::vec![#(<#types as ::sdk::column::StarValue>::finish(columns.#idents)),*]
                }
            }

            impl #impl_generics ::sdk::star::Rows for #ident #type_generics {
                type Columns = ::sdk::star::OneToOne<#without_lifetime>;

                fn star_tables() -> ::std::vec::Vec<::sdk::bindings::star::transform::types::StarTable> {
                    ::std::vec![<Self as ::sdk::Star>::star_table()]
                }

                #[inline(always)]
                fn append(self, columns: &mut Self::Columns, _line: u32) {
                    ::sdk::star::append_one(self, columns);
                }
            }
        };
    })
}
