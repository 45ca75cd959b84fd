//! The program as people use it: the real binary, each test in a folder of its own.

mod bad_input;
mod exec;
mod harness;
mod help;
mod interrupt;
mod read;
mod run;
