//! Keeps the contract.

guests::guest!();
