//! `derive(Source)` for structs.

use crate::attributes::{
    column_name, ensure, ensure_lifetimes_only, field_ident, named_fields, snake_case, text, visit,
    with_lifetime_argument,
};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::visit_mut::{VisitMut, visit_type_mut};
use syn::{DataStruct, DeriveInput, Field, Lifetime, Result, Type};

/// A field of the struct.
struct Column {
    ident: syn::Ident,
    name: String,
    /// The type, its lifetime called `'a`.
    of_line: Type,
    lookup: Option<Lookup>,
}

struct Lookup {
    table: String,
    source_column: String,
    key: String,
    /// The nested struct: the type without `Option`, its lifetime `'static`.
    nested: Type,
}

pub(crate) fn derive(input: &DeriveInput, data: &DataStruct) -> Result<TokenStream> {
    ensure_lifetimes_only(input)?;
    let mut table = snake_case(&input.ident.to_string());
    visit(&input.attrs, "source", "`table`", |meta| {
        let known = meta.path.is_ident("table");
        if known {
            table = text(meta)?;
        }
        Ok(known)
    })?;
    let columns: Vec<_> = named_fields(input, data)?.into_iter().map(column).collect::<Result<_>>()?;
    for (index, column) in columns.iter().enumerate() {
        let first = columns[..index].iter().all(|earlier| earlier.name != column.name);
        ensure(first, &column.ident, "another field reads the same column")?;
    }
    Ok(implementation(input, &table, &columns))
}

fn column(field: &Field) -> Result<Column> {
    let ident = field_ident(field)?.clone();
    let mut name = column_name(&ident);
    let (mut lookup_table, mut source_column, mut key) = (None, None, None);
    visit(&field.attrs, "source", "`rename`, `lookup`, `column`, `key`", |meta| {
        if meta.path.is_ident("rename") {
            name = text(meta)?;
        } else if meta.path.is_ident("lookup") {
            lookup_table = Some(text(meta)?);
        } else if meta.path.is_ident("column") {
            source_column = Some(text(meta)?);
        } else if meta.path.is_ident("key") {
            key = Some(text(meta)?);
        } else {
            return Ok(false);
        }
        Ok(true)
    })?;
    let lookup = match (lookup_table, source_column, key) {
        (None, None, None) => None,
        (Some(table), Some(source_column), key) => {
            let key = key.unwrap_or_else(|| source_column.clone());
            name.clone_from(&table);
            Some(Lookup { table, source_column, key, nested: with_lifetime(without_option(&field.ty), "'static") })
        }
        _ => {
            return Err(syn::Error::new_spanned(
                field,
                "a lookup needs its table and the column that refers to it: `lookup = \"department\", column = \"department_id\"`",
            ));
        }
    };
    Ok(Column { ident, name, of_line: with_lifetime(&field.ty, "'a"), lookup })
}

