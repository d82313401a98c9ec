//! The functions: the same program under a stand-in for Lambda, with stand-ins for all services around it.

mod backfill;
mod calls;
mod chaos;
mod days;
mod deadlines;
mod deployment;
mod events;
mod machine;
mod queue;
