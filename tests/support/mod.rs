//! Starting the program, talking to it, asking it.

pub mod disk;
pub mod events;
pub mod http;
pub mod program;
pub mod provider;
pub mod tools;

pub use http::{Answer, Client};
pub use program::{Mizan, Server};