fn implementation(input: &DeriveInput, table: &str, columns: &[Column]) -> TokenStream {
    let ident = &input.ident;
    // The lifetime stays without a name: the one of `Of` may have the same.
    let of_any = with_lifetime_argument(input, "'_");
    let of_line = with_lifetime_argument(input, "'a");
    let count = columns.len();
    let idents: Vec<_> = columns.iter().map(|column| &column.ident).collect();
    let names: Vec<_> = columns.iter().map(|column| &column.name).collect();
    let types: Vec<_> = columns.iter().map(|column| &column.of_line).collect();
    let indices: Vec<_> = (0..count).collect();
    let values: Vec<_> = indices.iter().map(|index| format_ident!("value_{index}")).collect();
    let nested = columns.iter().map(|column| match &column.lookup {
        Some(Lookup { nested, .. }) => quote!(Some(<#nested as ::sdk::Source>::COLUMNS)),
        None => quote!(None),
    });
    let lookups = columns.iter().filter_map(|column| {
        let Lookup { table, source_column, key, nested } = column.lookup.as_ref()?;
        Some(quote! {
            ::sdk::bindings::star::transform::types::Lookup {
                table: #table.to_owned(),
                source_column: #source_column.to_owned(),
                key: #key.to_owned(),
                columns: <#nested as ::sdk::Source>::source_columns(),
            }
        })
    });

    quote! {
        const _: () = {
            impl ::sdk::Source for #of_any {
                type Of<'a> = #of_line;
                const TABLE: &'static str = #table;
                const COLUMNS: &'static ::sdk::shape::Columns = &::sdk::shape::Columns {
                    names: &[#(#names),*],
                    nested: &[#(#nested),*],
                };

                #[inline(always)]
                fn read<'a>(
                    cursor: &mut ::sdk::cursor::Cursor<'a>,
                    shape: &::sdk::shape::Shape,
                ) -> ::core::option::Option<#of_line> {
                    #(let mut #values: ::core::option::Option<#types> = ::core::option::Option::None;)*
                    for slot in &shape.slots {
                        cursor.literal(&slot.before)?;
                        match slot.column {
                            #(#indices => #values = ::core::option::Option::Some(
                                <#types as ::sdk::value::Value<'a>>::read(cursor, slot)?
                            ),)*
                            _ => cursor.skip_value()?,
                        }
                    }
                    cursor.literal(&shape.tail)?;
                    ::core::option::Option::Some(#ident {
                        #(#idents: match #values {
                            ::core::option::Option::Some(value) => value,
                            ::core::option::Option::None => <#types as ::sdk::value::Value<'a>>::absent()?,
                        },)*
                    })
                }

                fn parse<'a>(
                    object: &'a str,
                    arena: &'a ::sdk::source::Arena,
                ) -> ::core::result::Result<#of_line, ::sdk::Reject> {
                    let raws = ::sdk::source::raw_columns::<#count>(object, <Self as ::sdk::Source>::COLUMNS)?;
                    ::core::result::Result::Ok(#ident {
                        #(#idents: ::sdk::value::parse_column(#names, raws[#indices], arena)?,)*
                    })
                }

                fn source_columns() -> ::std::vec::Vec<::sdk::bindings::star::transform::types::SourceColumn> {
                    fn columns<'a>() -> ::std::vec::Vec<::sdk::bindings::star::transform::types::SourceColumn> {
                        [#(::sdk::manifest::source_column::<#types>(#names)),*].into_iter().flatten().collect()
                    }
                    columns()
                }

                fn lookups() -> ::std::vec::Vec<::sdk::bindings::star::transform::types::Lookup> {
                    ::std::vec![#(#lookups),*]
                }
            }

            impl<'a> ::sdk::value::Value<'a> for #of_line {
                fn column_type() -> ::core::option::Option<::sdk::bindings::star::transform::types::ColumnType> {
                    ::core::option::Option::None
                }

                fn read(
                    cursor: &mut ::sdk::cursor::Cursor<'a>,
                    slot: &::sdk::shape::Slot,
                ) -> ::core::option::Option<Self> {
                    <Self as ::sdk::Source>::read(cursor, slot.nested.as_ref()?)
                }

                fn parse(
                    raw: &'a str,
                    arena: &'a ::sdk::source::Arena,
                ) -> ::core::result::Result<Self, ::sdk::Reject> {
                    <Self as ::sdk::Source>::parse(raw, arena)
                }
            }
        };
    }
}

/// `T` of `Option<T>`, and any other type as it is.
fn without_option(field_type: &Type) -> &Type {
    if let Type::Path(path) = field_type
        && let Some(last) = path.path.segments.last()
        && last.ident == "Option"
        && let syn::PathArguments::AngleBracketed(arguments) = &last.arguments
        && let Some(syn::GenericArgument::Type(inner)) = arguments.args.first()
    {
        return inner;
    }
    field_type
}

/// The type with each lifetime, also one left out in a reference, called `lifetime`.
fn with_lifetime(field_type: &Type, lifetime: &str) -> Type {
    struct Renamer(Lifetime);
    impl VisitMut for Renamer {
        fn visit_lifetime_mut(&mut self, lifetime: &mut Lifetime) {
            *lifetime = self.0.clone();
        }

        fn visit_type_mut(&mut self, node: &mut Type) {
            if let Type::Reference(reference) = node {
                reference.lifetime.get_or_insert_with(|| self.0.clone());
            }
            visit_type_mut(self, node);
        }
    }
    let mut renamed = field_type.clone();
    Renamer(Lifetime::new(lifetime, proc_macro2::Span::call_site())).visit_type_mut(&mut renamed);
    renamed
}
