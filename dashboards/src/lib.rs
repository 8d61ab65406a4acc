//! The HTTP face of Mizan: the API, the page that shopkeepers look at, health and metrics.
//!
//! [`router`] joins routes over a [`State`] made of the other rooms; [`serve`] listens. Each route is thin: it reads
//! the request, asks a room, and writes the answer. Faults are RFC 9457 problems that say what to do.
//!
//! Every route but health, the page's files and the API's description asks for a key ([`auth`]). This room keeps no
//! state of its own, computes no figures (it asks SQL), and never answers an unknown API path with a page.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod assets;
mod auth;
mod gate;
mod metrics;
mod patience;
mod problem;
mod routes;
mod server;
mod state;

pub use assets::is_placeholder;
pub use gate::{Gate, Rates};
pub use problem::Problem;
pub use routes::{openapi, router};
pub use server::{ServeError, ServerOptions, serve};
pub use state::{Progress, ShopInfo, State};
