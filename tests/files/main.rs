//! Model files: what is saved comes back, what is damaged is noticed, and nothing is ever half written.

#![cfg(feature = "files")]

#[path = "../common/readers.rs"]
mod readers;
#[path = "../common/zoo.rs"]
mod zoo;

mod builder;
mod corpus;
mod crash;
mod damage;
mod malformed;
mod mutations;
mod round_trips;
