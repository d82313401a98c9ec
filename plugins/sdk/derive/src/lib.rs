//! The derive macros of the plugin SDK; the SDK documents them at its traits `Source` and `Star`.

mod attributes;
mod source;
mod source_enum;
mod star;

use proc_macro::TokenStream;
use syn::{Data, DeriveInput, parse_macro_input};

/// Derives `sdk::Source`: a struct that a JSON line is read into, or an enum that a text column is read into.
#[proc_macro_derive(Source, attributes(source))]
pub fn derive_source(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    let tokens = match &input.data {
        Data::Enum(data) => source_enum::derive(&input, data),
        Data::Struct(data) => source::derive(&input, data),
        Data::Union(_) => Err(syn::Error::new_spanned(&input, "`Source` is for structs, and for enums without fields")),
    };
    tokens.unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Derives `sdk::Star`: a row of a star table.
#[proc_macro_derive(Star, attributes(star))]
pub fn derive_star(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    star::derive(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
