//! `derive(Source)` for enums: a text column that holds one of the variants' names.

use crate::attributes::{ensure, snake_case, text, visit};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{DataEnum, DeriveInput, Result, Variant};

pub(crate) fn derive(input: &DeriveInput, data: &DataEnum) -> Result<TokenStream> {
    ensure(input.generics.params.is_empty(), &input.generics, "the enum can have no parameters")?;
    ensure(!data.variants.is_empty(), input, "the enum needs variants, one for each text")?;
    let ident = &input.ident;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let names = data.variants.iter().map(name).collect::<Result<Vec<_>>>()?;
    Ok(quote! {
        const _: () = {
            impl #ident {
                /// The text of the column.
                #[must_use]
                pub fn as_str(&self) -> &'static str {
                    match self { #(Self::#variants => #names,)* }
                }

                fn from_text(text: &str) -> ::core::option::Option<Self> {
                    match text {
                        #(#names => ::core::option::Option::Some(Self::#variants),)*
                        _ => ::core::option::Option::None,
                    }
                }
            }

            impl<'a> ::sdk::value::Value<'a> for #ident {
                fn column_type() -> ::core::option::Option<::sdk::bindings::star::transform::types::ColumnType> {
                    ::core::option::Option::Some(::sdk::bindings::star::transform::types::ColumnType::Utf8)
                }

                #[inline]
                fn read(
                    cursor: &mut ::sdk::cursor::Cursor<'a>,
                    slot: &::sdk::shape::Slot,
                ) -> ::core::option::Option<Self> {
                    Self::from_text(<&'a str as ::sdk::value::Value<'a>>::read(cursor, slot)?)
                }

                fn parse(
                    raw: &'a str,
                    _arena: &'a ::sdk::source::Arena,
                ) -> ::core::result::Result<Self, ::sdk::Reject> {
                    let text = ::sdk::value::enum_text(raw)?;
                    Self::from_text(&text).ok_or_else(|| ::sdk::value::unknown_variant(raw, &[#(#names),*]))
                }
            }

            impl ::sdk::column::StarValue for #ident {
                type Column = ::sdk::column::TextColumn;

                fn column_type() -> ::sdk::bindings::star::transform::types::ColumnType {
                    ::sdk::bindings::star::transform::types::ColumnType::Utf8
                }

                fn reserve(column: &mut Self::Column, rows: usize) {
                    <&str as ::sdk::column::StarValue>::reserve(column, rows);
                }

                #[inline]
                fn append(self, column: &mut Self::Column) {
                    ::sdk::column::StarValue::append(self.as_str(), column);
                }

                fn append_null(column: &mut Self::Column) {
                    <&str as ::sdk::column::StarValue>::append_null(column);
                }

                fn finish(column: Self::Column) -> ::sdk::bindings::star::transform::types::Column {
                    <&str as ::sdk::column::StarValue>::finish(column)
                }
            }
        };
    })
}

fn name(variant: &Variant) -> Result<String> {
    ensure(variant.fields.is_empty(), variant, "the variant stands for a text and can have no fields")?;
    let mut name = snake_case(&variant.ident.to_string()).to_uppercase();
    visit(&variant.attrs, "source", "`rename`", |meta| {
        let known = meta.path.is_ident("rename");
        if known {
            name = text(meta)?;
        }
        Ok(known)
    })?;
    Ok(name)
}
